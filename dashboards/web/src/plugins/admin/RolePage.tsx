// One role: what it allows, as a table of products, resources and actions. A tenant's own can be changed.

import { useMutation } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api } from '../../api/client';
import type { RoleView } from '../../api/schema';
import { Button } from '../../components/Button';
import { TextField } from '../../components/fields';
import { Confirm } from '../../components/FormDialog';
import { Page, Panel } from '../../components/Page';
import { Answer, Empty, Failed } from '../../components/states';
import { useMay, useMe } from '../../shell/me';
import css from './admin.module.css';
import { useDescription, useHubChanged, useRoles } from './hub';
import { permissionsOf } from './permissions';
import { PermissionTable } from './PermissionTable';

const route = getRouteApi('/app/admin/roles/$name');

export function RolePage() {
  const { name } = route.useParams();
  const roles = useRoles();
  const description = useDescription();
  // Only people of the tenant `system` have what concerns the server, whatever their roles say.
  const isOfServer = useMe().tenant === 'system';
  const role = roles.data?.roles.find((each) => each.name === name);
  const parent = <Link to="/admin/roles">Roles</Link>;
  if (roles.data !== undefined && role === undefined) {
    return (
      <Page title={name} parent={parent}>
        <Empty title={`There is no role ${name}`} height={200}>
          It may have been removed. <Link to="/admin/roles">See those that there are</Link>.
        </Empty>
      </Page>
    );
  }
  if (role === undefined) {
    return (
      <Page title={name} parent={parent}>
        <Answer query={roles} height={400}>{() => null}</Answer>
      </Page>
    );
  }
  // As the server has it: when that is another, what was not saved is over.
  return <Role key={JSON.stringify(role)} role={role} known={permissionsOf(description.data ?? {}).filter((permission) => isOfServer || !permission.startsWith('server:'))} />;
}

function Role({ role, known }: { role: RoleView; known: string[] }) {
  const mayWrite = useMay('hub:roles:write');
  const changed = useHubChanged();
  const [grants, setGrants] = useState<string[]>(role.grants);
  const [description, setDescription] = useState(role.description);
  const isOwn = !role.is_built_in && mayWrite;
  const isChanged = description !== role.description || [...grants].sort().join() !== [...role.grants].sort().join();
  const save = useMutation({
    mutationFn: () => api.PUT('/api/v1/hub/roles/{name}', { params: { path: { name: role.name } }, body: { description, grants } }),
    onSuccess: changed,
  });
  return (
    <Page
      title={role.name}
      parent={<Link to="/admin/roles">Roles</Link>}
      actions={
        isOwn && (
          <>
            <RemoveRole role={role} />
            <Button kind="primary" isDisabled={!isChanged || grants.length === 0} isPending={save.isPending} onPress={() => { save.mutate(); }}>
              Save
            </Button>
          </>
        )
      }
    >
      {save.isError && <Failed error={save.error} />}
      {isOwn ? <TextField label="For whom it is" value={description} onChange={setDescription} /> : <p className={css.text}>Who has it {role.description}. {role.is_built_in ? 'It is built in: every tenant has it as it is.' : ''}</p>}
      <Panel title="What it allows">
        <PermissionTable grants={grants} known={known} onChange={isOwn ? setGrants : undefined} />
      </Panel>
      <Panel title={grants.length === 1 ? '1 grant' : `${grants.length} grants`}>
        <p className={css.mono}>{grants.join(', ')}</p>
      </Panel>
    </Page>
  );
}

function RemoveRole({ role }: { role: RoleView }) {
  const navigate = useNavigate();
  const changed = useHubChanged();
  const [isAsking, setAsking] = useState(false);
  const leave = () => {
    void navigate({ to: '/admin/roles' }).then(changed);
  };
  return (
    <>
      <Button onPress={() => { setAsking(true); }}>Remove</Button>
      {isAsking && (
        <Confirm
          title={`Remove the role ${role.name}`}
          act="Remove"
          onAct={() => api.DELETE('/api/v1/hub/roles/{name}', { params: { path: { name: role.name } } })}
          onDone={leave}
          onClose={() => { setAsking(false); }}
        >
          <p>It is gone for good. While somebody or a key has it, the server refuses.</p>
        </Confirm>
      )}
    </>
  );
}
