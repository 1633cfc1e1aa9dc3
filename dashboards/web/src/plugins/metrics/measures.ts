// What a metric can be asked, and in which unit it answers; docs/apm.md has the table.

import type { MetricSent, MetricSeries } from '../../api/schema';
import type { Unit } from '../../format/number';
import { NONE } from './search';

/** `level` rises and falls, `counter` only grows, `distribution` counts values by their size. */
export type Kind = 'level' | 'counter' | 'distribution';

const QUANTILES = ['p50', 'p90', 'p95', 'p99'];
const FUNCTIONS: Record<Kind, readonly string[]> = {
  level: ['avg', 'min', 'max', 'last', 'sum', 'count', ...QUANTILES],
  counter: ['rate', 'increase', 'count'],
  distribution: ['rate', 'increase', 'avg', ...QUANTILES, 'sum', 'count'],
};
const UNITS: Record<string, Unit> = { s: 's', ms: 'ms', ns: 'ns', By: 'bytes' };

export function kindOf({ type, temporality, monotonic }: MetricSent): Kind {
  if (type === 'gauge') return 'level';
  if (type !== 'sum') return 'distribution';
  return temporality === 'cumulative' && monotonic !== true ? 'level' : 'counter';
}

/** What may be asked; the one that is asked without saying so comes first. */
export function functionsOf(kind: Kind): readonly string[] {
  return FUNCTIONS[kind];
}

/** Whether a value of the function is one that was measured, so that single measurements stand beside it. */
export function isMeasured(kind: Kind, asked: string): boolean {
  if (kind === 'counter') return false;
  return !['rate', 'increase', 'count', 'sum'].includes(asked);
}

export function isHistogram(sent: MetricSent): boolean {
  return sent.type === 'histogram' || sent.type === 'exponential_histogram';
}

/** The unit of values of a metric. */
export function valueUnit(name: string, unit: string | null | undefined): Unit {
  if (unit === '1' && /(utilization|ratio|fraction)$/.test(name)) return 'share';
  return UNITS[unit ?? ''] ?? 'number';
}

/** The unit of what a function makes of them. */
export function unitOf(name: string, unit: string | null | undefined, kind: Kind, asked: string): Unit {
  if (asked === 'count') return 'count';
  const values = valueUnit(name, unit);
  if (asked === 'rate') return kind === 'counter' ? rateUnit(values) : 'per_second';
  if (asked === 'increase' && kind === 'distribution') return 'count';
  return values;
}

/** Seconds per second are a number: how many cores, how many at once. */
function rateUnit(values: Unit): Unit {
  if (values === 'bytes') return 'bytes_per_second';
  return values === 's' || values === 'ms' || values === 'ns' ? 'number' : 'per_second';
}

/** A unit that is not written beside numbers, as people read it: `{message}` counts messages. */
export function unitName(unit: string | null | undefined): string | undefined {
  if (unit == null || unit === '' || unit === '1' || unit in UNITS) return undefined;
  return unit.replace(/^\{(.*)\}$/, '$1');
}

const UNIT_WORDS: Readonly<Record<string, string>> = { By: 'bytes', 'By/s': 'bytes per second', s: 'seconds', ms: 'milliseconds', us: 'microseconds', ns: 'nanoseconds', '%': 'percent', Cel: '°C' };

/** A unit as a word, where no number stands beside it; none for what has no unit. */
export function unitWord(unit: string | null | undefined): string | undefined {
  return UNIT_WORDS[unit ?? ''] ?? unitName(unit);
}

/** Of single measurements, the largest of each bucket: what a spike was made of, and no heap of points. */
export function peaksOf<Point extends { time: number; value: number }>(points: readonly Point[], bucketMs: number): Point[] {
  const peaks = new Map<number, Point>();
  for (const point of points) {
    const bucket = Math.floor(point.time / bucketMs);
    const peak = peaks.get(bucket);
    if (peak === undefined || point.value > peak.value) peaks.set(bucket, point);
  }
  return [...peaks.values()];
}

/** What tells a series apart, in the order in which it was asked for. */
export function seriesName({ labels }: MetricSeries, by: readonly string[], otherwise: string): string {
  return by.length === 0 ? otherwise : by.map((label) => labels[label] ?? NONE).join(' · ');
}

export interface Figures {
  min: number | undefined;
  avg: number | undefined;
  max: number | undefined;
  last: number | undefined;
}

/** Of all values there are. */
export function figuresOf(values: readonly (number | null)[]): Figures {
  const told = values.filter((value) => value !== null);
  if (told.length === 0) return { min: undefined, avg: undefined, max: undefined, last: undefined };
  return {
    min: told.reduce((least, value) => Math.min(least, value)),
    avg: told.reduce((sum, value) => sum + value, 0) / told.length,
    max: told.reduce((most, value) => Math.max(most, value)),
    last: told.at(-1),
  };
}
