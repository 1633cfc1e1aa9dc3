// The plugins whose pages this app has. To add one: its line in both lists.

import { apm } from './apm';
import { logs } from './logs';
import { metrics } from './metrics';
import { overview } from './overview';
import type { PluginPages } from './page';

export const plugins: readonly PluginPages[] = [overview, apm, logs, metrics];

/** With their types, so that every link is checked. */
export const pluginRoutes = [...overview.routes, ...apm.routes, ...logs.routes, ...metrics.routes];
