// What happened to an alert, in order: it began, fired, was told, ended; and earlier ones of the same labels.

import { Link } from '@tanstack/react-router';
import { queries } from '../../../api/client';
import type { AlertDetail, NotificationShown } from '../../../api/schema';
import { deliveryOf, useNotifications } from '../deliveries';
import { Timeline, type Happening } from '../Timeline';
import css from '../alerting.module.css';
import { Loading } from '../../../components/states';
import { ago, millis } from '../../../format/time';

const ALERTS_MAX = 1000;
const EARLIER_SHOWN = 5;

export function AlertHistory({ alert }: { alert: AlertDetail }) {
  const notifications = useNotifications(subjectOf(alert));
  const told = (notifications.data?.notifications ?? []).filter((each) => tellsOf(each, alert));
  const happenings: Happening[] = [
    { id: 'began', at: alert.active_since, what: 'became true' },
    ...(alert.fired_at == null ? [] : [{ id: 'fired', at: alert.fired_at, what: 'fired', tone: 'error' as const }]),
    ...told.map(deliveryOf),
    ...(alert.resolved_at == null ? [] : [{ id: 'over', at: alert.resolved_at, what: 'was over', tone: 'good' as const }]),
  ];
  return (
    <div className={css.stack}>
      {notifications.isLoading ? <Loading height={160} /> : <Timeline happenings={happenings} />}
      {notifications.data?.is_truncated === true && <p className={css.muted}>There are more notifications than were looked through; older ones may tell of this alert too.</p>}
      <Earlier alert={alert} />
    </div>
  );
}

function Earlier({ alert }: { alert: AlertDetail }) {
  const earlier = queries.useQuery('get', '/api/v1/alerting/alerts', { params: { query: { state: 'resolved', rule: alert.rule, limit: ALERTS_MAX } } });
  const same = (earlier.data?.alerts ?? []).filter((each) => each.fingerprint === alert.fingerprint && each.id !== alert.id);
  if (same.length === 0) return null;
  return (
    <div>
      <h3 className={css.heading}>Earlier, with the same labels</h3>
      <ul>
        {same.slice(0, EARLIER_SHOWN).map((each) => (
          <li key={each.id}>
            <Link to="/alerts/$id" params={{ id: each.id }}>
              {ago(each.active_since)}
            </Link>
          </li>
        ))}
      </ul>
      {same.length > EARLIER_SHOWN && (
        <Link to="/alerts" search={{ state: 'resolved', rule: alert.rule }}>
          {same.length - EARLIER_SHOWN} more
        </Link>
      )}
    </div>
  );
}

/** What notifications call it, and all other alerts of the same rule and labels. */
function subjectOf(alert: AlertDetail): string {
  return `alert/${alert.rule}/${alert.fingerprint}`;
}

/** Whether it tells of this alert, and not of an earlier or later one of the same labels. */
function tellsOf(notification: NotificationShown, alert: AlertDetail): boolean {
  const subject = subjectOf(alert);
  const [first, last] = [millis(alert.active_since), alert.resolved_at == null ? Infinity : millis(alert.resolved_at)];
  return notification.items.some((item) => item.subject === subject && first <= millis(item.at) && millis(item.at) <= last);
}
