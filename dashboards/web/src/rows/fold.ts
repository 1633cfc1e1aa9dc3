// Rows folded into what charts draw: one axis, and a series for each name and each column of values.

import { millis } from '../format/time';
import { isName, isNumeric, isTime, numberOf, textOf, type Rows } from './rows';

/** Which columns are what; the first that fit where nothing is said. */
export interface Shape {
  x?: string | null | undefined;
  y?: readonly string[] | undefined;
  series?: string | null | undefined;
}

export interface FoldedSeries {
  name: string;
  values: (number | null)[];
}

export interface Folded {
  /** The name of the column along the axis; empty when there is none. */
  x: string;
  /** Milliseconds since 1970, ascending, when the axis is of time. */
  times: number[] | undefined;
  /** What stands along the axis otherwise, in the order of the rows. */
  names: string[];
  series: FoldedSeries[];
  /** Further series, which are not among them. */
  seriesLeftOut: number;
}

/** The columns that `shape` means, by their place. */
export function columnsOf({ columns }: Rows, shape: Shape): { x: number; y: number[]; series: number } {
  const place = (name: string | null | undefined) => columns.findIndex((column) => column.name === name);
  const first = (fits: (at: number) => boolean) => columns.findIndex((_, at) => fits(at));
  const at = (is: typeof isTime) => (place: number) => columns[place] !== undefined && is(columns[place]);
  const said = place(shape.x);
  const time = first(at(isTime));
  const x = said >= 0 ? said : time >= 0 ? time : first(at(isName));
  const named = place(shape.series);
  const series = named >= 0 ? named : first((place) => place !== x && at(isName)(place));
  const numbers = columns.flatMap((column, place) => (isNumeric(column) && place !== x && place !== series ? [place] : []));
  const y = (shape.y ?? []).map(place).filter((place) => place >= 0);
  return { x, y: y.length > 0 ? y : numbers, series };
}

/** More cannot be told apart; and each has a place for every key, which a column of ids would make more than a browser holds. */
const SERIES_MAX = 100;
const CELLS_MAX = 5_000_000;

export function fold(answer: Rows, shape: Shape): Folded {
  const { x, y, series } = columnsOf(answer, shape);
  const column = answer.columns[x];
  const isOverTime = column !== undefined && isTime(column);
  const keys = new Map<string, number>();
  const names = new Map<string, number[]>();
  const cells: { key: number; name: string; value: number | null }[] = [];
  for (const row of answer.rows) {
    const written = x < 0 ? '' : textOf(row[x]);
    if (isOverTime && row[x] === null) continue;
    const key = keys.get(written) ?? keys.size;
    keys.set(written, key);
    for (const place of y) {
      const name = nameOf(answer, row, series, place, y.length);
      if (!names.has(name)) names.set(name, []);
      cells.push({ key, name, value: numberOf(row[place]) });
    }
  }
  return arranged(column?.name ?? '', [...keys.keys()], [...names.keys()], cells, isOverTime);
}

function arranged(x: string, keys: string[], names: string[], cells: readonly { key: number; name: string; value: number | null }[], isOverTime: boolean): Folded {
  const times = keys.map((key) => (isOverTime ? millis(key) : 0));
  const order = keys.map((_, at) => at);
  if (isOverTime) order.sort((one, other) => (times[one] ?? 0) - (times[other] ?? 0));
  const rank: number[] = [];
  order.forEach((key, at) => {
    rank[key] = at;
  });
  const shown = names.slice(0, Math.max(1, Math.min(SERIES_MAX, Math.floor(CELLS_MAX / Math.max(1, keys.length)))));
  const series = shown.map((name) => ({ name, values: keys.map((): number | null => null) }));
  const byName = new Map(series.map((each) => [each.name, each.values]));
  for (const { key, name, value } of cells) {
    const values = byName.get(name);
    if (values !== undefined) values[rank[key] ?? 0] = value;
  }
  return { x, times: isOverTime ? order.map((key) => times[key] ?? 0) : undefined, names: order.map((key) => keys[key] ?? ''), series, seriesLeftOut: names.length - shown.length };
}

function nameOf({ columns }: Rows, row: readonly unknown[], series: number, y: number, values: number): string {
  const column = columns[y]?.name ?? '';
  if (series < 0) return column;
  const name = row[series] === null ? '–' : textOf(row[series]);
  return values === 1 ? name : `${name} ${column}`;
}

/** Gaps where an interval has no row, so that lines are not drawn over them; what is stacked is 0 there. */
export function withGaps(folded: Folded, stepMs: number, from: number, to: number): Folded {
  const { times } = folded;
  if (times === undefined || times.length === 0 || !(stepMs > 0)) return folded;
  const first = times[0] ?? from;
  const start = first - Math.floor((first - from) / stepMs) * stepMs;
  const grid = new Set(times);
  for (let time = start; time < to && grid.size < POINTS_MAX; time += stepMs) grid.add(time);
  const all = [...grid].sort((one, other) => one - other);
  const place = new Map(times.map((time, at) => [time, at]));
  const series = folded.series.map(({ name, values }) => ({ name, values: all.map((time) => values[place.get(time) ?? -1] ?? null) }));
  return { ...folded, times: all, names: [], series };
}

const POINTS_MAX = 20_000;
