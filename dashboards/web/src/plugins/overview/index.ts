// The first page: how everything is, and what to do while nothing is there yet.

import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { appRoute } from '../../shell/routes';
import type { PluginPages } from '../page';

const overviewRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/',
  component: lazyRouteComponent(() => import('./OverviewPage'), 'OverviewPage'),
});

const startRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/start',
  staticData: { isTimeless: true },
  component: lazyRouteComponent(() => import('./StartPage'), 'StartPage'),
});

export const overview = {
  name: 'overview',
  navigation: [
    { title: 'Overview', to: '/', group: 'Observe', needs: 'apm:services:read', keys: 'g o' },
    { title: 'Send telemetry', to: '/start', group: 'Administration', keys: 'g t' },
  ],
  routes: [overviewRoute, startRoute],
} satisfies PluginPages;
