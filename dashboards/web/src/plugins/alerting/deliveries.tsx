// Whom notifications of an alert or an incident have reached, for its timeline.

import { queries } from '../../api/client';
import type { NotificationShown } from '../../api/schema';
import { useMay } from '../../shell/me';
import { NotificationMark } from './marks';
import type { Happening } from './Timeline';

const NOTIFICATIONS_MAX = 200;

/** Notifications about `subject`, as the server calls it; nothing for those who may not read them. */
export function useNotifications(subject: string, watched: { refetchInterval?: number } = {}) {
  const isAllowed = useMay('alerting:notifications:read');
  const query = { subject, limit: NOTIFICATIONS_MAX };
  return queries.useQuery('get', '/api/v1/alerting/notifications', { params: { query } }, { ...watched, enabled: isAllowed });
}

export function deliveryOf(notification: NotificationShown): Happening {
  const { id, channel, to, state, sent_at: sentAt, created, last_error: error } = notification;
  const what = (
    <>
      {to == null ? channel : `${channel}, ${to}`} <NotificationMark state={state} />
    </>
  );
  return { id, at: sentAt ?? created, what, text: error ?? undefined };
}
