// What can be asked: tables with their columns, functions, and keys of attributes. For completion, and for who looks around.

import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { SqlWords } from '../../components/CodeEditor';
import { ask } from './ask';
import { GIVEN_NAMES } from './ranged';

export interface CatalogTable {
  /** With its schema, unless that is the usual one. */
  name: string;
  columns: { name: string; type: string }[];
}

const KEPT_MS = 10 * 60_000;

const COLUMNS = `SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns`;
const FUNCTIONS = `SELECT routine_name, min(syntax_example), min(description) FROM information_schema.routines GROUP BY 1 ORDER BY 1`;
// Of some of the newest rows: enough to know the keys that are usual.
const KEYS = `SELECT key FROM (
  SELECT unnest(json_object_keys(attributes)) AS key FROM (SELECT attributes FROM spans WHERE start_time > now() - interval '1 hour' LIMIT 2000) AS s
  UNION SELECT unnest(json_object_keys(resource_attributes)) FROM (SELECT resource_attributes FROM spans WHERE start_time > now() - interval '1 hour' LIMIT 2000) AS r
  UNION SELECT unnest(json_object_keys(attributes)) FROM (SELECT attributes FROM logs WHERE time > now() - interval '1 hour' LIMIT 2000) AS l
  UNION SELECT unnest(json_object_keys(attributes)) FROM (SELECT attributes FROM metrics WHERE time > now() - interval '1 hour' LIMIT 2000) AS m
) AS keys GROUP BY 1 ORDER BY 1 LIMIT 1000`;

export function useCatalog() {
  const columns = useRows('columns', COLUMNS);
  const functions = useRows('functions', FUNCTIONS);
  const keys = useRows('keys', KEYS);
  const tables = useMemo(() => (columns.data === undefined ? undefined : tablesOf(columns.data)), [columns.data]);
  const completed = useMemo(() => Object.fromEntries((tables ?? []).map((table) => [table.name, table.columns.map((column) => column.name)])), [tables]);
  const words = useMemo((): SqlWords => wordsOf(functions.data ?? [], keys.data ?? []), [functions.data, keys.data]);
  return { columns, tables, completed, words };
}

function useRows(name: string, sql: string) {
  return useQuery({ queryKey: ['sql', 'catalog', name], queryFn: async ({ signal }) => (await ask({ sql }, signal)).rows, staleTime: KEPT_MS });
}

/** Telemetry first, as it stands in the documentation, then what products show. */
export function tablesOf(rows: readonly (readonly unknown[])[]): CatalogTable[] {
  const tables = new Map<string, CatalogTable>();
  for (const [schema, table, column, type] of rows.map((row) => row.map(String))) {
    if (schema === undefined || table === undefined || column === undefined || schema === 'information_schema') continue;
    const name = schema === 'public' ? table : `${schema}.${table}`;
    const known = tables.get(name) ?? { name, columns: [] };
    known.columns.push({ name: column, type: shortType(type ?? '') });
    tables.set(name, known);
  }
  const rank = ({ name }: CatalogTable) => (name.includes('.') ? 100 : (TELEMETRY.indexOf(name) + 100) % 100);
  return [...tables.values()].sort((one, other) => rank(one) - rank(other) || one.name.localeCompare(other.name));
}

const TELEMETRY = ['spans', 'logs', 'metrics', 'histograms', 'traces', 'services', 'operations'];

/** The types of Arrow, as short as a list of columns wants them. */
function shortType(type: string): string {
  if (/^(Large)?Utf8(View)?$/.test(type) || type.startsWith('Dictionary')) return 'text';
  if (type.startsWith('Timestamp')) return 'timestamp';
  if (/Binary/.test(type)) return 'binary';
  if (/^(Large)?List/.test(type)) return 'list';
  return type.replace(/\(.*$/s, '').toLowerCase();
}

function wordsOf(functions: readonly (readonly unknown[])[], keys: readonly (readonly unknown[])[]): SqlWords {
  const told = (value: unknown) => (typeof value === 'string' ? value : '');
  return {
    functions: functions.map(([name, syntax, description]) => ({ name: told(name), detail: [told(syntax), told(description)].filter((each) => each !== '').join('\n') })),
    keys: keys.map(([key]) => told(key)),
    values: GIVEN_NAMES,
  };
}
