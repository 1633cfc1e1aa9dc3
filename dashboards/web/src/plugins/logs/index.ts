// Pages of logs: what programs wrote, by words, fields and patterns, and as it arrives.

import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { appRoute } from '../../shell/routes';
import type { PluginPages } from '../page';
import { logSearch } from './search';

const logsRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/logs',
  validateSearch: logSearch,
  component: lazyRouteComponent(() => import('./LogsPage'), 'LogsPage'),
});

export const logs = {
  name: 'logs',
  of: 'apm',
  navigation: [{ title: 'Logs', to: '/logs', group: 'Observe', needs: 'apm:logs:read', keys: 'g l' }],
  routes: [logsRoute],
} satisfies PluginPages;
