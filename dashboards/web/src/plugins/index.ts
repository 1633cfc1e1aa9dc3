// The plugins whose pages this app has. To add one: its line in both lists.

import { apm } from './apm';
import { dashboards } from './dashboards';
import { overview } from './overview';
import type { PluginPages } from './page';
import { sql } from './sql';

export const plugins: readonly PluginPages[] = [overview, apm, dashboards, sql];

/** With their types, so that every link is checked. */
export const pluginRoutes = [...overview.routes, ...apm.routes, ...dashboards.routes, ...sql.routes];
