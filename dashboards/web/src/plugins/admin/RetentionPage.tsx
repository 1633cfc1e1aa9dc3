// How long telemetry is kept: what there is now, by table and day, and where that is set.

import { DataTable } from '../../components/DataTable';
import { Page, Panel } from '../../components/Page';
import { Answer, Empty } from '../../components/states';
import { useMe } from '../../shell/me';
import css from './admin.module.css';
import { SeenInSystem } from './parts';
import { Settings } from './Settings';
import { ByDay, storedColumns, useStored } from './stored';

export function RetentionPage() {
  const me = useMe();
  const stored = useStored();
  return (
    <Page title="Retention">
      <p className={css.text}>Whole days of rows go when they are past their days, by the rows’ own time. What is the oldest row of each table tells how far back one can ask.</p>
      <Panel title={me.tenant === 'system' ? 'Kept now, of all tenants' : `Kept now of ${me.tenant}`} isFlush>
        <Answer query={stored} height={260} isEmpty={(tables) => tables.length === 0} empty={<Empty title="Nothing is in the store yet" height={160} />}>
          {(tables) => <DataTable label="Kept now" rows={tables} columns={storedColumns} keyOf={(table) => table.table_name} />}
        </Answer>
      </Panel>
      <ByDay />
      <Panel title="Where it is set">
        <Settings section="retention" yaml={settingsFor(me.tenant)} />
      </Panel>
      <SeenInSystem>This is of your tenant. In the tenant system it is of the whole server.</SeenInSystem>
    </Page>
  );
}

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
