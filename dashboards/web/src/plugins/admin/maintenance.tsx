// Upkeep of the store: what was done, what waits, and files that cannot be read.

import { Badge, type Tone } from '../../components/Badge';
import { DataTable, type Column } from '../../components/DataTable';
import { Panel } from '../../components/Page';
import { Stat, Stats } from '../../components/Stat';
import { Answer, Empty } from '../../components/states';
import css from './admin.module.css';
import { SeenInSystem } from './parts';
import { useRows } from './sql';

const ASK_EVERY_MS = 15_000;
const HEIGHT_MAX = 560;

interface Task {
  tenant: string | null;
  table_name: string | null;
  job: string;
  target: string;
  outcome: string;
  started: string | null;
  took_ms: number | null;
  files_in: number | null;
  files_out: number | null;
  bytes_in: number | null;
  bytes_out: number | null;
  error: string | null;
}

const TASKS = 'select * from system.maintenance order by started desc nulls first limit 1000';
const TONES: Record<string, Tone> = { done: 'good', waiting: 'plain', overtaken: 'plain', stopped: 'warning', failed: 'error' };

const columns: Column<Task>[] = [
  { id: 'job', name: 'Job', value: (task) => task.job, width: '110px' },
  { id: 'tenant', name: 'Tenant', value: (task) => task.tenant, width: 'minmax(90px, 1fr)' },
  { id: 'table', name: 'Table', value: (task) => task.table_name, width: 'minmax(120px, 1fr)' },
  { id: 'target', name: 'Of', value: (task) => task.target, width: 'minmax(120px, 1.5fr)' },
  { id: 'outcome', name: 'Outcome', value: (task) => task.outcome, width: '110px', render: (task) => <Badge tone={TONES[task.outcome] ?? 'plain'}>{task.outcome}</Badge> },
  { id: 'started', name: 'Started', unit: 'time', value: (task) => task.started },
  { id: 'took', name: 'Took', unit: 'ms', value: (task) => task.took_ms },
  { id: 'in', name: 'Files in', unit: 'count', width: '92px', value: (task) => task.files_in },
  { id: 'out', name: 'Files out', unit: 'count', width: '92px', value: (task) => task.files_out },
  { id: 'read', name: 'Read', unit: 'bytes', value: (task) => task.bytes_in },
  { id: 'written', name: 'Written', unit: 'bytes', value: (task) => task.bytes_out },
  { id: 'error', name: 'Error', value: (task) => task.error, width: 'minmax(120px, 2fr)', render: (task) => <span className={css.wrong} title={task.error ?? undefined}>{task.error}</span> },
];

export function Maintenance() {
  const tasks = useRows<Task>({ sql: TASKS }, { refetchInterval: ASK_EVERY_MS });
  return (
    <>
      <Answer query={tasks} height={320} isEmpty={(rows) => rows.length === 0} empty={<Nothing />}>
        {(rows) => (
          <>
            <Stats>
              <Stat label="Waiting" value={counted(rows, 'waiting')} unit="count" />
              <Stat label="Done" value={counted(rows, 'done')} unit="count" />
              <Stat label="Failed, tried again" value={counted(rows, 'failed')} unit="count" isWrong={counted(rows, 'failed') > 0} />
              <Stat label="Longest" value={Math.max(0, ...rows.map((task) => task.took_ms ?? 0))} unit="ms" />
            </Stats>
            <Panel isFlush>
              <DataTable label="Maintenance" rows={rows} columns={columns} height={Math.min(HEIGHT_MAX, 34 + rows.length * 32)} keyOf={(task) => `${task.job} ${task.tenant ?? ''} ${task.table_name ?? ''} ${task.target} ${task.started ?? ''}`} />
            </Panel>
          </>
        )}
      </Answer>
      <SeenInSystem>This is of your tenant. In the tenant system it is of the whole server.</SeenInSystem>
    </>
  );
}

function Nothing() {
  return (
    <Panel>
      <Empty title="Nothing was to be done since the server started" height={160}>
        Files are merged once there are enough of similar size, and expired by retention.
      </Empty>
    </Panel>
  );
}

function counted(tasks: readonly Task[], outcome: string): number {
  return tasks.filter((task) => task.outcome === outcome).length;
}

interface Lost {
  tenant: string;
  table_name: string;
  path: string;
  rows: number;
  bytes: number;
  reason: string | null;
}

const LOST = "select tenant, table_name, path, rows, bytes, reason from system.files where condition = 'unreadable' order by created desc limit 1000";

const lostColumns: Column<Lost>[] = [
  { id: 'path', name: 'File', value: (file) => file.path, width: 'minmax(240px, 3fr)' },
  { id: 'reason', name: 'Why', value: (file) => file.reason, width: 'minmax(200px, 2fr)', render: (file) => <span className={css.wrong} title={file.reason ?? undefined}>{file.reason ?? 'unknown'}</span> },
  { id: 'rows', name: 'Rows', unit: 'count', value: (file) => file.rows },
  { id: 'bytes', name: 'Size', unit: 'bytes', value: (file) => file.bytes },
];

/** Files that are lost or damaged: queries go on without them and say so. In sight only where there are some. */
export function Unreadable() {
  const lost = useRows<Lost>({ sql: LOST }, { refetchInterval: ASK_EVERY_MS });
  if (lost.data?.length === 0) return null;
  return (
    <Panel title="Files that cannot be read" isFlush>
      <Answer query={lost} height={64}>
        {(files) => <DataTable label="Files that cannot be read" rows={files} columns={lostColumns} keyOf={(file) => file.path} />}
      </Answer>
    </Panel>
  );
}
