// The plugins whose pages this app has. To add one: its line in both lists.

import { alerting } from './alerting';
import { apm } from './apm';
import { overview } from './overview';
import type { PluginPages } from './page';
import { slo } from './slo';

export const plugins: readonly PluginPages[] = [overview, apm, alerting, slo];

/** With their types, so that every link is checked. */
export const pluginRoutes = [...overview.routes, ...apm.routes, ...alerting.routes, ...slo.routes];
