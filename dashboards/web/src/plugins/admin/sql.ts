// Questions in SQL whose rows a page draws.

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import type { Statement } from '../../api/schema';
import { request } from '../../api/session';
import { timeOf } from '../../range/range';

/** A value of `$1` and so on. A time as the address says it, as `now-1h`, is read when the question is asked: until then it is the same question. */
export type Param = string | number | { time: string };

export interface Question {
  sql: string;
  params?: Param[];
}

interface Answer {
  columns: { name: string }[];
  rows: unknown[][];
}

/** The rows of an answer; `Row` has a member for each column. */
export function useRows<Row>(question: Question, options: { isWanted?: boolean; refetchInterval?: number | false } = {}) {
  return useQuery({
    queryKey: ['sql', question],
    queryFn: async ({ signal }) => named<Row>((await (await ask(question, 'application/json', signal)).json()) as Answer),
    enabled: options.isWanted ?? true,
    refetchInterval: options.refetchInterval ?? false,
    placeholderData: keepPreviousData,
  });
}

/** The answer as it comes, in the format that `accept` names. */
export function ask({ sql, params = [] }: Question, accept: string, signal?: AbortSignal): Promise<Response> {
  const body: Statement = { sql, params: params.map(valueOf) };
  return request(new Request('/api/v1/sql', { method: 'POST', headers: { 'Content-Type': 'application/json', Accept: accept }, body: JSON.stringify(body), signal: signal ?? null }));
}

function valueOf(param: Param): string | number {
  return typeof param === 'object' ? new Date(timeOf(param.time) ?? Date.now()).toISOString() : param;
}

/** Each row with its values by the names of their columns. */
export function named<Row>({ columns, rows }: Answer): Row[] {
  return rows.map((row) => Object.fromEntries(columns.map(({ name }, at) => [name, row[at]])) as Row);
}
