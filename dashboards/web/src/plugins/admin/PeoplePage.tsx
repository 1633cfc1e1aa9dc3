// People of the tenant, and inviting further ones.

import { getRouteApi } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { api } from '../../api/client';
import type { PersonView } from '../../api/schema';
import { Button } from '../../components/Button';
import { DataTable, type Column } from '../../components/DataTable';
import { Select, TextField } from '../../components/fields';
import { FormDialog } from '../../components/FormDialog';
import { Page, Panel } from '../../components/Page';
import { Answer, Empty } from '../../components/states';
import { useMay, useMe } from '../../shell/me';
import css from './admin.module.css';
import { bodyOf, useHubChanged, usePeople } from './hub';
import { PERSON_STATES } from './index';
import { RoleBadges, StateBadge, TenantLink } from './parts';
import { RoleChoice } from './RoleChoice';
import { Told } from './Told';

const route = getRouteApi('/app/admin/people');

const columns: Column<PersonView>[] = [
  { id: 'email', name: 'E-mail', value: (person) => person.email, width: 'minmax(200px, 2fr)' },
  { id: 'name', name: 'Name', value: (person) => person.name, width: 'minmax(120px, 1fr)' },
  { id: 'roles', name: 'Roles of their own', value: (person) => person.roles.join(', '), width: 'minmax(160px, 2fr)', render: (person) => <RoleBadges roles={person.roles} /> },
  { id: 'status', name: 'State', value: (person) => person.status, width: '110px', render: (person) => <StateBadge state={person.status} /> },
  { id: 'identity', name: 'Signs in with', value: (person) => person.identity?.split('/')[0] ?? 'password', width: 'minmax(110px, 1fr)' },
  { id: 'made', name: 'Invited', unit: 'time', value: (person) => person.made_at },
];

const STATES = [{ value: 'any', name: 'Any state' }, ...PERSON_STATES.map((state) => ({ value: state, name: state }))] as const;

export function PeoplePage() {
  const people = usePeople();
  const { text = '', status } = route.useSearch();
  const navigate = route.useNavigate();
  const mayInvite = useMay('hub:people:write');
  const [isInviting, setInviting] = useState(false);
  const words = text.toLowerCase();
  const matching = (all: PersonView[]) => all.filter((person) => (status === undefined || person.status === status) && `${person.email} ${person.name} ${person.roles.join(' ')}`.toLowerCase().includes(words));
  const invite = mayInvite && (
    <Button kind="primary" icon="plus" onPress={() => { setInviting(true); }}>
      Invite
    </Button>
  );
  return (
    <Page
      title="People"
      actions={
        people.data?.length !== 0 && (
          <>
            <div className={css.filter}>
              <TextField aria-label="Only people with this in e-mail, name or role" placeholder="Filter" value={text} onChange={(next) => void navigate({ search: (search) => ({ ...search, text: next === '' ? undefined : next }), replace: true })} />
            </div>
            <Select label="State" isLabelHidden value={status ?? 'any'} choices={STATES} onChange={(next) => void navigate({ search: (search) => ({ ...search, status: next === 'any' ? undefined : next }) })} />
            {invite}
          </>
        )
      }
    >
      <Panel isFlush>
        <Answer query={people} height={320} isEmpty={(all) => matching(all).length === 0} empty={<Nobody isFiltered={people.data?.length !== 0} invite={invite} />}>
          {(all) => <DataTable label="People" rows={matching(all)} columns={columns} keyOf={(person) => person.id} linkOf={(person) => ({ to: '/admin/people/$id', params: { id: person.id } })} />}
        </Answer>
      </Panel>
      {isInviting && <Invite onClose={() => { setInviting(false); }} />}
    </Page>
  );
}

function Nobody({ isFiltered, invite }: { isFiltered: boolean; invite: ReactNode }) {
  const me = useMe();
  if (isFiltered) return <Empty title="Nobody is like that" height={160}>Take filters away to see everybody.</Empty>;
  return (
    <Empty title={`Nobody belongs to the tenant ${me.tenant} yet`} height={160} act={invite}>
      {me.home === me.tenant ? (
        'Invite somebody.'
      ) : (
        <>
          You are one of the tenant {me.home}: <TenantLink tenant={me.home} path="/admin/people">see who else is</TenantLink>, or invite somebody here.
        </>
      )}
    </Empty>
  );
}

function Invite({ onClose }: { onClose: () => void }) {
  const changed = useHubChanged();
  const me = useMe();
  const [email, setEmail] = useState('');
  const [name, setName] = useState('');
  const [roles, setRoles] = useState<string[]>(['viewer']);
  const [secret, setSecret] = useState<string | undefined>();
  const invite = async () => {
    const answer = bodyOf(await api.POST('/api/v1/hub/people', { body: { email: email.trim(), name, roles } }));
    setSecret(answer.one_time_password);
  };

  if (secret !== undefined) {
    return (
      <Told
        title={`${email} is invited`}
        label="One-time password"
        secret={secret}
        note={`Pass it on: nobody sends it for you, and it is told only now. It is good for one sign-in within a week, at which ${email} chooses a password of their own.`}
        onClose={onClose}
      />
    );
  }
  return (
    <FormDialog title={`Invite somebody to ${me.tenant}`} act="Invite" isReady={email.includes('@')} onAct={invite} onDone={() => void changed()} onClose={onClose}>
      <TextField label="E-mail" type="email" value={email} onChange={setEmail} isRequired />
      <TextField label="Name" value={name} onChange={setName} />
      <RoleChoice chosen={roles} onChange={setRoles} />
    </FormDialog>
  );
}
