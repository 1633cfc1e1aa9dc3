// Statements over the range of the page: `$from`, `$to` and `$interval` have the values and types that a panel of a dashboard gives them
// (`given` in dashboards/src/choices.rs), so that a statement shows the same when it is pinned.

import { Failure } from '../../api/failure';
import type { Statement } from '../../api/schema';
import type { Fault } from '../../components/CodeEditor';
import { filled, namesIn } from '../dashboards/names';
import { INTERVALS_OF_PINNED } from '../dashboards/pinned';
import { timesOf, type Times } from '../dashboards/times';
import { timeOf, type Range } from '../../range/range';
import { paramsOf } from './answer';
import type { SqlSearch } from './index';

interface Given {
  /** For who writes a statement. */
  detail: string;
  /** What stands in the statement, around the place of the parameter. */
  around: (place: string) => string;
  value: (times: Times) => unknown;
}

// Nanoseconds are sent as text: JSON of scripts would round them.
const time = (place: string) => `to_timestamp_nanos(cast(${place} AS bigint))`;
const number = (place: string) => `cast(${place} AS double)`;

const GIVEN: ReadonlyMap<string, Given> = new Map([
  ['from', { detail: 'start of the range: start_time >= $from', around: time, value: ({ from }) => String(from) }],
  ['to', { detail: 'end of the range: start_time < $to', around: time, value: ({ to }) => String(to) }],
  ['interval', { detail: 'width for a chart: time_bucket($interval, start_time)', around: (place) => `cast(${place} AS interval)`, value: ({ interval_seconds }) => `${interval_seconds} seconds` }],
  ['interval_seconds', { detail: 'a number: count(*) / $interval_seconds', around: number, value: ({ interval_seconds }) => interval_seconds }],
  ['range_seconds', { detail: 'a number: count(*) / $range_seconds', around: number, value: ({ from, to }) => Number(to - from) / 1e9 }],
] satisfies [string, Given][]);

/** For completion. */
export const GIVEN_NAMES = [...GIVEN].map(([name, { detail }]) => ({ name: `$${name}`, detail }));

export interface Asked {
  statement: Statement;
  /** Undefined when the statement names none of them: it is the same over every range. */
  times: Times | undefined;
}

/** What is sent for an address; throws a `Failure` when that cannot be. */
export function askedOf({ sql = '', params, as_of }: SqlSearch, range: Range): Asked {
  const own = paramsOf(params);
  const rest = as_of === undefined ? {} : { as_of };
  if (!isRanged(sql)) return { statement: { sql, params: own, ...rest }, times: undefined };
  // A range up to now ends where telemetry does.
  const times = timesOf(range, INTERVALS_OF_PINNED, timeOf(as_of ?? 'now') ?? Date.now());
  return { statement: { ...bound(sql, own, times), ...rest }, times };
}

/** Whether the range makes a difference to the statement. */
export function isRanged(sql: string): boolean {
  return namesIn(sql).some(({ name }) => GIVEN.has(name));
}

/** The statement with parameters in the place of names, behind those that it has of its own. */
export function bound(sql: string, own: readonly unknown[], times: Times): Required<Pick<Statement, 'sql' | 'params'>> {
  const missing = namesIn(sql).find(({ name }) => Number(name) > own.length);
  // It would have the value of a name otherwise.
  if (missing !== undefined) throw new Failure(400, 'invalid_parameter', `parameter $${missing.name} has no value; ${own.length} values were given`, 'parameters are $1, $2, … in order');
  const places = placesOf(sql, own.length);
  return { sql: filled(sql, (name) => places.get(name)), params: [...own, ...[...places.keys()].map((name) => GIVEN.get(name)?.value(times))] };
}

/** A fault of what was sent, at its place in what was written. No name is on two lines, so that only columns are others. */
export function placed(fault: Fault, { sql, params }: { sql: string; params: string }): Fault {
  const places = placesOf(sql, paramsOf(params || undefined).length);
  const start = sql.split('\n').slice(0, fault.line - 1).reduce((sum, line) => sum + line.length + 1, 0);
  let column = fault.column ?? 1;
  for (const { name, at } of namesIn(sql)) {
    const sent = places.get(name);
    const first = at - start + 1;
    if (sent === undefined || first < 1) continue;
    if (column < first) break;
    if (column < first + sent.length) return { ...fault, column: first };
    column -= sent.length - (1 + name.length);
  }
  return { ...fault, column };
}

/** What stands for each name that is used; each value is sent once. */
function placesOf(sql: string, own: number): Map<string, string> {
  const used = [...new Set(namesIn(sql).map(({ name }) => name))].flatMap((name) => {
    const given = GIVEN.get(name);
    return given === undefined ? [] : [{ name, given }];
  });
  return new Map(used.map(({ name, given }, at) => [name, given.around(`$${own + at + 1}`)]));
}
