// Plugins of this server: how each is, and what it brings.

import { Badge } from '../../components/Badge';
import { Fact, Facts } from '../../components/Facts';
import { Grid, Page, Panel } from '../../components/Page';
import { Answer, Empty } from '../../components/states';
import { count } from '../../format/number';
import { usePlugins } from '../../shell/plugins';
import { pagesOf } from '../page';
import css from './admin.module.css';
import { pluginsOf, useHealth } from './health';
import { useDescription } from './hub';
import { permissionsOf, routesOf } from './permissions';
import { useRows } from './sql';

interface Table {
  schema: string;
  name: string;
}

const TABLES = 'select table_schema as schema, table_name as name from information_schema.tables order by 1, 2';

export function PluginsPage() {
  const health = useHealth();
  const tables = useRows<Table>({ sql: TABLES });
  return (
    <Page title="Plugins">
      <Answer query={health} height={240} isEmpty={(answer) => pluginsOf(answer).length === 0} empty={<NoPlugins />}>
        {(answer) => (
          <Grid min={420}>
            {pluginsOf(answer).map(({ name, state }) => (
              <Panel key={name} title={name} actions={<Badge tone={state === 'running' ? 'good' : 'error'}>{state}</Badge>}>
                <Brings name={name} version={answer.version} tables={tables.data?.filter(({ schema }) => schema === name) ?? []} />
              </Panel>
            ))}
          </Grid>
        )}
      </Answer>
      <p className={css.text}>
        Plugins are part of the program and have its version; <code>products.enabled</code> in the settings says which run. <a href="/api/docs">The API</a> describes their routes.
      </p>
    </Page>
  );
}

function NoPlugins() {
  return (
    <Panel>
      <Empty title="No plugin runs in this process" height={140}>
        <code>products.enabled</code> in the settings says which do.
      </Empty>
    </Panel>
  );
}

function Brings({ name, version, tables }: { name: string; version: string; tables: Table[] }) {
  const { data: description = {} } = useDescription();
  const pages = pagesOf(usePlugins(), name);
  const permissions = permissionsOf(description).filter((permission) => permission.startsWith(`${name}:`));
  return (
    <Facts>
      <Fact name="Version">{version}</Fact>
      <Fact name="Routes">{count(routesOf(description, name))}</Fact>
      <Fact name="Pages here">{count(pages)}</Fact>
      <Fact name="Tables you may read">
        <span className={css.mono}>{tables.map((table) => `${name}.${table.name}`).join(', ') || 'none'}</span>
      </Fact>
      <Fact name="Permissions">
        <span className={css.mono}>{permissions.join(', ') || 'none'}</span>
      </Fact>
    </Facts>
  );
}
