// What was told to whom over which channel, and what could not be.

import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { queries } from '../../../api/client';
import type { NotificationShown } from '../../../api/schema';
import { Button } from '../../../components/Button';
import { DataTable, type Column } from '../../../components/DataTable';
import { Select } from '../../../components/fields';
import { Page, Panel } from '../../../components/Page';
import { Answer, Empty } from '../../../components/states';
import { ago } from '../../../format/time';
import type { PageLink } from '../../../shell/link';
import css from '../alerting.module.css';
import { WATCHED } from '../change';
import { NotificationMark, SeverityMark } from '../marks';

const route = getRouteApi('/app/notifications');
const PAGE = 200;
const ROWS_SHOWN = 20;
const HEIGHT_MAX = 33 * (ROWS_SHOWN + 1);
const STATES = [
  { value: 'all', name: 'All states' },
  { value: 'waiting', name: 'Waiting' },
  { value: 'sending', name: 'Sending' },
  { value: 'sent', name: 'Sent' },
  { value: 'failed', name: 'Failed' },
  { value: 'no_channel', name: 'No channel' },
  { value: 'suppressed', name: 'Suppressed' },
] as const;

export function NotificationsPage() {
  const { state, channel } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Page
      title="Notifications"
      actions={
        <>
          {channel !== undefined && (
            <Button icon="close" onPress={() => void navigate({ search: (search) => ({ ...search, channel: undefined }) })} aria-label={`Show all channels, not only ${channel}`}>
              {channel}
            </Button>
          )}
          <Select label="State" isLabelHidden value={state ?? 'all'} choices={STATES} onChange={(next) => void navigate({ search: (search) => ({ ...search, state: next === 'all' ? undefined : next }) })} />
        </>
      }
    >
      <Panel isFlush>
        <Notifications key={`${state ?? ''} ${channel ?? ''}`} />
      </Panel>
    </Page>
  );
}

function Notifications() {
  const { state, channel } = route.useSearch();
  // Where this page begins, and where those before it did.
  const [begins, setBegins] = useState<string[]>([]);
  const after = begins.at(-1);
  const notifications = queries.useQuery('get', '/api/v1/alerting/notifications', { params: { query: { state, channel, limit: PAGE, after } } }, after === undefined ? WATCHED : {});
  return (
    <Answer query={notifications} height={400} isEmpty={(page) => page.notifications.length === 0} empty={<NoNotifications />}>
      {(page) => (
        <>
          <DataTable
            label="Notifications"
            rows={page.notifications}
            columns={columns}
            keyOf={(notification) => notification.id}
            linkOf={linkOf}
            {...(page.notifications.length > ROWS_SHOWN ? { height: HEIGHT_MAX } : {})}
          />
          {(page.next != null || begins.length > 0) && (
            <div className={`${css.bar ?? ''} ${css.below ?? ''}`}>
              {begins.length > 0 && <Button onPress={() => { setBegins(begins.slice(0, -1)); }}>Newer</Button>}
              {page.next != null && <Button onPress={() => { setBegins([...begins, page.next ?? '']); }}>Older</Button>}
            </div>
          )}
        </>
      )}
    </Answer>
  );
}

const columns: Column<NotificationShown>[] = [
  { id: 'what', name: 'What', value: titleOf, width: 'minmax(260px, 5fr)', render: (each) => <span title={each.items.map((item) => item.title).join('\n')}>{titleOf(each)}</span> },
  { id: 'state', name: 'State', value: (each) => each.state, width: '110px', render: ({ state }) => <NotificationMark state={state} /> },
  { id: 'severity', name: 'Severity', value: (each) => each.severity, width: '90px', render: ({ severity }) => <SeverityMark severity={severity} /> },
  { id: 'channel', name: 'Channel', value: (each) => each.channel, width: 'minmax(90px, 1fr)', render: ({ channel }) => <Link to="/notifications" search={{ channel }}>{channel}</Link> },
  { id: 'to', name: 'To', value: (each) => each.to, width: 'minmax(100px, 1fr)' },
  { id: 'attempts', name: 'Attempts', unit: 'count', value: (each) => each.attempts, width: '90px' },
  { id: 'when', name: 'When', unit: 'time', value: (each) => each.sent_at ?? each.created, width: '110px', render: (each) => <When notification={each} /> },
  { id: 'why', name: 'Why not', value: whyNot, width: 'minmax(180px, 2fr)', render: (each) => <span title={whyNot(each)}>{whyNot(each) ?? '–'}</span> },
];

function titleOf({ items, more }: NotificationShown): string {
  const others = items.length - 1 + more;
  const title = items[0]?.title ?? 'nothing';
  return others > 0 ? `${title}, and ${others} more` : title;
}

function whyNot({ muted_by: mutedBy, last_error: error }: NotificationShown): string | undefined {
  return mutedBy.length > 0 ? `muted by ${mutedBy.join(', ')}` : (error ?? undefined);
}

function When({ notification }: { notification: NotificationShown }) {
  const at = notification.sent_at ?? notification.created;
  const next = notification.state === 'waiting' ? notification.due : undefined;
  return <span title={next ?? at}>{ago(next ?? at)}</span>;
}

/** To the incident or the alerts that it tells of. */
function linkOf({ items: [first] }: NotificationShown): PageLink | undefined {
  const [kind, name] = first?.subject.split('/') ?? [];
  if (kind === 'incident' && name !== undefined) return { to: '/incidents/$number', params: { number: name } };
  const rule = first?.labels.rule;
  return kind === 'alert' && rule !== undefined ? { to: '/alerts', search: { rule } } : undefined;
}

function NoNotifications() {
  return (
    <Empty title="Nothing was told like that" height={240}>
      Rules say over which channels they are told; <Link to="/channels">see the channels</Link>.
    </Empty>
  );
}
