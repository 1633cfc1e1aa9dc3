// Roles of the tenant: those that every tenant has, and its own.

import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api } from '../../api/client';
import type { RoleView } from '../../api/schema';
import { Badge } from '../../components/Badge';
import { Button } from '../../components/Button';
import { DataTable, type Column } from '../../components/DataTable';
import { Select, TextField } from '../../components/fields';
import { FormDialog } from '../../components/FormDialog';
import { Page, Panel } from '../../components/Page';
import { Answer } from '../../components/states';
import { useMay } from '../../shell/me';
import css from './admin.module.css';
import { useHubChanged, useRoles } from './hub';

const columns: Column<RoleView>[] = [
  { id: 'name', name: 'Role', value: (role) => role.name, width: 'minmax(120px, 1fr)' },
  { id: 'description', name: 'For whom', value: (role) => role.description, width: 'minmax(220px, 3fr)' },
  { id: 'grants', name: 'Grants', value: (role) => role.grants.join(', '), width: 'minmax(180px, 3fr)', render: (role) => <Grants role={role} /> },
  { id: 'kind', name: 'Kind', value: (role) => (role.is_built_in ? 'built in' : 'own'), width: '90px', render: (role) => (role.is_built_in ? <span className={css.muted}>built in</span> : <Badge tone="accent">own</Badge>) },
];

function Grants({ role }: { role: RoleView }) {
  return (
    <span className={css.mono} title={role.grants.join('\n')}>
      {role.grants.join(', ')}
    </span>
  );
}

export function RolesPage() {
  const roles = useRoles();
  const mayMake = useMay('hub:roles:write');
  const [isMaking, setMaking] = useState(false);
  return (
    <Page
      title="Roles"
      actions={
        mayMake && (
          <Button kind="primary" icon="plus" onPress={() => { setMaking(true); }}>
            Make a role
          </Button>
        )
      }
    >
      <Panel isFlush>
        <Answer query={roles} height={260}>
          {(answer) => <DataTable label="Roles" rows={answer.roles} columns={columns} keyOf={(role) => role.name} linkOf={(role) => ({ to: '/admin/roles/$name', params: { name: role.name } })} />}
        </Answer>
      </Panel>
      {isMaking && roles.data !== undefined && <MakeRole roles={roles.data.roles} onClose={() => { setMaking(false); }} />}
    </Page>
  );
}

function MakeRole({ roles, onClose }: { roles: RoleView[]; onClose: () => void }) {
  const navigate = useNavigate();
  const changed = useHubChanged();
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const [base, setBase] = useState('viewer');
  const isTaken = roles.some((role) => role.name === name);
  const make = async () => {
    const grants = roles.find((role) => role.name === base)?.grants ?? [];
    await api.PUT('/api/v1/hub/roles/{name}', { params: { path: { name } }, body: { description, grants } });
    await changed();
  };
  return (
    <FormDialog title="Make a role" act="Make it" isReady={name !== '' && !isTaken} onAct={make} onDone={() => void navigate({ to: '/admin/roles/$name', params: { name } })} onClose={onClose}>
      <TextField label="Name" value={name} onChange={setName} description={isTaken ? 'There is one of this name already.' : 'Of a-z, 0-9, - and _; it cannot be changed.'} />
      <TextField label="For whom it is" value={description} onChange={setDescription} />
      <Select label="Allows at first what is allowed to" value={base} choices={roles.map((role) => ({ value: role.name, name: role.name }))} onChange={setBase} />
      <p className={css.text}>What it allows is chosen on the next page. Nobody gives more than they have.</p>
    </FormDialog>
  );
}
