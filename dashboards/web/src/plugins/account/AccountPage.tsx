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
  const [ending, setEnding] = useState<SessionView[] | undefined>();
  const others = sessions.data?.filter((session) => !session.is_current) ?? [];
  return (
    <Panel
      title="Where you are signed in"
      isFlush
      actions={
        others.length > 0 && (
          <Button kind="quiet" onPress={() => { setEnding(others); }}>
            Sign out everywhere else
          </Button>
        )
      }
    >
      <Answer query={sessions} height={96}>
        {(open) => <SessionTable sessions={open} onEnd={(session) => { setEnding([session]); }} />}
      </Answer>
      {ending !== undefined && <End sessions={ending} onClose={() => { setEnding(undefined); }} />}
    </Panel>
  );
}

function End({ sessions, onClose }: { sessions: SessionView[]; onClose: () => void }) {
  const changed = useHubChanged();
  const end = async () => {
    try {
      for (const { id } of sessions) await api.DELETE('/api/v1/hub/me/sessions/{id}', { params: { path: { id } } });
    } finally {
      await changed();
    }
  };
  const [first] = sessions;
  const isOne = sessions.length === 1;
  return (
    <Confirm title={isOne ? 'End the session' : 'Sign out everywhere else'} act={isOne ? 'End it' : `End ${sessions.length} sessions`} onAct={end} onClose={onClose}>
      <p>{isOne ? `${agentName(first?.agent)} is signed out at once.` : `You are signed out at once in ${sessions.length} places. This one goes on.`}</p>
      <p>If one of them is not yours, change your password, too.</p>
    </Confirm>
  );
}
