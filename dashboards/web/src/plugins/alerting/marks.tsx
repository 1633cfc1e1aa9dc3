// How grave things are and how they stand, in the same words and colours on every page.

import type { AlertState, IncidentStatus, NotificationState, Priority, Severity } from '../../api/schema';
import { Badge, type Tone } from '../../components/Badge';
import css from './alerting.module.css';

const SEVERITIES: Record<Severity, Tone> = { critical: 'error', warning: 'warning', info: 'plain' };
const PRIORITIES: Record<Priority, Tone> = { P1: 'error', P2: 'warning', P3: 'plain', P4: 'plain' };
const STATES: Record<AlertState, Tone> = { firing: 'error', pending: 'warning', resolved: 'good' };
const STATUSES: Record<IncidentStatus, Tone> = { open: 'error', acknowledged: 'warning', resolved: 'good', reviewed: 'good' };
const NOTIFICATIONS: Record<NotificationState, Tone> = { waiting: 'accent', sending: 'accent', sent: 'good', failed: 'error', no_channel: 'warning', suppressed: 'plain' };

export function SeverityMark({ severity }: { severity: Severity }) {
  return <Badge tone={SEVERITIES[severity]}>{severity}</Badge>;
}

export function PriorityMark({ priority }: { priority: Priority }) {
  return <Badge tone={PRIORITIES[priority]}>{priority}</Badge>;
}

export function AlertStateMark({ state }: { state: AlertState }) {
  return <Badge tone={STATES[state]}>{state}</Badge>;
}

export function StatusMark({ status }: { status: IncidentStatus }) {
  return <Badge tone={STATUSES[status]}>{status}</Badge>;
}

export function NotificationMark({ state }: { state: NotificationState }) {
  return <Badge tone={NOTIFICATIONS[state]}>{state.replace('_', ' ')}</Badge>;
}

/** `service=checkout operation=/cart`, each as a whole. */
export function LabelList({ labels }: { labels: Record<string, string> }) {
  const entries = Object.entries(labels);
  if (entries.length === 0) return <span className={css.muted}>no labels</span>;
  return (
    <span title={entries.map(([name, value]) => `${name}=${value}`).join(', ')}>
      {entries.map(([name, value]) => (
        <span key={name} className={css.label}>
          <span className={css.labelName}>{name}=</span>
          {value}
        </span>
      ))}
    </span>
  );
}
