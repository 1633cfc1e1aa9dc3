// Pages of traces: to find some, to see what sets them apart, and to read one.

import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { appRoute } from '../../shell/routes';
import type { Found, PluginPages } from '../page';
import { tracePageSearch } from './traceSearch';
import { tracesSearch } from './spanSearch';

const TRACE_ID = /^[0-9a-f]{32}$/i;

const tracesRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/traces',
  validateSearch: tracesSearch,
  component: lazyRouteComponent(() => import('./TracesPage'), 'TracesPage'),
});

const traceRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/traces/$id',
  validateSearch: tracePageSearch,
  // A trace has its own time.
  staticData: { isTimeless: true },
  component: lazyRouteComponent(() => import('./TracePage'), 'TracePage'),
});

export const traces = {
  name: 'traces',
  of: 'apm',
  navigation: [{ title: 'Traces', to: '/traces', group: 'Observe', needs: 'apm:traces:read', keys: 'g r' }],
  routes: [tracesRoute, traceRoute],
  find: findTrace,
} satisfies PluginPages;

/** An id that was copied from somewhere opens its trace. */
function findTrace(words: string): Promise<Found[]> {
  if (!TRACE_ID.test(words)) return Promise.resolve([]);
  const id = words.toLowerCase();
  return Promise.resolve([{ id: `trace ${id}`, title: id, note: 'Trace', to: '/traces/$id', params: { id } }]);
}
