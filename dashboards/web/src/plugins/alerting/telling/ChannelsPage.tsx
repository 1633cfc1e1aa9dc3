// Channels over which people are told: whether they work, and what they know. Secrets are never shown.

import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { api, queries } from '../../../api/client';
import type { ChannelShown } from '../../../api/schema';
import { Badge } from '../../../components/Badge';
import { Button } from '../../../components/Button';
import { DataTable, type Column } from '../../../components/DataTable';
import { FormDialog } from '../../../components/FormDialog';
import { Page, Panel } from '../../../components/Page';
import { Answer, Empty } from '../../../components/states';
import { useMay } from '../../../shell/me';
import css from '../alerting.module.css';
import { useChange } from '../change';
import { ChannelDialog } from './ChannelDialog';
import { KIND_NAMES } from './kinds';
import { TestDialog } from './TestDialog';

type Open = { what: 'new' } | { what: 'edit' | 'delete' | 'test'; channel: ChannelShown };

export function ChannelsPage() {
  const channels = queries.useQuery('get', '/api/v1/alerting/channels');
  const [open, setOpen] = useState<Open>();
  const mayWrite = useMay('alerting:channels:write');
  const make = () => { setOpen({ what: 'new' }); };
  const close = () => { setOpen(undefined); };
  const isEmpty = channels.data?.channels.length === 0;
  return (
    <Page
      title="Channels"
      actions={
        mayWrite &&
        !isEmpty && (
          <Button kind="primary" icon="plus" onPress={make}>
            New channel
          </Button>
        )
      }
    >
      <Panel isFlush>
        <Answer query={channels} height={240} isEmpty={(answer) => answer.channels.length === 0} empty={<NoChannels onMake={mayWrite ? make : undefined} />}>
          {(answer) => <DataTable label="Channels" rows={answer.channels} columns={mayWrite ? [...columns, actions(setOpen)] : columns} keyOf={(channel) => channel.name} />}
        </Answer>
      </Panel>
      {open?.what === 'new' && <ChannelDialog onClose={close} />}
      {open?.what === 'edit' && <ChannelDialog channel={open.channel} onClose={close} />}
      {open?.what === 'test' && <TestDialog channel={open.channel} onClose={close} />}
      {open?.what === 'delete' && <DeleteDialog name={open.channel.name} onClose={close} />}
    </Page>
  );
}

const columns: Column<ChannelShown>[] = [
  {
    id: 'name',
    name: 'Channel',
    value: (channel) => channel.name,
    width: 'minmax(160px, 2fr)',
    render: (channel) => (
      <>
        {channel.name} {channel.default && <Badge tone="accent">default</Badge>}
      </>
    ),
  },
  { id: 'kind', name: 'Kind', value: (channel) => KIND_NAMES[channel.kind], width: '100px' },
  { id: 'receivers', name: 'Receivers', value: (channel) => channel.receivers.join(', '), width: 'minmax(120px, 2fr)', render: ({ receivers }) => <span title={receivers.join('\n')}>{receivers.join(', ') || '–'}</span> },
  { id: 'settings', name: 'Settings', value: settingsTold, width: 'minmax(200px, 3fr)', render: (channel) => <span title={settingsTold(channel)}>{settingsTold(channel)}</span> },
  { id: 'origin', name: 'Stands in', value: (channel) => channel.origin, width: '150px', render: ({ origin }) => (origin === 'file' ? 'notifications.yaml' : 'API') },
  { id: 'told', name: 'Told', value: () => undefined, width: '110px', render: ({ name }) => <Link to="/notifications" search={{ channel: name }}>Notifications</Link> },
];

function actions(onOpen: (open: Open) => void): Column<ChannelShown> {
  return {
    id: 'actions',
    name: '',
    value: () => undefined,
    width: '190px',
    render: (channel) => (
      <>
        <Button kind="quiet" aria-label={`Test ${channel.name}`} onPress={() => { onOpen({ what: 'test', channel }); }}>
          Test
        </Button>
        {channel.origin === 'api' && (
          <>
            <Button kind="quiet" aria-label={`Edit ${channel.name}`} onPress={() => { onOpen({ what: 'edit', channel }); }}>
              Edit
            </Button>
            <Button kind="quiet" aria-label={`Delete ${channel.name}`} onPress={() => { onOpen({ what: 'delete', channel }); }}>
              Delete
            </Button>
          </>
        )}
      </>
    ),
  };
}

function settingsTold({ settings }: ChannelShown): string {
  const known: [string, unknown][] = Object.entries(settings);
  return known.flatMap(([name, value]) => (value === null || value === false ? [] : [`${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`])).join(', ');
}

function DeleteDialog({ name, onClose }: { name: string; onClose: () => void }) {
  const change = useChange();
  return (
    <FormDialog title={`Delete ${name}?`} act="Delete" onClose={onClose} onAct={() => change(api.DELETE('/api/v1/alerting/channels/{name}', { params: { path: { name } } }))}>
      <p className={css.muted}>What waits for it is not sent. Rules that name it tell nobody then, unless a channel of that kind is left.</p>
    </FormDialog>
  );
}

function NoChannels({ onMake }: { onMake: (() => void) | undefined }) {
  return (
    <Empty
      title="Nobody is told yet"
      height={240}
      act={
        onMake !== undefined && (
          <Button kind="primary" icon="plus" onPress={onMake}>
            New channel
          </Button>
        )
      }
    >
      Make a channel here, or write <code>notifications.yaml</code> into the directory that <code>alerting.directory</code> names.
    </Empty>
  );
}
