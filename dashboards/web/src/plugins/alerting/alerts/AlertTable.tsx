// Alerts as rows: of what, how much, since when; and the ways to their cause.

import { Link } from '@tanstack/react-router';
import type { AlertView } from '../../../api/schema';
import { Badge } from '../../../components/Badge';
import { Button } from '../../../components/Button';
import { DataTable, type Column } from '../../../components/DataTable';
import { format, type Unit } from '../../../format/number';
import { ago } from '../../../format/time';
import css from '../alerting.module.css';
import { TraceLink } from '../elsewhere';
import { AlertStateMark, LabelList, SeverityMark } from '../marks';

const ROWS_SHOWN = 12;
const HEIGHT_MAX = 33 * (ROWS_SHOWN + 1);

interface AlertTableProps {
  label: string;
  alerts: readonly AlertView[];
  unitOfRule: (rule: string) => Unit;
  /** Where alerts of several rules stand together. */
  hasRules?: boolean;
  onSilence?: ((alert: AlertView) => void) | undefined;
}

export function AlertTable({ label, alerts, unitOfRule, hasRules = false, onSilence }: AlertTableProps) {
  const columns: Column<AlertView>[] = [
    ...(hasRules ? ruleColumns : []),
    { id: 'labels', name: 'Of', value: (alert) => Object.values(alert.labels).join(' '), width: 'minmax(220px, 3fr)', render: (alert) => <LabelList labels={alert.labels} /> },
    { id: 'value', name: 'Value', unit: 'number', value: (alert) => alert.value, width: '100px', render: (alert) => format(alert.value, unitOfRule(alert.rule)) },
    { id: 'since', name: 'Since', unit: 'time', value: begin, width: '110px', render: (alert) => <span title={begin(alert)}>{ago(begin(alert))}</span> },
    ...(alerts.some((alert) => alert.resolved_at != null) ? [over] : []),
    { id: 'incident', name: 'Incident', value: (alert) => alert.incident, width: '110px', render: IncidentOf },
    { id: 'traces', name: 'Trace', value: (alert) => alert.traces[0], width: '130px', render: ({ traces: [first] }) => (first === undefined ? '–' : <TraceLink id={first} />) },
    ...(onSilence === undefined ? [] : [silence(onSilence)]),
  ];
  return (
    <DataTable
      label={label}
      rows={alerts}
      columns={columns}
      keyOf={(alert) => alert.id}
      linkOf={(alert) => ({ to: '/alerts/$id', params: { id: alert.id } })}
      {...(alerts.length > ROWS_SHOWN ? { height: HEIGHT_MAX } : {})}
    />
  );
}

const ruleColumns: Column<AlertView>[] = [
  { id: 'rule', name: 'Rule', value: (alert) => alert.rule, width: 'minmax(150px, 2fr)' },
  { id: 'state', name: 'State', value: (alert) => alert.state, width: '90px', render: ({ state }) => <AlertStateMark state={state} /> },
  { id: 'severity', name: 'Severity', value: (alert) => alert.severity, width: '90px', render: ({ severity }) => <SeverityMark severity={severity} /> },
];

const over: Column<AlertView> = {
  id: 'over',
  name: 'Over',
  unit: 'time',
  value: (alert) => alert.resolved_at,
  width: '110px',
  render: ({ resolved_at: at }) => (at == null ? '–' : <span title={at}>{ago(at)}</span>),
};

function silence(onSilence: (alert: AlertView) => void): Column<AlertView> {
  return {
    id: 'silence',
    name: '',
    value: () => undefined,
    width: '96px',
    render: (alert) => {
      if (alert.muted_by !== undefined && alert.muted_by.length > 0) return <Badge>muted</Badge>;
      if (alert.state === 'resolved') return null;
      return (
        <Button kind="quiet" onPress={() => { onSilence(alert); }} aria-label={`Silence ${alert.rule} of ${Object.values(alert.labels).join(', ')}`}>
          Silence
        </Button>
      );
    },
  };
}

function IncidentOf({ incident }: AlertView) {
  if (incident == null) return <span className={css.muted}>–</span>;
  return (
    <Link to="/incidents/$number" params={{ number: incident }}>
      {incident}
    </Link>
  );
}

/** Since when it fires, or since when it has been true. */
function begin(alert: AlertView): string {
  return alert.fired_at ?? alert.active_since;
}
