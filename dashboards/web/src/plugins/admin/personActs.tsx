// What is done about a person and has to be asked first.

import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api } from '../../api/client';
import type { PersonView } from '../../api/schema';
import { Confirm } from '../../components/FormDialog';
import { bodyOf, useHubChanged } from './hub';
import { Told } from './Told';

export type Act = 'suspend' | 'readmit' | 'reset' | 'remove';

interface ActProps {
  person: PersonView;
  onClose: () => void;
}

export function PersonAct({ act, ...rest }: ActProps & { act: Act }) {
  switch (act) {
    case 'suspend':
      return <Suspend {...rest} />;
    case 'readmit':
      return <Readmit {...rest} />;
    case 'reset':
      return <Reset {...rest} />;
    case 'remove':
      return <Remove {...rest} />;
  }
}

function useSuspended({ id }: PersonView) {
  const changed = useHubChanged();
  return async (suspended: boolean) => {
    await api.PATCH('/api/v1/hub/people/{id}', { params: { path: { id } }, body: { suspended } });
    await changed();
  };
}

function Suspend({ person, onClose }: ActProps) {
  const set = useSuspended(person);
  return (
    <Confirm title={`Suspend ${person.email}`} act="Suspend" onAct={() => set(true)} onClose={onClose}>
      <p>What they have open is closed at once, and they cannot sign in until somebody lets them in again.</p>
      <p>Keys that they made go on working.</p>
    </Confirm>
  );
}

function Readmit({ person, onClose }: ActProps) {
  const set = useSuspended(person);
  return (
    <Confirm title={`Let ${person.email} in again`} act="Let in" onAct={() => set(false)} onClose={onClose}>
      <p>They sign in with the password they had, and have the roles they had.</p>
    </Confirm>
  );
}

function Reset({ person, onClose }: ActProps) {
  const changed = useHubChanged();
  const [secret, setSecret] = useState<string | undefined>();
  const reset = async () => {
    const answer = bodyOf(await api.POST('/api/v1/hub/people/{id}/password', { params: { path: { id: person.id } } }));
    setSecret(answer.one_time_password);
  };
  if (secret !== undefined) {
    return (
      <Told
        title={`A new password for ${person.email}`}
        label="One-time password"
        secret={secret}
        note="Pass it on: it is told only now. It is good for one sign-in within a week, at which they choose a password of their own."
        onClose={onClose}
      />
    );
  }
  return (
    <Confirm title={`A new password for ${person.email}`} act="Make one" onAct={reset} onDone={() => void changed()} onClose={onClose}>
      <p>The password they have is worth nothing then, and what they have open is closed at once. It also ends a lock after wrong passwords.</p>
    </Confirm>
  );
}

function Remove({ person, onClose }: ActProps) {
  const navigate = useNavigate();
  const changed = useHubChanged();
  const remove = () => api.DELETE('/api/v1/hub/people/{id}', { params: { path: { id: person.id } } });
  const leave = () => {
    void navigate({ to: '/admin/people' }).then(changed);
  };
  return (
    <Confirm title={`Remove ${person.email}`} act="Remove" typed={person.email} onAct={remove} onDone={leave} onClose={onClose}>
      <p>They are out at once, and out of all groups. This cannot be taken back; the audit trail keeps what they did under their name.</p>
      <p>Keys that they made go on working.</p>
    </Confirm>
  );
}
