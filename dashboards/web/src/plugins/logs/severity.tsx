// Colours of severities, the same in lists, charts and badges.

import type { LogHistogram } from '../../api/schema';
import type { Series } from '../../components/chart/Chart';
import css from './lines.module.css';

const COLOURS: Record<string, string> = { fatal: '--error', error: '--error', warn: '--series-2', info: '--series-1', debug: '--series-8', trace: '--series-8' };

/** A token. */
export function severityColour(severity: string | null | undefined): string {
  return COLOURS[severity ?? ''] ?? '--series-8';
}

export function Severity({ severity }: { severity: string | null | undefined }) {
  return (
    <span className={css.severity} data-severity={severity ?? 'none'}>
      {severity ?? '–'}
    </span>
  );
}

/** Bars of a histogram, the worst at the bottom. */
export function severitySeries({ buckets }: LogHistogram): Series[] {
  const bars = (name: string, colour: string, value: (bucket: LogHistogram['buckets'][number]) => number): Series => ({ name, colour, kind: 'bars', values: buckets.map(value) });
  return [
    bars('error', '--error', (bucket) => bucket.error + bucket.fatal),
    bars('warn', '--series-2', (bucket) => bucket.warn),
    bars('info', '--series-1', (bucket) => bucket.info),
    bars('other', '--series-8', (bucket) => bucket.debug + bucket.trace + bucket.unknown),
  ];
}
