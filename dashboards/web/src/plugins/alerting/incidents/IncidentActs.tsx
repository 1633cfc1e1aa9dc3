// What can be done about an incident: the next step as a button, all else beside it.

import { useMemo, useState } from 'react';
import { api } from '../../../api/client';
import type { IncidentDetail } from '../../../api/schema';
import { Button } from '../../../components/Button';
import { Menu } from '../../../components/Menu';
import { Failed } from '../../../components/states';
import { useShortcuts } from '../../../shell/shortcuts';
import { useChange } from '../change';
import { ActDialog, type Act } from './ActDialog';

export function IncidentActs({ incident }: { incident: IncidentDetail }) {
  const [act, setAct] = useState<Act>();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const change = useChange();
  const acknowledge = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await change(api.POST('/api/v1/alerting/incidents/{number}/acknowledge', { params: { path: { number: incident.number } }, body: { version: null } }));
    } catch (thrown) {
      setError(thrown);
    } finally {
      setBusy(false);
    }
  };
  useNoteKey(setAct);
  const others = othersOf(incident).map(({ id, name }) => ({ id, name, act: () => { setAct(id); } }));
  return (
    <>
      {error !== undefined && <Failed error={error} />}
      {incident.status === 'open' && (
        <Button kind="primary" isPending={isBusy} onPress={() => void acknowledge()}>
          Acknowledge
        </Button>
      )}
      {incident.is_active && (
        <Button kind={incident.status === 'open' ? 'plain' : 'primary'} onPress={() => { setAct('resolve'); }}>
          Resolve…
        </Button>
      )}
      {!incident.is_active && (
        <Button kind={incident.status === 'resolved' ? 'primary' : 'plain'} onPress={() => { setAct('review'); }}>
          Review…
        </Button>
      )}
      <Button onPress={() => { setAct('note'); }}>Note…</Button>
      <Menu label="More" groups={[{ entries: others }]}>
        <Button icon="down">More</Button>
      </Menu>
      {act !== undefined && <ActDialog key={act} act={act} incident={incident} onClose={() => { setAct(undefined); }} />}
    </>
  );
}

function othersOf(incident: IncidentDetail): { id: Act; name: string }[] {
  const change = { id: 'change', name: 'Change priority or title…' } as const;
  const assign = { id: 'assign', name: 'Assign…' } as const;
  if (!incident.is_active) return [{ id: 'reopen', name: 'Reopen…' }, assign, change];
  return [assign, { id: 'escalate', name: 'Escalate…' }, change];
}

function useNoteKey(setAct: (act: Act) => void): void {
  const shortcuts = useMemo(() => [{ keys: 'n', name: 'Write a note', act: () => { setAct('note'); } }], [setAct]);
  useShortcuts(shortcuts);
}
