// What waits for somebody: incidents that are active, and alerts that fire.

import { queries } from '../../api/client';
import type { AlertView, IncidentView } from '../../api/schema';
import { DataTable, type Column } from '../../components/DataTable';
import { Badge } from '../../components/Badge';
import { Answer, Empty } from '../../components/states';
import { ago } from '../../format/time';
import { useRange } from '../../range/useRange';

const SHOWN_MAX = 5;

const incidentColumns: Column<IncidentView>[] = [
  { id: 'priority', name: 'Priority', value: (incident) => incident.priority, width: '90px', render: ({ priority }) => <Badge tone={priority === 'P1' ? 'error' : priority === 'P2' ? 'warning' : 'plain'}>{priority}</Badge> },
  { id: 'title', name: 'Incident', value: (incident) => incident.title },
  { id: 'status', name: 'Status', value: (incident) => incident.status, width: '110px' },
  { id: 'opened', name: 'Opened', unit: 'time', value: (incident) => incident.opened_at, width: '110px', render: (incident) => ago(incident.opened_at) },
];

export function ActiveIncidents() {
  const { live } = useRange();
  const incidents = queries.useQuery('get', '/api/v1/alerting/incidents', { params: { query: { active: true, limit: SHOWN_MAX } } }, live);
  return (
    <Answer query={incidents} height={96} isEmpty={(page) => page.incidents.length === 0} empty={<Empty title="No incident is active" height={96} />}>
      {(page) => <DataTable label="Active incidents" rows={page.incidents} columns={incidentColumns} keyOf={(incident) => incident.number} />}
    </Answer>
  );
}

const alertColumns: Column<AlertView>[] = [
  { id: 'severity', name: 'Severity', value: (alert) => alert.severity, width: '90px', render: ({ severity }) => <Badge tone={severity === 'critical' ? 'error' : severity === 'warning' ? 'warning' : 'plain'}>{severity}</Badge> },
  { id: 'rule', name: 'Alert', value: (alert) => alert.rule },
  { id: 'labels', name: 'Of', value: (alert) => Object.values(alert.labels).join(', ') },
  { id: 'fired', name: 'Fires since', unit: 'time', value: (alert) => alert.fired_at ?? alert.active_since, width: '110px', render: (alert) => ago(alert.fired_at ?? alert.active_since) },
];

export function FiringAlerts() {
  const { live } = useRange();
  const alerts = queries.useQuery('get', '/api/v1/alerting/alerts', { params: { query: { state: 'firing', limit: SHOWN_MAX } } }, live);
  return (
    <Answer query={alerts} height={96} isEmpty={(page) => page.alerts.length === 0} empty={<Empty title="No alert fires" height={96} />}>
      {(page) => <DataTable label="Firing alerts" rows={page.alerts} columns={alertColumns} keyOf={(alert) => alert.id} />}
    </Answer>
  );
}
