// Pages of metrics: all there are, and one of them over time.

import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { api } from '../../api/client';
import { appRoute } from '../../shell/routes';
import type { Found, PluginPages } from '../page';
import { metricSearch } from './search';

const FOUND_MAX = 8;

const metricsRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/metrics',
  validateSearch: metricSearch,
  component: lazyRouteComponent(() => import('./MetricsPage'), 'MetricsPage'),
});

export const metrics = {
  name: 'metrics',
  of: 'apm',
  navigation: [{ title: 'Metrics', to: '/metrics', group: 'Observe', needs: 'apm:metrics:read', keys: 'g m' }],
  routes: [metricsRoute],
  find: findMetrics,
} satisfies PluginPages;

async function findMetrics(words: string, signal: AbortSignal): Promise<Found[]> {
  const { data } = await api.GET('/api/v1/apm/metrics', { params: { query: { text: words } }, signal });
  const names = [...new Set(data?.metrics.map(({ name }) => name))].slice(0, FOUND_MAX);
  return names.map((name) => ({ id: `metric ${name}`, title: name, note: 'Metric', to: '/metrics', search: { metric: name } }));
}
