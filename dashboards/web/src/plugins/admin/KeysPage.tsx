// Keys of programs: which there are, when they were last used, making, rotating and revoking them.

import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { api } from '../../api/client';
import type { KeyView } from '../../api/schema';
import { Badge } from '../../components/Badge';
import { Button } from '../../components/Button';
import { Checkbox } from '../../components/Checkbox';
import { DataTable, type Column } from '../../components/DataTable';
import { TextField } from '../../components/fields';
import { Confirm } from '../../components/FormDialog';
import { Menu } from '../../components/Menu';
import { Page, Panel } from '../../components/Page';
import { Answer, Empty } from '../../components/states';
import { ago, useClock } from '../../format/time';
import { useMay } from '../../shell/me';
import css from './admin.module.css';
import { useHubChanged, useKeys } from './hub';
import { isRotatable, keyState } from './keyState';
import { MakeKey } from './MakeKey';
import { RoleBadges } from './parts';
import { RotateKey } from './RotateKey';

const route = getRouteApi('/app/admin/keys');

export function KeysPage() {
  const keys = useKeys();
  const { text = '', revoked = false } = route.useSearch();
  const navigate = route.useNavigate();
  const mayMake = useMay('hub:keys:write');
  const [making, setMaking] = useState<{ like?: KeyView } | undefined>();
  const [rotating, setRotating] = useState<KeyView | undefined>();
  const [revoking, setRevoking] = useState<KeyView | undefined>();
  const words = text.toLowerCase();
  const matching = (all: KeyView[]) => all.filter((key) => (revoked || key.revoked_at == null) && `${key.name} ${key.id} ${key.made_by} ${key.roles.join(' ')}`.toLowerCase().includes(words));
  const columns = useColumns(mayMake ? { rotate: setRotating, revoke: setRevoking, again: (like) => { setMaking({ like }); } } : undefined);

  return (
    <Page
      title="Keys"
      actions={
        <>
          <div className={css.filter}>
            <TextField aria-label="Only keys with this in name, id, role or maker" placeholder="Filter" value={text} onChange={(next) => void navigate({ search: (search) => ({ ...search, text: next === '' ? undefined : next }), replace: true })} />
          </div>
          <Checkbox label="Revoked ones, too" isChecked={revoked} onChange={(next) => void navigate({ search: (search) => ({ ...search, revoked: next ? true : undefined }) })} />
          {mayMake && (
            <Button kind="primary" icon="plus" onPress={() => { setMaking({}); }}>
              Make a key
            </Button>
          )}
        </>
      }
    >
      <Panel isFlush>
        <Answer query={keys} height={320} isEmpty={(all) => matching(all).length === 0} empty={<NoKeys isFiltered={text !== ''} />}>
          {(all) => <DataTable label="Keys" rows={matching(all)} columns={columns} keyOf={(key) => key.id} />}
        </Answer>
      </Panel>
      <p className={css.text}>Keys that stand in the settings of the server are not listed: they hold until they are removed there.</p>
      {making !== undefined && <MakeKey like={making.like} onClose={() => { setMaking(undefined); }} />}
      {rotating !== undefined && <RotateKey of={rotating} onClose={() => { setRotating(undefined); }} />}
      {revoking !== undefined && <Revoke of={revoking} onClose={() => { setRevoking(undefined); }} />}
    </Page>
  );
}

function NoKeys({ isFiltered }: { isFiltered: boolean }) {
  return (
    <Empty title={isFiltered ? 'No key is like that' : 'There is no key yet'} height={160}>
      {isFiltered ? 'Take the filter away to see all.' : 'Exporters need one to send telemetry.'}
    </Empty>
  );
}

interface KeyActs {
  rotate: (key: KeyView) => void;
  revoke: (key: KeyView) => void;
  again: (key: KeyView) => void;
}

function useColumns(acts: KeyActs | undefined): Column<KeyView>[] {
  const clock = useClock();
  const columns: Column<KeyView>[] = [
    { id: 'name', name: 'Name', value: (key) => key.name, width: 'minmax(140px, 2fr)' },
    { id: 'id', name: 'Begins with', value: (key) => key.id, width: '170px', render: (key) => <span className={css.mono}>obs_{key.id}…</span> },
    { id: 'roles', name: 'Roles', value: (key) => key.roles.join(', '), width: 'minmax(140px, 1fr)', render: (key) => <RoleBadges roles={key.roles} /> },
    { id: 'from', name: 'Taken from', value: (key) => key.allowed_from.join(', '), width: 'minmax(110px, 1fr)', render: (key) => <span title={key.allowed_from.join('\n')}>{key.allowed_from.length === 0 ? 'everywhere' : key.allowed_from.join(', ')}</span> },
    { id: 'state', name: 'State', value: (key) => keyState(key).told, width: 'minmax(130px, 1fr)', render: (key) => <State of={key} /> },
    { id: 'used', name: 'Last used', unit: 'time', value: (key) => key.last_used_at, width: '110px', render: (key) => (key.last_used_at == null ? <span className={css.muted}>never</span> : <span title={clock.full(key.last_used_at)}>{ago(key.last_used_at)}</span>) },
    { id: 'made', name: 'Made', unit: 'time', value: (key) => key.made_at, width: '110px', render: (key) => <span title={clock.full(key.made_at)}>{ago(key.made_at)}</span> },
    { id: 'by', name: 'By', value: (key) => key.made_by, width: 'minmax(120px, 1fr)' },
  ];
  if (acts !== undefined) columns.push({ id: 'acts', name: 'Actions', isActs: true, value: () => undefined, width: '60px', render: (key) => <RowActs of={key} acts={acts} /> });
  return columns;
}

function State({ of: key }: { of: KeyView }) {
  const { state, told } = keyState(key);
  const tone = told === 'active' ? 'good' : state === 'active' ? 'warning' : 'error';
  return <Badge tone={tone}>{told}</Badge>;
}

function RowActs({ of: key, acts }: { of: KeyView; acts: KeyActs }) {
  const entries = [{ id: 'again', name: 'Make another like it', act: () => { acts.again(key); } }];
  if (isRotatable(key)) entries.push({ id: 'rotate', name: 'Rotate', act: () => { acts.rotate(key); } });
  if (key.revoked_at == null) entries.push({ id: 'revoke', name: 'Revoke', act: () => { acts.revoke(key); } });
  return (
    <Menu label={`What to do about ${key.name}`} groups={[{ entries }]}>
      <Button kind="quiet" icon="more" aria-label={`Actions of ${key.name}`} />
    </Menu>
  );
}

function Revoke({ of: key, onClose }: { of: KeyView; onClose: () => void }) {
  const changed = useHubChanged();
  const revoke = async () => {
    await api.DELETE('/api/v1/hub/keys/{id}', { params: { path: { id: key.id } } });
    await changed();
  };
  return (
    <Confirm title={`Revoke ${key.name}`} act="Revoke" onAct={revoke} onClose={onClose}>
      <p>
        Programs that use <code>obs_{key.id}…</code> are refused with their next request, and what they send is lost unless they keep it. This cannot be taken back.
      </p>
      <p>{key.last_used_at == null ? 'It has not been used yet.' : `It was last used ${ago(key.last_used_at)}.`}</p>
    </Confirm>
  );
}
