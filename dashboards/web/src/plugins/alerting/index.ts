// Pages of the plugin `alerting`: what is wrong now, which rules say so, who works on it and who was told.

import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { api } from '../../api/client';
import { appRoute } from '../../shell/routes';
import { number, oneOf, text } from '../../shell/search';
import type { Found, PluginPages } from '../page';

const FOUND_MAX = 5;
const LOOKED_AT_MAX = 1000;
const ALERT_TABS = ['firing', 'pending', 'resolved', 'silences'] as const;
const RULE_TABS = ['rule', 'alerts', 'backtest'] as const;
const NOTIFICATION_STATES = ['waiting', 'sending', 'sent', 'failed', 'no_channel', 'suppressed'] as const;
export const TEMPLATES = ['error_rate', 'latency', 'sql', 'promql', 'slo'] as const;

type Said = Record<string, unknown>;

const alertsRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/alerts',
  staticData: { isTimeless: true },
  validateSearch: (search: Said): { state?: (typeof ALERT_TABS)[number]; rule?: string; text?: string } => ({
    state: oneOf(search.state, ALERT_TABS),
    rule: text(search.rule),
    text: text(search.text),
  }),
  component: lazyRouteComponent(() => import('./alerts/AlertsPage'), 'AlertsPage'),
});

const alertRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/alerts/$id',
  staticData: { isTimeless: true },
  component: lazyRouteComponent(() => import('./alerts/AlertPage'), 'AlertPage'),
});

const rulesRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/rules',
  staticData: { isTimeless: true },
  validateSearch: (search: Said): { text?: string; template?: (typeof TEMPLATES)[number] } => ({ text: text(search.text), template: oneOf(search.template, TEMPLATES) }),
  component: lazyRouteComponent(() => import('./rules/RulesPage'), 'RulesPage'),
});

const ruleRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/rules/$name',
  staticData: { isTimeless: true },
  validateSearch: (search: Said): { tab?: (typeof RULE_TABS)[number]; since?: string; step?: string } => ({
    tab: oneOf(search.tab, RULE_TABS),
    since: text(search.since),
    step: text(search.step),
  }),
  component: lazyRouteComponent(() => import('./rules/RulePage'), 'RulePage'),
});

const incidentsRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/incidents',
  staticData: { isTimeless: true },
  validateSearch: (search: Said): { show?: 'over'; priority?: 'P1' | 'P2' | 'P3' | 'P4'; days?: number } => ({
    show: oneOf(search.show, ['over']),
    priority: oneOf(search.priority, ['P1', 'P2', 'P3', 'P4']),
    days: number(search.days),
  }),
  component: lazyRouteComponent(() => import('./incidents/IncidentsPage'), 'IncidentsPage'),
});

const incidentRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/incidents/$number',
  staticData: { isTimeless: true },
  component: lazyRouteComponent(() => import('./incidents/IncidentPage'), 'IncidentPage'),
});

const notificationsRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/notifications',
  staticData: { isTimeless: true },
  validateSearch: (search: Said): { state?: (typeof NOTIFICATION_STATES)[number]; channel?: string } => ({
    state: oneOf(search.state, NOTIFICATION_STATES),
    channel: text(search.channel),
  }),
  component: lazyRouteComponent(() => import('./telling/NotificationsPage'), 'NotificationsPage'),
});

const channelsRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/channels',
  staticData: { isTimeless: true },
  component: lazyRouteComponent(() => import('./telling/ChannelsPage'), 'ChannelsPage'),
});

export const alerting = {
  name: 'alerting',
  navigation: [
    { title: 'Alerts', to: '/alerts', group: 'Respond', needs: 'alerting:alerts:read', keys: 'g a' },
    { title: 'Incidents', to: '/incidents', group: 'Respond', needs: 'alerting:incidents:read', keys: 'g i' },
    { title: 'Rules', to: '/rules', group: 'Respond', needs: 'alerting:rules:read', keys: 'g e' },
    { title: 'Notifications', to: '/notifications', group: 'Respond', needs: 'alerting:notifications:read', keys: 'g n' },
    { title: 'Channels', to: '/channels', group: 'Respond', needs: 'alerting:channels:read', keys: 'g c' },
  ],
  routes: [alertsRoute, alertRoute, rulesRoute, ruleRoute, incidentsRoute, incidentRoute, notificationsRoute, channelsRoute],
  find,
} satisfies PluginPages;

/** Rules and incidents by words in their names; who may not see one kind finds the other. */
async function find(words: string, signal: AbortSignal): Promise<Found[]> {
  const wanted = words.toLowerCase();
  const [rules, incidents] = await Promise.allSettled([
    api.GET('/api/v1/alerting/rules', { params: { query: { limit: LOOKED_AT_MAX } }, signal }),
    api.GET('/api/v1/alerting/incidents', { params: { query: { limit: LOOKED_AT_MAX } }, signal }),
  ]);
  const rulesFound = (rules.status === 'fulfilled' ? (rules.value.data?.rules ?? []) : []).filter((rule) => rule.name.toLowerCase().includes(wanted));
  const all = incidents.status === 'fulfilled' ? (incidents.value.data?.incidents ?? []) : [];
  const incidentsFound = all.filter((incident) => `${incident.number} ${incident.title}`.toLowerCase().includes(wanted));
  return [
    ...rulesFound.slice(0, FOUND_MAX).map(({ name }) => ({ id: `rule ${name}`, title: name, note: 'Rule', to: '/rules/$name', params: { name } })),
    ...incidentsFound
      .slice(0, FOUND_MAX)
      .map((incident) => ({ id: incident.number, title: `${incident.number} ${incident.title}`, note: 'Incident', to: '/incidents/$number', params: { number: incident.number } })),
  ];
}
