// All metrics, or the one that the address names.

import { getRouteApi } from '@tanstack/react-router';
import { MetricList } from './MetricList';
import { MetricView } from './MetricView';
import type { MetricSearch } from './search';

const route = getRouteApi('/app/metrics');

export function MetricsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const change = (changes: MetricSearch, replace = false) => void navigate({ search: (before) => ({ ...before, ...changes }), replace });
  if (search.metric === undefined) return <MetricList search={search} onChange={change} />;
  return <MetricView key={search.metric} name={search.metric} search={search} onChange={change} />;
}
