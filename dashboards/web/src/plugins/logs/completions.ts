// What filters of logs may be completed to: keys of recent lines, and the values that the server counts of them.

import { api } from '../../api/client';
import type { Completions } from '../../components/FilterBar';
import type { Range } from '../../range/range';

/** Lines whose keys are looked at. */
const SAMPLE_LINES = 200;
const NAMED = ['service', 'environment', 'host', 'trace_id', 'span_id'];

export function completionsOf(range: Range): Completions {
  return {
    name: `logs ${range.from} ${range.to}`,
    keys: async (signal) => {
      const { data } = await api.GET('/api/v1/apm/logs', { params: { query: { ...range, limit: SAMPLE_LINES } }, signal });
      const keys = data?.logs.flatMap((line) => [...Object.keys(line.attributes), ...Object.keys(line.resource_attributes)]) ?? [];
      return [...NAMED, ...[...new Set(keys)].sort()];
    },
    values: async (key, signal) => {
      const { data } = await api.GET('/api/v1/apm/logs/facets', { params: { query: { ...range, field: key } }, signal });
      return data?.facets[0]?.values.map(({ value }) => value) ?? [];
    },
  };
}
