// When alerts would have fired, as bars on a line of time for each set of labels, and as a table.

import { useMemo } from 'react';
import type { WouldFire } from '../../../api/schema';
import { DataTable, type Column } from '../../../components/DataTable';
import { format, type Unit } from '../../../format/number';
import { millis, useClock } from '../../../format/time';
import { LabelList } from '../marks';
import css from './FiringTimeline.module.css';
import { lanesOf, marksOf } from './lanes';

const LANES_MAX = 30;
const MARKS = 4;
const ROWS_SHOWN = 10;
const TABLE_HEIGHT = 33 * (ROWS_SHOWN + 1);

interface FiringTimelineProps {
  alerts: readonly WouldFire[];
  /** Milliseconds since 1970. */
  from: number;
  to: number;
  unit: Unit;
}

export function FiringTimeline({ alerts, from, to, unit }: FiringTimelineProps) {
  const clock = useClock();
  const lanes = useMemo(() => lanesOf(alerts, from, to), [alerts, from, to]);
  return (
    <figure aria-label="When it would have fired; there is a table of it below">
      <ul className={css.lanes}>
        {lanes.slice(0, LANES_MAX).map((lane) => (
          <li key={JSON.stringify(lane.labels)} className={css.lane}>
            <span className={css.name}>
              <LabelList labels={lane.labels} />
            </span>
            <span className={css.line}>
              {lane.stretches.map(({ pendingFrom, firingFrom, to: end, alert }) => {
                const told = `${format(alert.value, unit)} at ${clock.short(alert.fired_at)}${alert.resolved_at == null ? ', and still' : `, until ${clock.short(alert.resolved_at)}`}`;
                return (
                  <span key={alert.fired_at} title={told}>
                    <span className={css.pending} style={{ left: `${pendingFrom * 100}%`, width: `${(firingFrom - pendingFrom) * 100}%` }} />
                    <span className={css.firing} style={{ left: `${firingFrom * 100}%`, width: `${(end - firingFrom) * 100}%` }} />
                  </span>
                );
              })}
            </span>
          </li>
        ))}
      </ul>
      <div className={css.marks} aria-hidden="true">
        {marksOf(from, to, MARKS).map((time) => (
          <span key={time}>{clock.short(Math.round(time))}</span>
        ))}
      </div>
      {lanes.length > LANES_MAX && <p className={css.more}>{lanes.length - LANES_MAX} further sets of labels stand in the table only.</p>}
    </figure>
  );
}

export function WouldFireTable({ alerts, unit }: { alerts: readonly WouldFire[]; unit: Unit }) {
  const columns: Column<WouldFire>[] = [
    { id: 'labels', name: 'Of', value: (alert) => Object.values(alert.labels).join(' '), width: 'minmax(200px, 3fr)', render: (alert) => <LabelList labels={alert.labels} /> },
    { id: 'value', name: 'Value', unit, value: (alert) => alert.value },
    { id: 'since', name: 'True since', unit: 'time', value: (alert) => alert.active_since },
    { id: 'fired', name: 'Fires', unit: 'time', value: (alert) => alert.fired_at },
    { id: 'over', name: 'Over', unit: 'time', value: (alert) => alert.resolved_at },
    { id: 'lasted', name: 'For', unit: 'ms', value: (alert) => (alert.resolved_at == null ? undefined : millis(alert.resolved_at) - millis(alert.fired_at)) },
  ];
  return (
    <DataTable
      label="Alerts that would have fired"
      rows={alerts}
      columns={columns}
      keyOf={(alert) => `${alert.fired_at} ${JSON.stringify(alert.labels)}`}
      {...(alerts.length > ROWS_SHOWN ? { height: TABLE_HEIGHT } : {})}
    />
  );
}
