// What waits for somebody: incidents that are active, and alerts that fire.

import { Link } from '@tanstack/react-router';
import { queries } from '../../api/client';
import type { AlertView, IncidentView } from '../../api/schema';
import { DataTable, type Column } from '../../components/DataTable';
import { Answer, Empty } from '../../components/states';
import { ago } from '../../format/time';
import { useRange } from '../../range/useRange';
import { PriorityMark, SeverityMark } from '../alerting/marks';

const SHOWN_MAX = 5;
/** Of both tables: they stand below each other as one. */
const WIDTHS = { what: 'minmax(110px, 2fr)', grade: '84px', of: 'minmax(84px, 1fr)', since: '104px' };

const incidentColumns: Column<IncidentView>[] = [
  { id: 'title', name: 'Incident', value: (incident) => incident.title, width: WIDTHS.what },
  { id: 'priority', name: 'Priority', value: (incident) => incident.priority, width: WIDTHS.grade, render: ({ priority }) => <PriorityMark priority={priority} /> },
  { id: 'status', name: 'Status', value: (incident) => incident.status, width: WIDTHS.of },
  { id: 'opened', name: 'Opened', unit: 'time', value: (incident) => incident.opened_at, width: WIDTHS.since, render: (incident) => ago(incident.opened_at) },
];

export function ActiveIncidents() {
  const { live } = useRange();
  const incidents = queries.useQuery('get', '/api/v1/alerting/incidents', { params: { query: { active: true, limit: SHOWN_MAX } } }, live);
  return (
    <Answer query={incidents} height={96} isEmpty={(page) => page.incidents.length === 0} empty={<Empty title="No incident is active" height={96} />}>
      {(page) => (
        <DataTable
          label="Active incidents"
          rows={page.incidents}
          columns={incidentColumns}
          keyOf={(incident) => incident.number}
          linkOf={(incident) => ({ to: '/incidents/$number', params: { number: incident.number } })}
        />
      )}
    </Answer>
  );
}

const alertColumns: Column<AlertView>[] = [
  { id: 'rule', name: 'Alert', value: (alert) => alert.rule, width: WIDTHS.what },
  { id: 'severity', name: 'Severity', value: (alert) => alert.severity, width: WIDTHS.grade, render: ({ severity }) => <SeverityMark severity={severity} /> },
  { id: 'labels', name: 'Of', value: (alert) => Object.values(alert.labels).join(', '), width: WIDTHS.of },
  { id: 'fired', name: 'Fires since', unit: 'time', value: (alert) => alert.fired_at, width: WIDTHS.since, render: (alert) => ago(alert.fired_at ?? alert.active_since) },
];

export function FiringAlerts() {
  const { live } = useRange();
  const alerts = queries.useQuery('get', '/api/v1/alerting/alerts', { params: { query: { state: 'firing', limit: SHOWN_MAX } } }, live);
  return (
    <Answer query={alerts} height={96} isEmpty={(page) => page.alerts.length === 0} empty={<Empty title="No alert fires" height={96} />}>
      {(page) => (
        <DataTable label="Firing alerts" rows={page.alerts} columns={alertColumns} keyOf={(alert) => alert.id} linkOf={(alert) => ({ to: '/alerts/$id', params: { id: alert.id } })} />
      )}
    </Answer>
  );
}

/** The ways to all of them. */
export function AttentionLinks() {
  return (
    <span>
      <Link to="/incidents">Incidents</Link> · <Link to="/alerts">Alerts</Link>
    </span>
  );
}
