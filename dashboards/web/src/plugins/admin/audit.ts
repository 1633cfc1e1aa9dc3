// Questions to the audit trail, and what is made of their answers.

import type { Facet } from '../../components/Facets';
import type { Range } from '../../range/range';
import type { AuditSearch } from './index';
import type { Param, Question } from './sql';

/** Entries that are listed; who looks for more narrows the range, or exports. */
export const LISTED_MAX = 1000;
const FACET_ROWS_MAX = 5000;
const FACET_VALUES_MAX = 50;

/** A row of `hub.audit`. */
export interface AuditRow {
  sequence: number;
  time: string;
  who: string;
  who_name: string;
  action: string;
  subject: string;
  details: string;
  address: string | null;
  agent: string | null;
  trace_id: string | null;
  previous: string;
  hash: string;
}

export interface AuditCount {
  who_name: string;
  action: string;
  count: number;
}

export type AuditFilter = Pick<AuditSearch, 'who' | 'action' | 'text'>;

/** Entries, the newest first. */
export function entriesQuestion(filter: AuditFilter, range: Range): Question {
  const { where, params } = conditions(filter, range);
  return { sql: `select * from hub.audit where ${where} order by sequence desc limit ${LISTED_MAX}`, params };
}

/** The same as a file: all of them, the oldest first, as the chain goes. */
export function exportQuestion(filter: AuditFilter, range: Range): Question {
  const { where, params } = conditions(filter, range);
  return { sql: `select * from hub.audit where ${where} order by sequence`, params };
}

/** Who did how much of what in the range. */
export function countsQuestion({ text }: AuditFilter, range: Range): Question {
  const { where, params } = conditions({ text }, range);
  return { sql: `select who_name, action, count(*) as count from hub.audit where ${where} group by 1, 2 order by 3 desc limit ${FACET_ROWS_MAX}`, params };
}

export function entryQuestion(sequence: number): Question {
  return { sql: 'select * from hub.audit where sequence = $1', params: [sequence] };
}

function conditions({ who, action, text }: AuditFilter, range: Range): { where: string; params: Param[] } {
  const params: Param[] = [];
  const param = (value: Param) => `$${params.push(value)}`;
  const among = (column: string, values: string[] | undefined) => (values === undefined ? [] : [`${column} in (${values.map(param).join(', ')})`]);
  const parts = [`time >= cast(${param({ time: range.from })} as timestamp)`, `time < cast(${param({ time: range.to })} as timestamp)`, ...among('who_name', who), ...among('action', action)];
  if (text !== undefined) {
    const words = param(`%${text.replace(/[\\%_]/g, String.raw`\$&`)}%`);
    parts.push(`(subject ilike ${words} or details ilike ${words} or address ilike ${words})`);
  }
  return { where: parts.join(' and '), params };
}

/** How much is of whom and of what kind; each counted among what the other field is filtered by. */
export function facetsOf(counts: readonly AuditCount[], { who, action }: AuditFilter): Facet[] {
  const isOf = (values: string[] | undefined, value: string) => values === undefined || values.includes(value);
  return [
    facet('who', 'Who', counts.filter((row) => isOf(action, row.action)).map((row) => [row.who_name, row.count])),
    facet('what', 'What', counts.filter((row) => isOf(who, row.who_name)).map((row) => [row.action, row.count])),
  ];
}

function facet(field: string, name: string, counted: [string, number][]): Facet {
  const sums = new Map<string, number>();
  for (const [value, count] of counted) sums.set(value, (sums.get(value) ?? 0) + count);
  const values = [...sums].map(([value, count]) => ({ value, count })).sort((one, other) => other.count - one.count || one.value.localeCompare(other.value));
  return { field, name, values: values.slice(0, FACET_VALUES_MAX) };
}

/** With `value` among `values`, or without it; undefined for none. */
export function toggledAmong(values: readonly string[] | undefined, value: string): string[] | undefined {
  const next = values?.includes(value) === true ? values.filter((each) => each !== value) : [...(values ?? []), value];
  return next.length === 0 ? undefined : next;
}
