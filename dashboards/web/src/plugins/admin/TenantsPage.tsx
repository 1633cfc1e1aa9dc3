// Tenants of the server, for those who run it.

import { useState } from 'react';
import { api } from '../../api/client';
import type { TenantView } from '../../api/schema';
import { Button } from '../../components/Button';
import { DataTable, type Column } from '../../components/DataTable';
import { TextField } from '../../components/fields';
import { Confirm, FormDialog } from '../../components/FormDialog';
import { Menu, type MenuEntry } from '../../components/Menu';
import { Page, Panel } from '../../components/Page';
import { Answer } from '../../components/states';
import { useMay, useMe } from '../../shell/me';
import css from './admin.module.css';
import { bodyOf, useHubChanged, useTenants } from './hub';
import { StateBadge, TenantLink } from './parts';
import { Told } from './Told';

/** Those of the server itself are always served. */
const ALWAYS_SERVED = ['system', 'default'];

type Asked = { act: 'make' } | { act: 'rename' | 'suspend' | 'serve'; tenant: TenantView };

export function TenantsPage() {
  const me = useMe();
  const tenants = useTenants();
  const mayWrite = useMay('server:tenants:write');
  const [asked, setAsked] = useState<Asked | undefined>();
  const close = () => {
    setAsked(undefined);
  };
  const columns: Column<TenantView>[] = [
    { id: 'name', name: 'Tenant', value: (tenant) => tenant.name, width: 'minmax(140px, 1fr)', render: (tenant) => <Name tenant={tenant} isOpen={tenant.name === me.tenant} mayOpen={me.tenants.includes(tenant.name)} /> },
    { id: 'title', name: 'Title', value: (tenant) => tenant.title, width: 'minmax(160px, 2fr)', render: (tenant) => (tenant.title === '' ? '–' : tenant.title) },
    { id: 'state', name: 'State', value: (tenant) => tenant.state, width: '120px', render: (tenant) => <StateBadge state={tenant.state} /> },
    { id: 'made', name: 'Made', unit: 'time', value: (tenant) => tenant.made_at },
  ];
  if (mayWrite) columns.push({ id: 'acts', name: 'Actions', isActs: true, value: () => undefined, width: '60px', render: (tenant) => <RowActs tenant={tenant} onAsk={setAsked} /> });
  return (
    <Page
      title="Tenants"
      actions={
        mayWrite && (
          <Button kind="primary" icon="plus" onPress={() => { setAsked({ act: 'make' }); }}>
            Make a tenant
          </Button>
        )
      }
    >
      <Panel isFlush>
        <Answer query={tenants} height={200}>
          {(all) => <DataTable label="Tenants" rows={all} columns={columns} keyOf={(tenant) => tenant.name} />}
        </Answer>
      </Panel>
      <p className={css.text}>Each tenant has telemetry, people and keys of its own, and sees nothing of the others. Those who run the server see into system and default only.</p>
      {asked?.act === 'make' && <Make onClose={close} />}
      {asked?.act === 'rename' && <Rename tenant={asked.tenant} onClose={close} />}
      {asked?.act === 'suspend' && <Suspend tenant={asked.tenant} onClose={close} />}
      {asked?.act === 'serve' && <Serve tenant={asked.tenant} onClose={close} />}
    </Page>
  );
}

function Name({ tenant, isOpen, mayOpen }: { tenant: TenantView; isOpen: boolean; mayOpen: boolean }) {
  if (isOpen) return <>{tenant.name} <span className={css.muted}>(open)</span></>;
  return mayOpen ? <TenantLink tenant={tenant.name} path="/">{tenant.name}</TenantLink> : tenant.name;
}

function RowActs({ tenant, onAsk }: { tenant: TenantView; onAsk: (asked: Asked) => void }) {
  const entries: MenuEntry[] = [{ id: 'rename', name: 'Change title', act: () => { onAsk({ act: 'rename', tenant }); } }];
  if (tenant.state === 'suspended') entries.push({ id: 'serve', name: 'Serve again', act: () => { onAsk({ act: 'serve', tenant }); } });
  else if (!ALWAYS_SERVED.includes(tenant.name)) entries.push({ id: 'suspend', name: 'Suspend', act: () => { onAsk({ act: 'suspend', tenant }); } });
  return (
    <Menu label={`What to do about ${tenant.name}`} groups={[{ entries }]}>
      <Button kind="quiet" icon="more" aria-label={`Actions of ${tenant.name}`} />
    </Menu>
  );
}

function Make({ onClose }: { onClose: () => void }) {
  const changed = useHubChanged();
  const [name, setName] = useState('');
  const [title, setTitle] = useState('');
  const [owner, setOwner] = useState('');
  const [secret, setSecret] = useState<string | undefined>();
  const make = async () => {
    const answer = bodyOf(await api.POST('/api/v1/hub/tenants', { body: { name, title, owner: owner.trim() } }));
    setSecret(answer.one_time_password);
  };
  if (secret !== undefined) {
    return (
      <Told
        title={`The tenant ${name}`}
        label="One-time password"
        secret={secret}
        note={`Pass it on to ${owner}, its owner: it is told only now, and good for one sign-in within a week. You see nothing of this tenant.`}
        onClose={onClose}
      />
    );
  }
  return (
    <FormDialog title="Make a tenant" act="Make it" isReady={name !== '' && owner.includes('@')} onAct={make} onDone={() => void changed()} onClose={onClose}>
      <TextField label="Name" value={name} onChange={setName} description="Of a-z, 0-9, - and _; it cannot be changed, and never comes back." />
      <TextField label="Title" value={title} onChange={setTitle} description="What people call it." />
      <TextField label="E-mail of its owner" type="email" value={owner} onChange={setOwner} />
      <p className={css.text}>Without a licence a server has three tenants beside system. None can be deleted.</p>
    </FormDialog>
  );
}

function useEdit({ name }: TenantView) {
  const changed = useHubChanged();
  return async (body: { title?: string; state?: TenantView['state'] }) => {
    await api.PATCH('/api/v1/hub/tenants/{name}', { params: { path: { name } }, body });
    await changed();
  };
}

interface TenantActProps {
  tenant: TenantView;
  onClose: () => void;
}

function Rename({ tenant, onClose }: TenantActProps) {
  const edit = useEdit(tenant);
  const [title, setTitle] = useState(tenant.title);
  return (
    <FormDialog title={`Title of ${tenant.name}`} act="Change" onAct={() => edit({ title })} onClose={onClose}>
      <TextField label="Title" value={title} onChange={setTitle} />
    </FormDialog>
  );
}

function Suspend({ tenant, onClose }: TenantActProps) {
  const edit = useEdit(tenant);
  return (
    <Confirm title={`Suspend ${tenant.name}`} act="Suspend" typed={tenant.name} onAct={() => edit({ state: 'suspended' })} onClose={onClose}>
      <p>Nobody of it gets in any more, and telemetry of its keys is refused: what exporters do not keep is lost.</p>
      <p>What is stored stays, and is there again when it is served again.</p>
    </Confirm>
  );
}

function Serve({ tenant, onClose }: TenantActProps) {
  const edit = useEdit(tenant);
  return (
    <FormDialog title={`Serve ${tenant.name} again`} act="Serve again" onAct={() => edit({ state: 'active' })} onClose={onClose}>
      <p className={css.text}>Its people get in and its keys are taken with their next request.</p>
    </FormDialog>
  );
}
