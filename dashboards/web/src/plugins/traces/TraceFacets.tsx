// Services by their requests, and the operations of the one that is chosen: the first step of most searches.

import { queries } from '../../api/client';
import { Facets } from '../../components/Facets';
import { Answer } from '../../components/states';
import { useRange } from '../../range/useRange';
import type { TracesSearch } from './spanSearch';
import type { Change } from './TracesPage';

interface TraceFacetsProps {
  search: TracesSearch;
  onChange: Change;
}

export function TraceFacets({ search, onChange }: TraceFacetsProps) {
  const { query: range, live } = useRange();
  const services = queries.useQuery('get', '/api/v1/apm/services', { params: { query: range } }, live);
  return (
    <>
      {search.service !== undefined && <Operations service={search.service} operation={search.operation} onChange={onChange} />}
      <Answer query={services} height={200}>
        {(answer) => (
          <Facets
            facets={[{ field: 'Service', values: descending(answer.services.map(({ name, requests }) => ({ value: name, count: requests }))) }]}
            selected={{ Service: search.service === undefined ? [] : [search.service] }}
            onToggle={(_, service) => {
              onChange({ service: service === search.service ? undefined : service, operation: undefined });
            }}
          />
        )}
      </Answer>
    </>
  );
}

function Operations({ service, operation, onChange }: { service: string; operation: string | undefined; onChange: Change }) {
  const { query: range, live } = useRange();
  const details = queries.useQuery('get', '/api/v1/apm/services/{name}', { params: { path: { name: service }, query: range } }, { ...live, retry: false });
  if (details.data === undefined) return null;
  const values = descending(details.data.operations.map(({ name, requests }) => ({ value: name, count: requests })));
  return (
    <Facets
      facets={[{ field: 'Operation', values }]}
      selected={{ Operation: operation === undefined ? [] : [operation] }}
      onToggle={(_, chosen) => {
        onChange({ operation: chosen === operation ? undefined : chosen });
      }}
    />
  );
}

/** Values that are there twice, as an operation of two kinds, are one. */
function descending(values: { value: string; count: number }[]) {
  const counts = new Map<string, number>();
  for (const { value, count } of values) counts.set(value, (counts.get(value) ?? 0) + count);
  return [...counts].map(([value, count]) => ({ value, count })).sort((one, other) => other.count - one.count);
}
