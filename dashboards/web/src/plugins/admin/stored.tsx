// What is stored, by table: in files of the store, and in memory until it gets there.

import { useMemo } from 'react';
import { Badge } from '../../components/Badge';
import { Chart } from '../../components/chart/Chart';
import { DataTable, type Column } from '../../components/DataTable';
import { Panel } from '../../components/Page';
import { Stat, Stats } from '../../components/Stat';
import { Answer, Empty } from '../../components/states';
import { useMe } from '../../shell/me';
import { bytesByDay, type DayBytes } from './days';
import { useRows } from './sql';

const ASK_EVERY_MS = 15_000;

export interface StoredTable {
  table_name: string;
  files: number;
  rows: number;
  bytes: number;
  oldest: string;
  newest: string;
}

const STORED = `select table_name, count(*) as files, sum(rows) as rows, sum(bytes) as bytes, min(min_time) as oldest, max(max_time) as newest
from system.files where condition = 'kept' group by 1 order by 4 desc`;

export function useStored() {
  return useRows<StoredTable>({ sql: STORED }, { refetchInterval: ASK_EVERY_MS });
}

export const storedColumns: Column<StoredTable>[] = [
  { id: 'table', name: 'Table', value: (table) => table.table_name, width: 'minmax(140px, 2fr)' },
  { id: 'oldest', name: 'Oldest row', unit: 'time', value: (table) => table.oldest },
  { id: 'newest', name: 'Newest row', unit: 'time', value: (table) => table.newest },
  { id: 'rows', name: 'Rows', unit: 'count', value: (table) => table.rows },
  { id: 'bytes', name: 'Size', unit: 'bytes', value: (table) => table.bytes },
  { id: 'each', name: 'Bytes per row', unit: 'bytes', value: (table) => table.bytes / Math.max(1, table.rows) },
  { id: 'files', name: 'Files', unit: 'count', value: (table) => table.files },
];

export function Stored() {
  const stored = useStored();
  return (
    <Answer query={stored} height={360} isEmpty={(tables) => tables.length === 0} empty={<Empty title="Nothing is in the store yet" height={120}>Rows get there after a minute at most; until then they are in memory and in the log.</Empty>}>
      {(tables) => (
        <>
          <Stats>
            <Stat label="Stored" value={sum(tables, (table) => table.bytes)} unit="bytes" />
            <Stat label="Rows" value={sum(tables, (table) => table.rows)} unit="count" />
            <Stat label="Files" value={sum(tables, (table) => table.files)} unit="count" />
          </Stats>
          <Panel title="In the store" isFlush>
            <DataTable label="Tables of the store" rows={tables} columns={storedColumns} keyOf={(table) => table.table_name} />
          </Panel>
        </>
      )}
    </Answer>
  );
}

interface Segment {
  tenant: string;
  table_name: string;
  state: string;
  segments: number;
  rows: number;
  bytes: number;
  age_ms: number;
}

const SEGMENTS = `select tenant, table_name, state, count(*) as segments, sum(rows) as rows, sum(bytes) as bytes, max(age_ms) as age_ms
from system.segments group by 1, 2, 3 order by 6 desc`;

const segmentColumns: Column<Segment>[] = [
  { id: 'table', name: 'Table', value: (segment) => segment.table_name, width: 'minmax(140px, 2fr)' },
  { id: 'state', name: 'State', value: (segment) => segment.state, width: '160px', render: ({ state }) => <Badge tone={state === 'sealed' ? 'accent' : 'plain'}>{state === 'sealed' ? 'goes to the store' : state}</Badge> },
  { id: 'segments', name: 'Segments', unit: 'count', value: (segment) => segment.segments },
  { id: 'rows', name: 'Rows', unit: 'count', value: (segment) => segment.rows },
  { id: 'bytes', name: 'Memory', unit: 'bytes', value: (segment) => segment.bytes },
  { id: 'age', name: 'Oldest, behind the store', unit: 'ms', value: (segment) => segment.age_ms, width: 'minmax(160px, 1fr)' },
];

/** Rows that are not in the store yet, and how long they have waited. */
export function Segments() {
  const me = useMe();
  const segments = useRows<Segment>({ sql: SEGMENTS }, { refetchInterval: ASK_EVERY_MS });
  const tenant: Column<Segment> = { id: 'tenant', name: 'Tenant', value: (segment) => segment.tenant, width: 'minmax(110px, 1fr)' };
  return (
    <Panel title="In memory and in the log" isFlush>
      <Answer query={segments} height={160} isEmpty={(rows) => rows.length === 0} empty={<Empty title="Everything is in the store" height={96} />}>
        {(rows) => (
          <DataTable label="Segments" rows={rows} columns={me.tenant === 'system' ? [tenant, ...segmentColumns] : segmentColumns} keyOf={(segment) => `${segment.tenant} ${segment.table_name} ${segment.state}`} />
        )}
      </Answer>
    </Panel>
  );
}

const BY_DAY = `select date_trunc('day', min_time) as day, table_name, sum(bytes) as bytes
from system.files where condition = 'kept' group by 1, 2 order by 1`;

/** What each day weighs; days without files are gone, or were quiet. */
export function ByDay() {
  const days = useRows<DayBytes>({ sql: BY_DAY });
  return (
    <Panel>
      <Answer query={days} height={230} isEmpty={(rows) => rows.length === 0} empty={<Empty title="Nothing is in the store yet" height={230} />}>
        {(rows) => <Days rows={rows} />}
      </Answer>
    </Panel>
  );
}

function Days({ rows }: { rows: DayBytes[] }) {
  const plot = useMemo(() => bytesByDay(rows), [rows]);
  return <Chart title="Size by the day of the rows" unit="bytes" isStacked height={200} {...plot} />;
}

function sum(tables: readonly StoredTable[], of: (table: StoredTable) => number): number {
  return tables.reduce((total, table) => total + of(table), 0);
}
