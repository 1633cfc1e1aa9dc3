// Pages of the plugin `apm`: what telemetry says of services.

import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { api } from '../../api/client';
import { appRoute } from '../../shell/routes';
import { oneOf, text } from '../../shell/search';
import type { Found, PluginPages } from '../page';

const FOUND_MAX = 8;
export const SERVICE_TABS = ['operations', 'errors', 'peers', 'versions'] as const;
export type ServiceTab = (typeof SERVICE_TABS)[number];

const servicesRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/services',
  validateSearch: (search: Record<string, unknown>): { text?: string } => ({ text: text(search.text) }),
  component: lazyRouteComponent(() => import('./ServicesPage'), 'ServicesPage'),
});

const serviceRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/services/$name',
  validateSearch: (search: Record<string, unknown>): { tab?: ServiceTab } => ({ tab: oneOf(search.tab, SERVICE_TABS) }),
  component: lazyRouteComponent(() => import('./ServicePage'), 'ServicePage'),
});

export const apm = {
  name: 'apm',
  navigation: [{ title: 'Services', to: '/services', group: 'Observe', needs: 'apm:services:read', keys: 'g s' }],
  routes: [servicesRoute, serviceRoute],
  find: findServices,
} satisfies PluginPages;

async function findServices(words: string, signal: AbortSignal): Promise<Found[]> {
  const { data } = await api.GET('/api/v1/apm/services', { params: { query: { text: words } }, signal });
  const services = data?.services.slice(0, FOUND_MAX) ?? [];
  return services.map(({ name }) => ({ id: `service ${name}`, title: name, note: 'Service', to: '/services/$name', params: { name } }));
}
