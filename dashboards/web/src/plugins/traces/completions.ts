// Keys and values that filters of spans are completed to: what spans of the range say, a sample of them.

import { api } from '../../api/client';
import { request } from '../../api/session';
import type { Completions } from '../../components/FilterBar';
import { timeOf, type Range } from '../../range/range';
import { FIELDS, KINDS, STATUSES, writeValue } from './spanSearch';

/** Keys that have columns of their own, and so are not among what a span's other attributes say. */
const COMMON_KEYS = [
  'http.route',
  'http.request.method',
  'http.response.status_code',
  'url.path',
  'error.type',
  'exception.type',
  'rpc.method',
  'db.system.name',
  'db.operation.name',
  'messaging.destination.name',
  'server.address',
  'k8s.pod.name',
  'service.instance.id',
];

const KEYS = `SELECT key, count(*) FROM (SELECT unnest(json_keys(attributes)) AS key FROM (
  SELECT attributes FROM spans WHERE start_time >= $1 AND start_time < $2 LIMIT 2000) AS some) AS keys GROUP BY 1 ORDER BY 2 DESC LIMIT 200`;

const VALUES = `SELECT coalesce(attributes->>cast($3 AS text), resource_attributes->>cast($3 AS text)) AS value, count(*) FROM (
  SELECT attributes, resource_attributes FROM spans WHERE start_time >= $1 AND start_time < $2 LIMIT 20000) AS some GROUP BY 1 ORDER BY 2 DESC LIMIT 51`;

export function completionsIn(range: Range): Completions {
  return {
    name: `spans ${range.from} ${range.to}`,
    keys: async (signal) => {
      const found = await column(KEYS, range, [], signal);
      return [...FIELDS, ...COMMON_KEYS, ...found.filter((key) => !COMMON_KEYS.includes(key))];
    },
    values: (key, signal) => valuesOf(key, range, signal),
  };
}

async function valuesOf(key: string, range: Range, signal: AbortSignal): Promise<string[]> {
  if (key === 'kind') return [...KINDS];
  if (key === 'status') return [...STATUSES];
  if (key === 'service') {
    const { data } = await api.GET('/api/v1/apm/services', { params: { query: { ...range } }, signal });
    return data?.services.map((service) => service.name) ?? [];
  }
  const columns: Record<string, string> = { operation: 'name', environment: 'deployment_environment_name', version: 'service_version', host: 'host_name' };
  const named = columns[key];
  if (named === undefined) return (await column(VALUES, range, [key], signal)).map(asWritten);
  const sql = `SELECT ${named}, count(*) FROM spans WHERE start_time >= $1 AND start_time < $2 AND ${named} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC LIMIT 100`;
  return column(sql, range, [], signal);
}

/** SQL tells texts alone: what reads as a number is taken as one. */
function asWritten(value: string): string {
  return /^-?(0|[1-9]\d*)(\.\d+)?$/.test(value) || value === 'true' || value === 'false' ? value : writeValue(value);
}

/** The first column of what `sql` answers. Who may not ask in SQL, or asks in vain, gets no completions. */
async function column(sql: string, range: Range, params: string[], signal: AbortSignal): Promise<string[]> {
  const times = [range.from, range.to].map((text) => new Date(timeOf(text) ?? Date.now()).toISOString());
  const body = JSON.stringify({ sql, params: [...times, ...params] });
  try {
    const answer = await request(new Request('/api/v1/sql', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body, signal }));
    const { rows } = (await answer.json()) as { rows: unknown[][] };
    return rows.map(([value]) => value).filter((value) => typeof value === 'string');
  } catch {
    return [];
  }
}
