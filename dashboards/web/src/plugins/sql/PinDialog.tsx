// Adds the statement to a dashboard, there or new, as a panel.

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api, queries } from '../../api/client';
import { Failure } from '../../api/failure';
import type { DashboardSummary, PanelKind } from '../../api/schema';
import { Button } from '../../components/Button';
import { Select, TextField } from '../../components/fields';
import { Answer, Empty, Failed } from '../../components/states';
import { UNWRITTEN, save } from '../dashboards/checking';
import { nameOf } from '../dashboards/model';
import { dashboardWith, unfitFor, withPanel } from '../dashboards/pinned';
import { isRanged } from './ranged';
import css from './sql.module.css';
import type { Draft } from './SqlPage';

const NEW = '(new)';
const KINDS: { value: PanelKind; name: string }[] = [
  { value: 'table', name: 'Table' },
  { value: 'time_series', name: 'Lines over time' },
  { value: 'bar', name: 'Bars' },
  { value: 'stat', name: 'One figure' },
  { value: 'gauge', name: 'Gauge' },
];

export function PinDialog({ draft }: { draft: Draft }) {
  const unfit = unfitFor(draft.sql, draft.params, draft.as_of);
  const list = queries.useQuery('get', '/api/v1/dashboards');
  if (unfit !== undefined) return <Empty title="This statement cannot be a panel">{unfit}</Empty>;
  return (
    <Answer query={list} height={220}>
      {({ dashboards }) => <PinForm sql={draft.sql} dashboards={dashboards} />}
    </Answer>
  );
}

function PinForm({ sql, dashboards }: { sql: string; dashboards: readonly DashboardSummary[] }) {
  const [place, setPlace] = useState(dashboards.find(({ origin }) => origin === 'app')?.name ?? NEW);
  const [newTitle, setNewTitle] = useState('');
  const [title, setTitle] = useState('');
  const [kind, setKind] = useState<PanelKind>('table');
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const name = place === NEW ? nameOf(newTitle) : place;
  const isTaken = place === NEW && dashboards.some((each) => each.name === name);
  const chosen = dashboards.find((each) => each.name === place);
  const pin = useMutation({
    mutationFn: async () => {
      const panel = { title, kind, sql };
      if (place === NEW) return save(name, dashboardWith(name, newTitle, panel), UNWRITTEN);
      return add(name, panel);
    },
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ['get'] });
      await navigate({ to: '/dashboards/$name', params: { name }, search: {} });
    },
  });
  return (
    <form
      className={css.form}
      onSubmit={(event) => {
        event.preventDefault();
        pin.mutate();
      }}
    >
      <Select label="Dashboard" value={place} onChange={setPlace} choices={[{ value: NEW, name: 'A new one' }, ...dashboards.map((each) => ({ value: each.name, name: each.title }))]} />
      {place === NEW && <TextField label="Its title" isRequired value={newTitle} onChange={setNewTitle} {...(isTaken ? { description: `There is a dashboard named ${name} already` } : {})} />}
      {chosen !== undefined && chosen.origin !== 'app' && <p className={css.told}>“{chosen.title}” is not written here: this makes a copy of your own, which is shown in its place.</p>}
      <TextField label="Title of the panel" isRequired value={title} onChange={setTitle} />
      <Select label="Shown as" value={kind} choices={KINDS} onChange={setKind} />
      <p className={css.told}>{isRanged(sql) ? 'The panel follows the range of its dashboard.' : 'Use $from, $to and $interval in the statement, and the panel follows the range of its dashboard.'}</p>
      {pin.error !== null && <Failed error={pin.error} />}
      <Button kind="primary" type="submit" isDisabled={name === '' || isTaken || title.trim() === '' || pin.isPending}>
        Pin
      </Button>
    </form>
  );
}

/** To the dashboard as it is now; a change in between is told as a conflict. */
async function add(name: string, panel: Parameters<typeof withPanel>[1]) {
  const path = { params: { path: { name } } };
  const { data: view } = await api.GET('/api/v1/dashboards/{name}', path);
  const { data: yaml } = await api.GET('/api/v1/dashboards/{name}/yaml', { ...path, parseAs: 'text' });
  const added = withPanel(yaml ?? '', panel);
  if (added === undefined) throw new Failure(400, 'invalid', 'the rows of this dashboard are not written as a list of lines', 'add the panel in its editor');
  return save(name, added, view?.version ?? UNWRITTEN);
}
