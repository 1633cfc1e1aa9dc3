// One's own account: everybody has one, whatever they may do.

import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { appRoute } from '../../shell/routes';
import type { PluginPages } from '../page';

const accountRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/account',
  staticData: { isTimeless: true },
  component: lazyRouteComponent(() => import('./AccountPage'), 'AccountPage'),
});

export const account = {
  name: 'account',
  navigation: [],
  routes: [accountRoute],
} satisfies PluginPages;
