// The page of the service map: who calls whom.

import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { appRoute } from '../../shell/routes';
import { oneOf, text } from '../../shell/search';
import type { PluginPages } from '../page';

export const MAP_VIEWS = ['map', 'list'] as const;
export type MapView = (typeof MAP_VIEWS)[number];

const mapRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/map',
  validateSearch: (search: Record<string, unknown>): { node?: string; view?: MapView } => ({ node: text(search.node), view: oneOf(search.view, MAP_VIEWS) }),
  component: lazyRouteComponent(() => import('./MapPage'), 'MapPage'),
});

export const map = {
  name: 'map',
  of: 'apm',
  navigation: [{ title: 'Service map', to: '/map', group: 'Observe', needs: 'apm:map:read', keys: 'g w' }],
  routes: [mapRoute],
} satisfies PluginPages;
