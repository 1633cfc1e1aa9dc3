// Where somebody is signed in.

import { Badge } from '../../components/Badge';
import { Button } from '../../components/Button';
import { DataTable, type Column } from '../../components/DataTable';
import type { SessionView } from '../../api/schema';
import { ago, useClock } from '../../format/time';
import { agentName } from './agent';

interface SessionTableProps {
  sessions: readonly SessionView[];
  /** Without it, none can be ended. */
  onEnd?: ((session: SessionView) => void) | undefined;
}

export function SessionTable({ sessions, onEnd }: SessionTableProps) {
  const clock = useClock();
  const columns: Column<SessionView>[] = [
    { id: 'agent', name: 'With', value: (session) => agentName(session.agent), width: 'minmax(150px, 2fr)', render: (session) => <span title={session.agent ?? undefined}>{agentName(session.agent)}</span> },
    { id: 'address', name: 'From', value: (session) => session.address, width: 'minmax(120px, 1fr)' },
    { id: 'method', name: 'Signed in by', value: (session) => session.method, width: 'minmax(110px, 1fr)' },
    { id: 'started', name: 'Since', unit: 'time', value: (session) => session.started_at },
    { id: 'used', name: 'Last renewed', unit: 'time', value: (session) => session.refreshed_at, width: '120px', render: (session) => <span title={clock.full(session.refreshed_at)}>{ago(session.refreshed_at)}</span> },
    { id: 'act', name: 'Actions', isActs: true, value: () => undefined, width: '110px', render: (session) => <EndButton session={session} onEnd={onEnd} /> },
  ];
  return <DataTable label="Open sessions" rows={sessions} columns={columns} keyOf={(session) => session.id} />;
}

function EndButton({ session, onEnd }: { session: SessionView; onEnd: SessionTableProps['onEnd'] }) {
  if (session.is_current) return <Badge tone="accent">this one</Badge>;
  if (onEnd === undefined) return null;
  return (
    <Button kind="quiet" aria-label={`End the session with ${agentName(session.agent)}`} onPress={() => { onEnd(session); }}>
      End
    </Button>
  );
}
