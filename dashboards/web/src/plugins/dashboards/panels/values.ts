// How the values of a panel are written and judged.

import type { AnswerColumn, Panel, Threshold } from '../../../api/schema';
import { fixed, format, unitOf, type Unit } from '../../../format/number';

const TONES = { ok: '--good', warning: '--warning', critical: '--error' } as const;

/** A token for the level that a value has reached; undefined below the first threshold. */
export function colourOf(value: number | null | undefined, thresholds: readonly Threshold[] = []): string | undefined {
  if (value === null || value === undefined) return undefined;
  const reached = thresholds.filter(({ at }) => value >= at).at(-1);
  return reached === undefined ? undefined : TONES[reached.level];
}

/** Lines of a chart; what is as it should be needs none, nor does the end of the axis. */
export function linesOf({ thresholds = [] }: Panel) {
  return thresholds.flatMap(({ at, level }) => (level === 'ok' || at === 0 ? [] : [{ name: level, value: at, colour: TONES[level] }]));
}

export function written(value: number | null | undefined, panel: Panel): string {
  const unit = unitOf(panel.unit);
  return panel.decimals == null ? format(value, unit) : fixed(value, unit, panel.decimals);
}

const ENDS: readonly { end: RegExp; unit: Unit }[] = [
  { end: /_ms$/, unit: 'ms' },
  { end: /_ns$/, unit: 'ns' },
  { end: /_seconds$/, unit: 's' },
  { end: /_share$/, unit: 'share' },
  { end: /_bytes$/, unit: 'bytes' },
];

/** A column of a table: names say their unit at the end, as in `p95_ms`; that of the panel counts where they do not. */
export function columnOf({ name }: Pick<AnswerColumn, 'name'>, panelUnit?: string | null): { name: string; unit: Unit } {
  const told = ENDS.find(({ end }) => end.test(name));
  const rest = (told === undefined ? name : name.replace(told.end, '')).replaceAll('_', ' ');
  const known: Record<string, Unit> = { 'per second': 'per_second', ms: 'ms' };
  return { name: rest.charAt(0).toUpperCase() + rest.slice(1), unit: told?.unit ?? known[rest] ?? unitOf(panelUnit) };
}
