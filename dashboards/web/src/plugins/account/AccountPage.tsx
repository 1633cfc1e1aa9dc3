// One's own password, sessions and preferences.

import { useState } from 'react';
import { api } from '../../api/client';
import { keepAccess } from '../../api/session';
import type { SessionView } from '../../api/schema';
import { Button } from '../../components/Button';
import { Select, TextField } from '../../components/fields';
import { Confirm } from '../../components/FormDialog';
import { Grid, Page, Panel } from '../../components/Page';
import { Answer, Empty, Failed } from '../../components/states';
import { prefer, usePreferences } from '../../preferences/preferences';
import { useMe } from '../../shell/me';
import { agentName } from '../admin/agent';
import { bodyOf, useHubChanged, useOwnSessions } from '../admin/hub';
import { SessionTable } from '../admin/sessions';
import { useMutation } from '@tanstack/react-query';
import css from './account.module.css';

export function AccountPage() {
  const me = useMe();
  if (me.kind !== 'person') {
    return (
      <Page title="Account">
        <Empty title="You are not signed in as a person" height={240}>
          Programs come in with keys, which have no password and no sessions.
        </Empty>
      </Page>
    );
  }
  return (
    <Page title={me.name}>
      <Grid>
        <Panel title="Password">
          <Password email={me.name} home={me.home} />
        </Panel>
        <Panel title="Preferences in this browser">
          <Preferences />
        </Panel>
      </Grid>
      <Sessions />
    </Page>
  );
}

function Password({ email, home }: { email: string; home: string }) {
  const changed = useHubChanged();
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const [again, setAgain] = useState('');
  const change = useMutation({
    mutationFn: async () => {
      await api.PUT('/api/v1/hub/me/password', { body: { current, new: next } });
      // All sessions have ended with the old password, this one, too.
      keepAccess(bodyOf(await api.POST('/api/v1/hub/session', { body: { email, password: next, tenant: home, cookies: true } })));
      await changed();
    },
    onSuccess: () => {
      for (const set of [setCurrent, setNext, setAgain]) set('');
    },
  });
  const isDifferent = again !== '' && next !== again;
  return (
    <form
      className={css.form}
      onSubmit={(event) => {
        event.preventDefault();
        change.mutate();
      }}
    >
      <TextField label="Current password" type="password" autoComplete="current-password" value={current} onChange={setCurrent} />
      <TextField label="New password" type="password" autoComplete="new-password" value={next} onChange={setNext} description="12 characters or more, unless the server asks for other lengths." />
      <TextField label="New password, again" type="password" autoComplete="new-password" value={again} onChange={setAgain} description={isDifferent ? 'It is not the same yet.' : undefined} />
      {change.isError && <Failed error={change.error} />}
      <p className={css.text} role="status">
        {change.isSuccess ? 'Changed. You are signed in here with the new one, and out everywhere else.' : 'Changing it signs you out everywhere else.'}
      </p>
      <Button type="submit" kind="primary" isPending={change.isPending} isDisabled={current === '' || next === '' || next !== again}>
        Change password
      </Button>
    </form>
  );
}

const ZONES = [
  { value: 'local', name: 'By this browser' },
  { value: 'utc', name: 'UTC' },
] as const;
const THEMES = [
  { value: 'system', name: 'As the system' },
  { value: 'light', name: 'Light' },
  { value: 'dark', name: 'Dark' },
] as const;

function Preferences() {
  const { theme, zone } = usePreferences();
  return (
    <div className={css.form}>
      <Select label="Times" value={zone} choices={ZONES} onChange={(next) => { prefer({ zone: next }); }} />
      <Select label="Look" value={theme} choices={THEMES} onChange={(next) => { prefer({ theme: next }); }} />
    </div>
  );
}

function Sessions() {
  const sessions = useOwnSessions();
  const [ending, setEnding] = useState<SessionView | 'others' | undefined>();
  const others = sessions.data?.filter((session) => !session.is_current) ?? [];
  return (
    <Panel
      title="Where you are signed in"
      isFlush
      actions={
        others.length > 0 && (
          <Button kind="quiet" onPress={() => { setEnding('others'); }}>
            End all others
          </Button>
        )
      }
    >
      <Answer query={sessions} height={96}>
        {(open) => <SessionTable sessions={open} onEnd={setEnding} />}
      </Answer>
      {ending === 'others' && <EndOthers count={others.length} onClose={() => { setEnding(undefined); }} />}
      {ending !== undefined && ending !== 'others' && <End session={ending} onClose={() => { setEnding(undefined); }} />}
    </Panel>
  );
}

function End({ session, onClose }: { session: SessionView; onClose: () => void }) {
  const changed = useHubChanged();
  const end = async () => {
    await api.DELETE('/api/v1/hub/me/sessions/{id}', { params: { path: { id: session.id } } });
    await changed();
  };
  return (
    <Confirm title="End the session" act="End it" onAct={end} onClose={onClose}>
      <p>{agentName(session.agent)} is signed out at once.</p>
      <p>If it is not yours, change your password, too.</p>
    </Confirm>
  );
}

function EndOthers({ count, onClose }: { count: number; onClose: () => void }) {
  const changed = useHubChanged();
  const end = async () => {
    await api.DELETE('/api/v1/hub/me/sessions');
    await changed();
  };
  return (
    <Confirm title="End all others" act={count === 1 ? 'End it' : `End ${count} sessions`} onAct={end} onClose={onClose}>
      <p>You are signed out at once everywhere else. This session goes on.</p>
      <p>If one of them is not yours, change your password, too.</p>
    </Confirm>
  );
}
