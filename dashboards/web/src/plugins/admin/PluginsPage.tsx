// Plugins of this server: how each is, and what it brings.

import { Badge } from '../../components/Badge';
import { DataTable, type Column } from '../../components/DataTable';
import { Page, Panel } from '../../components/Page';
import { Answer, Empty } from '../../components/states';
import { usePlugins } from '../../shell/plugins';
import css from './admin.module.css';
import { pluginsOf, useHealth } from './health';
import { useDescription } from './hub';
import { permissionsOf, routesOf } from './permissions';
import { useRows } from './sql';

interface Plugin {
  name: string;
  state: string;
  version: string;
  routes: number;
  permissions: string[];
  tables: string[];
  pages: number;
}

const columns: Column<Plugin>[] = [
  { id: 'name', name: 'Plugin', value: (plugin) => plugin.name, width: 'minmax(120px, 1fr)' },
  { id: 'state', name: 'State', value: (plugin) => plugin.state, width: 'minmax(120px, 1fr)', render: ({ state }) => <Badge tone={state === 'running' ? 'good' : 'error'}>{state}</Badge> },
  { id: 'version', name: 'Version', value: (plugin) => plugin.version, width: '100px' },
  { id: 'routes', name: 'Routes', unit: 'count', value: (plugin) => plugin.routes },
  { id: 'pages', name: 'Pages', unit: 'count', value: (plugin) => plugin.pages },
  { id: 'tables', name: 'Tables in SQL', value: (plugin) => plugin.tables.join(', '), width: 'minmax(220px, 3fr)', render: ({ name, tables }) => <List of={tables.map((table) => `${name}.${table}`)} /> },
  { id: 'permissions', name: 'Permissions', value: (plugin) => plugin.permissions.join(', '), width: 'minmax(220px, 3fr)', render: ({ permissions }) => <List of={permissions} /> },
];

function List({ of: names }: { of: string[] }) {
  return (
    <span className={css.mono} title={names.join('\n')}>
      {names.length === 0 ? '–' : names.join(', ')}
    </span>
  );
}

const TABLES = 'select table_schema as schema, table_name as name from information_schema.tables order by 1, 2';

export function PluginsPage() {
  const health = useHealth();
  const pages = usePlugins();
  const description = useDescription();
  const tables = useRows<{ schema: string; name: string }>({ sql: TABLES });
  const api = description.data ?? {};

  return (
    <Page title="Plugins">
      <Panel isFlush>
        <Answer query={health} height={160} isEmpty={(answer) => pluginsOf(answer).length === 0} empty={<Empty title="No plugin runs in this process" height={140}>products.enabled in the settings says which do.</Empty>}>
          {(answer) => (
            <DataTable
              label="Plugins"
              columns={columns}
              keyOf={(plugin) => plugin.name}
              rows={pluginsOf(answer).map(({ name, state }) => ({
                name,
                state,
                version: answer.version,
                routes: routesOf(api, name),
                permissions: permissionsOf(api).filter((permission) => permission.startsWith(`${name}:`)),
                tables: tables.data?.filter((table) => table.schema === name).map((table) => table.name) ?? [],
                pages: pages.find((each) => each.name === name)?.routes.length ?? 0,
              }))}
            />
          )}
        </Answer>
      </Panel>
      <p className={css.text}>
        Plugins are part of the program and have its version. Which run, <code>products.enabled</code> in the settings says; <a href="/api/docs">the API</a> describes their routes. Tables are listed as far as you may read them.
      </p>
    </Page>
  );
}
