// How long telemetry is kept: what there is now, by table and day, and where that is set.

import { queries } from '../../api/client';
import { DataTable, type Column } from '../../components/DataTable';
import { Page, Panel } from '../../components/Page';
import { Answer, Empty } from '../../components/states';
import type { RetentionInUse } from '../../api/schema';
import { useMe } from '../../shell/me';
import css from './admin.module.css';
import { SeenInSystem } from './parts';
import { Settings } from './Settings';
import { ByDay, storedColumns, useStored } from './stored';

type KeptTable = RetentionInUse['tables'][number];

export function RetentionPage() {
  const me = useMe();
  const stored = useStored();
  const kept = queries.useQuery('get', '/api/v1/system/retention');
  const columns = me.tenant === 'system' ? [...keptColumns, whoseColumn] : keptColumns;
  return (
    <Page title="Retention">
      <p className={css.text}>Whole days of rows go when they are past their days, by the rows’ own time. What is the oldest row of each table tells how far back one can ask.</p>
      <Panel title={me.tenant === 'system' ? 'Kept now, of all tenants' : `Kept now of ${me.tenant}`} isFlush>
        <Answer query={stored} height={260} isEmpty={(tables) => tables.length === 0} empty={<Empty title="Nothing is in the store yet" height={160} />}>
          {(tables) => <DataTable label="Kept now" rows={tables} columns={storedColumns} keyOf={(table) => table.table_name} />}
        </Answer>
      </Panel>
      <ByDay />
      <Panel title="How long rows are kept" isFlush>
        <Answer query={kept} height={320}>
          {({ tables }) => <DataTable label="How long rows are kept" rows={tables} columns={columns} keyOf={(table) => `${table.tenant ?? ''} ${table.table_name}`} />}
        </Answer>
      </Panel>
      <Panel title="Where it is set">
        <Settings section="retention" yaml={settingsFor(me.tenant)} />
      </Panel>
      <SeenInSystem>This is of your tenant. In the tenant system it is of the whole server.</SeenInSystem>
    </Page>
  );
}

const keptColumns: Column<KeptTable>[] = [
  { id: 'table', name: 'Table', value: (table) => table.table_name, width: 'minmax(140px, 2fr)' },
  { id: 'days', name: 'Kept for', value: (table) => table.days ?? Infinity, render: ({ days }) => (days == null ? 'ever' : `${String(days)} days`), width: 'minmax(120px, 1fr)' },
];

const whoseColumn: Column<KeptTable> = { id: 'tenant', name: 'Tenant', value: (table) => table.tenant ?? 'all others', width: 'minmax(120px, 1fr)' };

function settingsFor(tenant: string): string {
  return `retention:            # days; 0 is for ever
  spans_days: 30
  logs_days: 30
  metrics_days: 90
  histograms_days: 90
  rollups_days: 400
  tenants:
    ${tenant}: {spans_days: 7}   # what is left out is as above`;
}
