// Alerts by the rule that found them: the gravest rules first, then those with the newest alerts.

import type { AlertView, Severity } from '../../../api/schema';

export interface RuleAlerts {
  rule: string;
  severity: Severity;
  alerts: AlertView[];
}

const ORDER: Severity[] = ['critical', 'warning', 'info'];

export function byRule(alerts: readonly AlertView[]): RuleAlerts[] {
  const groups = new Map<string, RuleAlerts>();
  for (const alert of alerts) {
    const group = groups.get(alert.rule) ?? { rule: alert.rule, severity: alert.severity, alerts: [] };
    group.alerts.push(alert);
    groups.set(alert.rule, group);
  }
  // The server tells the newest first, and sorting keeps that order among equals.
  return [...groups.values()].sort((one, other) => ORDER.indexOf(one.severity) - ORDER.indexOf(other.severity));
}

/** True when `words` stand in the rule or in a label, as `service=check`. */
export function mentions(alert: Pick<AlertView, 'rule' | 'labels'>, words: string): boolean {
  const said = [alert.rule, ...Object.entries(alert.labels).map(([name, value]) => `${name}=${value}`)];
  const all = said.join('\n').toLowerCase();
  return words
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}
