// Silences that hold or will: what they mute, until when, why; and their end.

import { useState } from 'react';
import { api, queries } from '../../../api/client';
import type { SilenceShown } from '../../../api/schema';
import { Badge } from '../../../components/Badge';
import { Button } from '../../../components/Button';
import { DataTable, type Column } from '../../../components/DataTable';
import { FormDialog } from '../../../components/FormDialog';
import { Answer, Empty } from '../../../components/states';
import { ago } from '../../../format/time';
import { useMay } from '../../../shell/me';
import css from '../alerting.module.css';
import { useChange, WATCHED } from '../change';

export function Silences() {
  const silences = queries.useQuery('get', '/api/v1/alerting/silences', {}, WATCHED);
  const [ending, setEnding] = useState<SilenceShown>();
  const mayEnd = useMay('alerting:silences:write');
  const columns: Column<SilenceShown>[] = [
    { id: 'matchers', name: 'Alerts with', value: (silence) => silence.matchers.join(', '), width: 'minmax(220px, 3fr)', render: (silence) => <code title={silence.matchers.join('\n')}>{silence.matchers.join(' ')}</code> },
    { id: 'state', name: 'State', value: (silence) => String(silence.is_active), width: '90px', render: (silence) => (silence.is_active ? <Badge tone="accent">active</Badge> : <Badge>later</Badge>) },
    { id: 'ends', name: 'Ends', unit: 'time', value: (silence) => silence.ends, width: '100px', render: (silence) => ago(silence.ends) },
    { id: 'why', name: 'Why', value: (silence) => silence.why, width: 'minmax(160px, 2fr)' },
    { id: 'who', name: 'By', value: (silence) => silence.who, width: 'minmax(120px, 1fr)' },
  ];
  const end: Column<SilenceShown> = {
    id: 'end',
    name: '',
    value: () => undefined,
    width: '76px',
    render: (silence) => (
      <Button kind="quiet" onPress={() => { setEnding(silence); }} aria-label={`End the silence of ${silence.matchers.join(', ')}`}>
        End
      </Button>
    ),
  };
  return (
    <>
      <Answer query={silences} height={160} isEmpty={(answer) => answer.silences.length === 0} empty={<NoSilences />}>
        {(answer) => (
          <>
            <DataTable label="Silences" rows={answer.silences} columns={mayEnd ? [...columns, end] : columns} keyOf={(silence) => silence.id} />
            {answer.is_truncated && <p className={css.below}>There are more silences than are shown.</p>}
          </>
        )}
      </Answer>
      {ending !== undefined && <EndDialog silence={ending} onClose={() => { setEnding(undefined); }} />}
    </>
  );
}

function NoSilences() {
  return (
    <Empty title="Nothing is silenced" height={160}>
      An alert can be silenced from its row or its page.
    </Empty>
  );
}

function EndDialog({ silence, onClose }: { silence: SilenceShown; onClose: () => void }) {
  const change = useChange();
  return (
    <FormDialog
      title="End this silence now?"
      act="End it"
      onClose={onClose}
      onAct={() => change(api.DELETE('/api/v1/alerting/silences/{id}', { params: { path: { id: silence.id } } }))}
    >
      <p>
        <code>{silence.matchers.join(', ')}</code>
      </p>
      <p className={css.muted}>Alerts that still fire are told within seconds.</p>
    </FormDialog>
  );
}
