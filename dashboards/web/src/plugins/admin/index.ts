// Pages of those who look after a tenant, and after the server: who may come in, what they did, and how it is kept.

import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { appRoute } from '../../shell/routes';
import { flag, number, oneOf, text, texts } from '../../shell/search';
import type { PluginPages } from '../page';

type Said = Record<string, unknown>;
type ListSearch = { text?: string };

export const PERSON_STATES = ['invited', 'active', 'suspended'] as const;
export const STORAGE_VIEWS = ['health', 'flow', 'segments', 'maintenance'] as const;
export type StorageView = (typeof STORAGE_VIEWS)[number];

const isTimeless = { isTimeless: true };
const list = (search: Said): ListSearch => ({ text: text(search.text) });

const peopleRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/admin/people',
  staticData: isTimeless,
  validateSearch: (search: Said): ListSearch & { status?: (typeof PERSON_STATES)[number] } => ({ ...list(search), status: oneOf(search.status, PERSON_STATES) }),
  component: lazyRouteComponent(() => import('./PeoplePage'), 'PeoplePage'),
});

const personRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/admin/people/$id',
  staticData: isTimeless,
  component: lazyRouteComponent(() => import('./PersonPage'), 'PersonPage'),
});

const rolesRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/admin/roles',
  staticData: isTimeless,
  component: lazyRouteComponent(() => import('./RolesPage'), 'RolesPage'),
});

const roleRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/admin/roles/$name',
  staticData: isTimeless,
  component: lazyRouteComponent(() => import('./RolePage'), 'RolePage'),
});

const keysRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/admin/keys',
  staticData: isTimeless,
  validateSearch: (search: Said): ListSearch & { revoked?: true } => ({ ...list(search), revoked: flag(search.revoked) }),
  component: lazyRouteComponent(() => import('./KeysPage'), 'KeysPage'),
});

const tenantsRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/admin/tenants',
  staticData: isTimeless,
  component: lazyRouteComponent(() => import('./TenantsPage'), 'TenantsPage'),
});

const licenceRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/admin/licence',
  staticData: isTimeless,
  component: lazyRouteComponent(() => import('./LicencePage'), 'LicencePage'),
});

export interface AuditSearch {
  who?: string[];
  action?: string[];
  text?: string;
  /** The entry that is open, by its number. */
  entry?: number;
}

const auditRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/admin/audit',
  validateSearch: (search: Said): AuditSearch => ({ who: texts(search.who), action: texts(search.action), text: text(search.text), entry: number(search.entry) }),
  component: lazyRouteComponent(() => import('./AuditPage'), 'AuditPage'),
});

const deadLettersRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/admin/dead-letters',
  staticData: isTimeless,
  /** `letter` is the one that is open, as `consumer/event`. */
  validateSearch: (search: Said): { letter?: string } => ({ letter: text(search.letter) }),
  component: lazyRouteComponent(() => import('./DeadLettersPage'), 'DeadLettersPage'),
});

const retentionRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/admin/retention',
  staticData: isTimeless,
  component: lazyRouteComponent(() => import('./RetentionPage'), 'RetentionPage'),
});

const quotasRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/admin/quotas',
  component: lazyRouteComponent(() => import('./QuotasPage'), 'QuotasPage'),
});

const storageRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/admin/storage',
  validateSearch: (search: Said): { view?: StorageView } => ({ view: oneOf(search.view, STORAGE_VIEWS) }),
  component: lazyRouteComponent(() => import('./StoragePage'), 'StoragePage'),
});

const pluginsRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/admin/plugins',
  staticData: isTimeless,
  component: lazyRouteComponent(() => import('./PluginsPage'), 'PluginsPage'),
});

const group = 'Administration' as const;

export const admin = {
  name: 'admin',
  navigation: [
    { title: 'People', to: '/admin/people', group, needs: 'hub:people:read', keys: 'g p' },
    { title: 'Roles', to: '/admin/roles', group, needs: 'hub:roles:read' },
    { title: 'Keys', to: '/admin/keys', group, needs: 'hub:keys:read', keys: 'g k' },
    { title: 'Tenants', to: '/admin/tenants', group, needs: 'server:tenants:read' },
    { title: 'Audit trail', to: '/admin/audit', group, needs: 'hub:audit:read', keys: 'g u' },
    { title: 'Dead letters', to: '/admin/dead-letters', group, needs: 'hub:events:read' },
    { title: 'Storage', to: '/admin/storage', group, needs: 'telemetry:rows:read' },
    { title: 'Retention', to: '/admin/retention', group, needs: 'telemetry:rows:read' },
    { title: 'Quotas', to: '/admin/quotas', group, needs: 'telemetry:limits:read' },
    { title: 'Plugins', to: '/admin/plugins', group, needs: 'telemetry:rows:read' },
    { title: 'Licence', to: '/admin/licence', group, needs: 'hub:licence:read' },
  ],
  routes: [peopleRoute, personRoute, rolesRoute, roleRoute, keysRoute, tenantsRoute, licenceRoute, auditRoute, deadLettersRoute, retentionRoute, quotasRoute, storageRoute, pluginsRoute],
} satisfies PluginPages;
