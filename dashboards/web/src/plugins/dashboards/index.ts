// Pages of the plugin `dashboards`: panels of statements, written as YAML.

import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { api } from '../../api/client';
import { appRoute } from '../../shell/routes';
import { flag, text, texts } from '../../shell/search';
import type { Found, PluginPages } from '../page';

const FOUND_MAX = 8;

/** What is chosen of variables, as `var.service=cart`; one that stands there and is empty means all. */
export type Chosen = Record<`var.${string}`, string[] | undefined>;

export type DashboardSearch = Chosen & { edit?: true | undefined };

const dashboardsRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/dashboards',
  staticData: { isTimeless: true },
  validateSearch: (search: Record<string, unknown>): { text?: string } => ({ text: text(search.text) }),
  component: lazyRouteComponent(() => import('./DashboardsPage'), 'DashboardsPage'),
});

const dashboardRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/dashboards/$name',
  validateSearch: (search: Record<string, unknown>): DashboardSearch => {
    const chosen = Object.entries(search).flatMap(([key, value]) => (key.startsWith('var.') ? [[key, value === '' ? [''] : texts(value)]] : []));
    return { ...(Object.fromEntries(chosen) as Chosen), edit: flag(search.edit) };
  },
  component: lazyRouteComponent(() => import('./DashboardPage'), 'DashboardPage'),
});

export const dashboards = {
  name: 'dashboards',
  navigation: [{ title: 'Dashboards', to: '/dashboards', group: 'Observe', needs: 'dashboards:dashboard:read', keys: 'g d' }],
  routes: [dashboardsRoute, dashboardRoute],
  find: findDashboards,
} satisfies PluginPages;

async function findDashboards(words: string, signal: AbortSignal): Promise<Found[]> {
  const { data } = await api.GET('/api/v1/dashboards', { signal });
  const wanted = words.toLowerCase();
  const found = (data?.dashboards ?? []).filter(({ title, name }) => title.toLowerCase().includes(wanted) || name.includes(wanted));
  return found.slice(0, FOUND_MAX).map(({ name, title }) => ({ id: `dashboard ${name}`, title, note: 'Dashboard', to: '/dashboards/$name', params: { name } }));
}
