// What a column is called where people read it, and the unit its name tells.

import type { AnswerColumn } from '../api/schema';
import { unitOf, type Unit } from '../format/number';

const ENDS: readonly { end: RegExp; unit: Unit }[] = [
  { end: /_ms$/, unit: 'ms' },
  { end: /_ns$/, unit: 'ns' },
  { end: /_seconds$/, unit: 's' },
  { end: /_share$/, unit: 'share' },
  { end: /_bytes$/, unit: 'bytes' },
];

/** Names say their unit at the end, as in `p95_ms`; another counts where they do not. */
export function columnOf({ name }: Pick<AnswerColumn, 'name'>, elseUnit?: string | null): { name: string; unit: Unit } {
  const told = ENDS.find(({ end }) => end.test(name));
  const rest = (told === undefined ? name : name.replace(told.end, '')).replaceAll('_', ' ');
  const known: Record<string, Unit> = { 'per second': 'per_second', ms: 'ms' };
  return { name: /^p\d+$/.test(rest) ? rest : rest.charAt(0).toUpperCase() + rest.slice(1), unit: told?.unit ?? known[rest] ?? unitOf(elseUnit) };
}
