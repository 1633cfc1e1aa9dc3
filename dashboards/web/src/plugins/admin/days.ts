// Sizes by day and table, as series of a chart without gaps between its days.

import type { Series } from '../../components/chart/Chart';
import { millis } from '../../format/time';

export interface DayBytes {
  day: string;
  table_name: string;
  bytes: number;
}

const DAY_MS = 86_400_000;
/** A single day would be drawn as wide as the chart. */
const DAYS_MIN = 14;

export function bytesByDay(rows: readonly DayBytes[]): { times: number[]; series: Series[]; from: number; to: number } {
  const days = rows.map(({ day }) => millis(day));
  const last = Math.max(...days);
  const first = Math.min(...days, last - (DAYS_MIN - 1) * DAY_MS);
  const times = Array.from({ length: Math.round((last - first) / DAY_MS) + 1 }, (_, at) => first + at * DAY_MS);
  const sizes = new Map<string, number[]>();
  for (const { day, table_name, bytes } of rows) {
    const values = sizes.get(table_name) ?? times.map(() => 0);
    const at = Math.round((millis(day) - first) / DAY_MS);
    values[at] = (values[at] ?? 0) + bytes;
    sizes.set(table_name, values);
  }
  const total = (values: number[]) => values.reduce((sum, value) => sum + value, 0);
  const largestFirst = [...sizes].sort(([, one], [, other]) => total(other) - total(one));
  return { times, series: largestFirst.map(([name, values]) => ({ name, values, kind: 'bars' })), from: first - DAY_MS / 2, to: last + DAY_MS - 1 };
}
