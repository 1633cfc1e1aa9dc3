// How telemetry is kept: health, what flows in and to the store, segments and files, upkeep.

import { getRouteApi, Link } from '@tanstack/react-router';
import { Badge } from '../../components/Badge';
import { DataTable, type Column } from '../../components/DataTable';
import { Grid, Page, Panel } from '../../components/Page';
import { Answer, Empty } from '../../components/states';
import { Tabs } from '../../components/Tabs';
import { ago } from '../../format/time';
import { useMe } from '../../shell/me';
import css from './admin.module.css';
import { checksOf, useHealth, type Check } from './health';
import { OwnMetric, type Wanted } from './OwnMetric';
import { SeenInSystem } from './parts';
import { Maintenance, Unreadable } from './maintenance';
import { Segments, Stored } from './stored';

const route = getRouteApi('/app/admin/storage');

const VIEWS = [
  { id: 'health', name: 'Health' },
  { id: 'flow', name: 'Flow' },
  { id: 'segments', name: 'Segments and files' },
  { id: 'maintenance', name: 'Maintenance' },
] as const;

export function StoragePage() {
  const { view = 'health' } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Page title="Storage">
      <Tabs label="Views of the storage" tabs={VIEWS} selected={view} onSelect={(next) => void navigate({ search: (search) => ({ ...search, view: next === 'health' ? undefined : next }) })}>
        <div className={css.view}>
          {view === 'health' && <Checks />}
          {view === 'flow' && <Flow />}
          {view === 'segments' && <Kept />}
          {view === 'maintenance' && <Maintenance />}
        </div>
      </Tabs>
    </Page>
  );
}

const columns: Column<Check>[] = [
  { id: 'name', name: 'Check', value: (check) => check.name.replaceAll('_', ' '), width: '130px' },
  { id: 'state', name: 'State', value: (check) => check.told, width: 'minmax(80px, 1fr)', render: (check) => <Badge tone={check.isOk ? 'good' : 'error'}>{check.isOk ? 'ok' : check.told}</Badge> },
  { id: 'looks', name: 'Looks at', value: (check) => check.looksAt, width: 'minmax(220px, 2fr)' },
  { id: 'ready', name: 'When it fails', value: (check) => (check.decidesReadiness ? 'traffic is kept away' : 'telemetry is still taken'), width: '170px' },
  { id: 'details', name: 'Figures', value: (check) => check.details, width: 'minmax(240px, 3fr)', render: (check) => <span title={check.details}>{check.details === '' ? '–' : check.details}</span> },
];

function Checks() {
  const health = useHealth();
  return (
    <Answer query={health} height={320}>
      {(answer) => (
        <>
          <p className={css.text}>
            <Badge tone={answer.status === 'healthy' ? 'good' : 'error'}>{answer.status}</Badge> Version {answer.version}, asked {ago(answer.timestamp)}. This page asks every ten seconds.
          </p>
          <Panel isFlush>
            <DataTable label="Checks" rows={checksOf(answer)} columns={columns} keyOf={(check) => check.name} />
          </Panel>
        </>
      )}
    </Answer>
  );
}

const FLOW: Wanted[] = [
  { title: 'Rows taken', metric: 'observatory.ingest.rows', unit: 'per_second', function: 'rate', by: 'payload' },
  { title: 'Requests refused', metric: 'observatory.ingest.requests.refused', unit: 'per_second', function: 'rate', by: 'reason' },
  { title: 'Memory of rows', metric: 'observatory.plane.memory.usage', unit: 'bytes', function: 'max', limit: 'observatory.plane.memory.limit' },
  { title: 'Rows in memory', metric: 'observatory.plane.rows.live', unit: 'count', function: 'max' },
  { title: 'Write-ahead log', metric: 'observatory.wal.usage', unit: 'bytes', function: 'max' },
  { title: 'Segments that wait for the store', metric: 'observatory.plane.segments.waiting', unit: 'count', function: 'max' },
  { title: 'Requests that wait for the log', metric: 'observatory.wal.frames.waiting', unit: 'count', function: 'max' },
  { title: 'Failures of writing to the store', metric: 'observatory.plane.flush.failures', unit: 'count', function: 'increase' },
  { title: 'Events between products', metric: 'observatory.events.deliveries', unit: 'count', function: 'increase', by: 'outcome' },
  { title: 'Memory of the process', metric: 'process.memory.usage', unit: 'bytes', function: 'max' },
];

function Flow() {
  const me = useMe();
  if (me.tenant !== 'system') {
    return (
      <Empty title="The server’s own telemetry is in the tenant system" height={200}>
        <SeenInSystem>{me.tenants.includes('system') ? 'You may look at it.' : 'Ask those who run the server.'}</SeenInSystem>
      </Empty>
    );
  }
  return (
    <>
      <Grid min={420}>
        {FLOW.map((wanted) => (
          <OwnMetric key={wanted.metric} {...wanted} />
        ))}
      </Grid>
      <p className={css.text}>
        Events with the outcome dead were given up after their last attempt: each tenant sees its own in <Link to="/admin/dead-letters">Dead letters</Link>, and the log of the server names all, with their reasons.
      </p>
    </>
  );
}

function Kept() {
  return (
    <>
      <Stored />
      <Segments />
      <Unreadable />
      <SeenInSystem>This is of your tenant. In the tenant system it is of the whole server.</SeenInSystem>
    </>
  );
}
