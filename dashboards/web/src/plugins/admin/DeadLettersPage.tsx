// Dead letters: events that a consumer could not handle. Somebody looks why, and lets them be tried again or deletes them.

import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { api } from '../../api/client';
import type { DeadLetter } from '../../api/schema';
import { Button } from '../../components/Button';
import { DataTable, type Column } from '../../components/DataTable';
import { Dialog } from '../../components/Dialog';
import { Fact, Facts } from '../../components/Facts';
import { Confirm, FormDialog } from '../../components/FormDialog';
import { Menu } from '../../components/Menu';
import { Page, Panel } from '../../components/Page';
import { Snippet } from '../../components/Snippet';
import { Answer, Empty } from '../../components/states';
import { ago, useClock } from '../../format/time';
import { useMay } from '../../shell/me';
import css from './admin.module.css';
import { useDeadLetters, useHubChanged } from './hub';
import { TraceOfServer } from './parts';

const route = getRouteApi('/app/admin/dead-letters');

type Act = 'retry' | 'delete';
type Chosen = { act: Act; letter: DeadLetter };

const idOf = ({ consumer, event }: DeadLetter) => `${consumer}/${event}`;

export function DeadLettersPage() {
  const letters = useDeadLetters();
  const { letter: open } = route.useSearch();
  const navigate = route.useNavigate();
  const mayAct = useMay('hub:events:write');
  const [chosen, setChosen] = useState<Chosen | undefined>();
  const columns = useColumns(mayAct ? setChosen : undefined);
  const opened = letters.data?.find((letter) => idOf(letter) === open);
  const close = () => { setChosen(undefined); };

  return (
    <Page title="Dead letters">
      <Panel isFlush>
        <Answer query={letters} height={320} isEmpty={(all) => all.length === 0} empty={<NoLetters />}>
          {(all) => <DataTable label="Dead letters" rows={all} columns={columns} keyOf={idOf} linkOf={(letter) => ({ to: '/admin/dead-letters', search: { letter: idOf(letter) } })} />}
        </Answer>
      </Panel>
      <p className={css.text}>
        They are kept for as many days as <code>events.dead_letter_days</code> in the settings says, and deleted then. This page asks every 15 seconds.
      </p>
      {opened !== undefined && <Letter of={opened} onClose={() => void navigate({ search: {} })} />}
      {chosen?.act === 'retry' && <Retry of={chosen.letter} onClose={close} />}
      {chosen?.act === 'delete' && <Delete of={chosen.letter} onClose={close} />}
    </Page>
  );
}

function NoLetters() {
  return (
    <Empty title="No event was given up" height={200}>
      Products tell each other by events what has happened. One that its consumer could not handle, as often as it tried, waits here until somebody lets it be tried again or deletes it.
    </Empty>
  );
}

function useColumns(choose: ((chosen: Chosen) => void) | undefined): Column<DeadLetter>[] {
  const clock = useClock();
  const columns: Column<DeadLetter>[] = [
    { id: 'type', name: 'Event', value: (letter) => letter.type, width: 'minmax(180px, 1fr)' },
    { id: 'subject', name: 'Subject', value: (letter) => letter.subject, width: 'minmax(120px, 1fr)', render: ({ subject }) => <span title={subject ?? undefined}>{subject ?? '–'}</span> },
    { id: 'consumer', name: 'Consumer', value: (letter) => letter.consumer, width: 'minmax(120px, 1fr)' },
    { id: 'reason', name: 'Reason', value: (letter) => letter.reason, width: 'minmax(220px, 3fr)', render: ({ reason }) => <span title={reason}>{reason}</span> },
    { id: 'attempts', name: 'Attempts', unit: 'count', value: (letter) => letter.attempts, width: '100px' },
    { id: 'failed', name: 'Last tried', unit: 'time', value: (letter) => letter.failed_at, width: '110px', render: ({ failed_at }) => <span title={clock.full(failed_at)}>{ago(failed_at)}</span> },
  ];
  if (choose !== undefined) columns.push({ id: 'acts', name: 'Actions', isActs: true, value: () => undefined, width: '60px', render: (letter) => <RowActs of={letter} choose={choose} /> });
  return columns;
}

function RowActs({ of: letter, choose }: { of: DeadLetter; choose: (chosen: Chosen) => void }) {
  const entries = [
    { id: 'retry', name: 'Try again', act: () => { choose({ act: 'retry', letter }); } },
    { id: 'delete', name: 'Delete', act: () => { choose({ act: 'delete', letter }); } },
  ];
  return (
    <Menu label={`What to do about ${letter.type} at ${letter.consumer}`} groups={[{ entries }]}>
      <Button kind="quiet" icon="more" aria-label={`Actions of ${letter.type} at ${letter.consumer}`} />
    </Menu>
  );
}

function Letter({ of: letter, onClose }: { of: DeadLetter; onClose: () => void }) {
  const clock = useClock();
  return (
    <Dialog title={letter.type} isOpen onClose={onClose}>
      <div className={css.stack}>
        <Facts>
          <Fact name="Subject">{letter.subject ?? '–'}</Fact>
          <Fact name="Consumer">{letter.consumer}</Fact>
          <Fact name="Attempts">{letter.attempts}</Fact>
          <Fact name="Published">{clock.full(letter.published_at)}</Fact>
          <Fact name="Last tried">{clock.full(letter.failed_at)}</Fact>
          <Fact name="Trace">{letter.trace_id == null ? '–' : <TraceOfServer id={letter.trace_id} />}</Fact>
          <Fact name="Event">
            <span className={css.mono}>{letter.event}</span>
          </Fact>
        </Facts>
        <div className={css.wide}>
          <Snippet label="Reason" text={letter.reason} />
        </div>
      </div>
    </Dialog>
  );
}

interface ActProps {
  of: DeadLetter;
  onClose: () => void;
}

function Retry({ of: { consumer, event, type }, onClose }: ActProps) {
  const changed = useHubChanged();
  const retry = async () => {
    await api.POST('/api/v1/hub/dead-letters/{consumer}/{event}/retry', { params: { path: { consumer, event } } });
    await changed();
  };
  return (
    <FormDialog title={`Try ${type} again`} act="Try again" onAct={retry} onClose={onClose}>
      <p className={css.text}>{consumer} gets it as soon as it runs, and as often as a new event. If it fails each time, it stands here again.</p>
    </FormDialog>
  );
}

function Delete({ of: { consumer, event, type }, onClose }: ActProps) {
  const changed = useHubChanged();
  const remove = async () => {
    await api.DELETE('/api/v1/hub/dead-letters/{consumer}/{event}', { params: { path: { consumer, event } } });
    await changed();
  };
  return (
    <Confirm title={`Delete ${type}`} act="Delete" onAct={remove} onClose={onClose}>
      <p>{consumer} never gets it. This cannot be taken back; the audit trail keeps what it was.</p>
    </Confirm>
  );
}
