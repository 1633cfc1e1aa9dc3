// The times that a panel is asked about, by the rule of the server (`Times::read` in dashboards/src/times.rs), for statements that are not asked as panels.

import { Failure } from '../../api/failure';
import { timeOf, type Range } from '../../range/range';

export interface Times {
  /** In nanoseconds since 1970: scripts cannot count so far in numbers. */
  from: bigint;
  to: bigint;
  interval_seconds: number;
}

/** Of a chart over the whole width: as many as can be told apart. */
export const INTERVALS_OF_TWELFTH = 20;

const DAYS_MAX = 400;
const SECOND = 1_000_000_000n;
/** In seconds. */
const WIDTHS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 4 * 86_400, 7 * 86_400];
const WIDEST = 7 * 86_400;

/** The range in about so many intervals; throws a `Failure` for one that no panel can be asked about. */
export function timesOf(range: Range, intervals: number, now: number): Times {
  const [from, to] = [nanosOf(range.from, now), nanosOf(range.to, now)];
  if (from === undefined) throw wrong(`the range starts at '${range.from}', which is not a time`);
  if (to === undefined) throw wrong(`the range ends at '${range.to}', which is not a time`);
  if (from >= to) throw wrong(`the range starts at '${range.from}', which is not before its end, '${range.to}'`);
  if (to - from > BigInt(DAYS_MAX * 86_400) * SECOND) throw wrong(`the range is longer than ${DAYS_MAX} days`);
  const isEnough = (seconds: number) => to - from <= BigInt(seconds * intervals) * SECOND;
  return { from, to, interval_seconds: WIDTHS.find(isEnough) ?? WIDEST };
}

/** For charts and clocks. */
export function millisOf(nanos: bigint): number {
  return Number(nanos / 1_000_000n);
}

/** What is written below a millisecond counts, too. */
function nanosOf(text: string, now: number): bigint | undefined {
  const ms = timeOf(text, now);
  const below = /\.\d{3}(\d{1,6})/.exec(text)?.[1] ?? '';
  return ms === undefined ? undefined : BigInt(ms) * 1_000_000n + BigInt(below.padEnd(6, '0'));
}

function wrong(message: string): Failure {
  return new Failure(400, 'invalid', message, 'choose another range');
}
