// All dashboards: those that come along, those from files, those that were written here.

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { queries } from '../../api/client';
import type { DashboardSummary, FaultyFile } from '../../api/schema';
import { Badge } from '../../components/Badge';
import { Button } from '../../components/Button';
import { DataTable, type Column } from '../../components/DataTable';
import { Dialog } from '../../components/Dialog';
import { TextField } from '../../components/fields';
import { Page, Panel } from '../../components/Page';
import { Answer, Empty, Failed } from '../../components/states';
import { useMay } from '../../shell/me';
import { UNWRITTEN, save } from './checking';
import { ORIGINS } from './DashboardPage';
import css from './dashboards.module.css';
import { nameOf } from './model';

const route = getRouteApi('/app/dashboards');

const columns: Column<DashboardSummary>[] = [
  { id: 'title', name: 'Dashboard', value: (row) => row.title, width: 'minmax(140px, 1fr)' },
  { id: 'description', name: 'What it shows', value: (row) => row.description, width: 'minmax(220px, 3fr)' },
  { id: 'tags', name: 'Tags', value: (row) => row.tags.join(', '), render: (row) => <Tags tags={row.tags} />, width: 'minmax(150px, 1fr)' },
  { id: 'panels', name: 'Panels', unit: 'count', value: (row) => row.panels, width: '80px' },
  { id: 'origin', name: 'Origin', value: (row) => row.file ?? ORIGINS[row.origin], width: 'minmax(110px, 1fr)' },
];

export function DashboardsPage() {
  const { text = '' } = route.useSearch();
  const navigate = route.useNavigate();
  const list = queries.useQuery('get', '/api/v1/dashboards');
  const mayWrite = useMay('dashboards:dashboard:write');
  const [isNew, setNew] = useState(false);
  const matching = (all: DashboardSummary[]) => all.filter(({ title, name, tags, description }) => [title, name, description ?? '', ...tags].some((each) => each.toLowerCase().includes(text.toLowerCase())));
  return (
    <Page
      title="Dashboards"
      actions={
        <>
          <TextField
            aria-label="Only dashboards with this in their title or tags"
            placeholder="Filter"
            value={text}
            onChange={(words) => void navigate({ search: (search) => ({ ...search, text: words === '' ? undefined : words }), replace: true })}
          />
          {mayWrite && (
            <Button kind="primary" icon="plus" onPress={() => { setNew(true); }}>
              New dashboard
            </Button>
          )}
        </>
      }
    >
      <Answer query={list} height={320}>
        {({ dashboards, files }) => (
          <>
            <Panel isFlush>
              {matching(dashboards).length === 0 ? (
                <Empty title="No dashboard has that in its title or tags" height={200} />
              ) : (
                <DataTable label="Dashboards" rows={matching(dashboards)} columns={columns} keyOf={(row) => row.name} linkOf={(row) => ({ to: '/dashboards/$name', params: { name: row.name } })} />
              )}
            </Panel>
            <FaultyFiles files={files} />
          </>
        )}
      </Answer>
      <Dialog title="New dashboard" isOpen={isNew} onClose={() => { setNew(false); }}>
        <NewDashboard names={(list.data?.dashboards ?? []).map((each) => each.name)} />
      </Dialog>
    </Page>
  );
}

function Tags({ tags }: { tags: readonly string[] }) {
  return (
    <span className={css.tags}>
      {tags.map((tag) => (
        <Badge key={tag}>{tag}</Badge>
      ))}
    </span>
  );
}

function FaultyFiles({ files }: { files: readonly FaultyFile[] }) {
  if (files.length === 0) return null;
  return (
    <Panel title="Files with faults">
      <p className={css.note}>What they said before stays until they are mended.</p>
      {files.map(({ file, faults }) => (
        <section key={file} aria-label={file}>
          <h3 className={css.file}>{file}</h3>
          <ul className={css.faults}>
            {faults.map((fault) => (
              <li key={`${fault.line} ${fault.column} ${fault.problem}`}>
                <b>
                  Line {fault.line}, column {fault.column}
                </b>{' '}
                {fault.problem}; {fault.remedy}
              </li>
            ))}
          </ul>
        </section>
      ))}
    </Panel>
  );
}

function NewDashboard({ names }: { names: readonly string[] }) {
  const [title, setTitle] = useState('');
  const navigate = route.useNavigate();
  const queryClient = useQueryClient();
  const name = nameOf(title);
  const isTaken = names.includes(name);
  const create = useMutation({
    mutationFn: () => save(name, templateOf(name, title), UNWRITTEN),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ['get', '/api/v1/dashboards'] });
      await navigate({ to: '/dashboards/$name', params: { name }, search: { edit: true } });
    },
  });
  return (
    <form
      className={css.form}
      onSubmit={(event) => {
        event.preventDefault();
        create.mutate();
      }}
    >
      <TextField
        label="Title"
        isRequired
        value={title}
        onChange={setTitle}
        description={isTaken ? `There is a dashboard named ${name} already` : name === '' ? 'It begins with one panel, to be changed' : `Its name will be ${name}`}
      />
      {create.error !== null && <Failed error={create.error} />}
      <Button kind="primary" type="submit" isDisabled={name === '' || isTaken || create.isPending}>
        Create
      </Button>
    </form>
  );
}

function templateOf(name: string, title: string): string {
  return `name: ${name}
title: ${JSON.stringify(title)}
time: 1h
rows:
  - panels:
      - title: Requests
        kind: time_series
        unit: /s
        interval: 1m
        sql: |
          SELECT time_bucket($interval, start_time) AS time, service_name, count(*) / $interval_seconds AS requests
          FROM spans WHERE kind = 'server' AND start_time >= $from AND start_time < $to
          GROUP BY 1, 2 ORDER BY 1
`;
}
