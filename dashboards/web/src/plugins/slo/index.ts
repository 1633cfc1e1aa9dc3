// Pages of service level objectives: what was promised, and what is left of it. The plugin `apm` of the server counts them.

import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { api } from '../../api/client';
import { appRoute } from '../../shell/routes';
import { text } from '../../shell/search';
import type { Found, PluginPages } from '../page';

const FOUND_MAX = 5;

const slosRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/slos',
  staticData: { isTimeless: true },
  validateSearch: (search: Record<string, unknown>): { text?: string } => ({ text: text(search.text) }),
  component: lazyRouteComponent(() => import('./SlosPage'), 'SlosPage'),
});

const sloRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/slos/$name',
  component: lazyRouteComponent(() => import('./SloPage'), 'SloPage'),
});

export const slo = {
  name: 'slo',
  of: 'apm',
  navigation: [{ title: 'SLOs', to: '/slos', group: 'Respond', needs: 'apm:slos:read', keys: 'g b' }],
  routes: [slosRoute, sloRoute],
  find,
} satisfies PluginPages;

async function find(words: string, signal: AbortSignal): Promise<Found[]> {
  const { data } = await api.GET('/api/v1/apm/slos', { signal });
  const found = (data?.slos ?? []).filter((each) => `${each.name} ${each.service}`.includes(words.toLowerCase()));
  return found.slice(0, FOUND_MAX).map(({ name }) => ({ id: `slo ${name}`, title: name, note: 'SLO', to: '/slos/$name', params: { name } }));
}
