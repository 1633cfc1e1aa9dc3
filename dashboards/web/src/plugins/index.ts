// The plugins whose pages this app has. To add one: its line in both lists.

import { account } from './account';
import { admin } from './admin';
import { alerting } from './alerting';
import { apm } from './apm';
import { dashboards } from './dashboards';
import { logs } from './logs';
import { map } from './map';
import { metrics } from './metrics';
import { overview } from './overview';
import type { PluginPages } from './page';
import { slo } from './slo';
import { sql } from './sql';
import { traces } from './traces';

export const plugins: readonly PluginPages[] = [overview, apm, map, traces, logs, metrics, slo, alerting, dashboards, sql, admin, account];

/** With their types, so that every link is checked. */
export const pluginRoutes = [
  ...overview.routes,
  ...apm.routes,
  ...map.routes,
  ...traces.routes,
  ...logs.routes,
  ...metrics.routes,
  ...slo.routes,
  ...alerting.routes,
  ...dashboards.routes,
  ...sql.routes,
  ...admin.routes,
  ...account.routes,
];
