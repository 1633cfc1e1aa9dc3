// The plugins whose pages this app has. To add one: its line in both lists.

import { account } from './account';
import { admin } from './admin';
import { apm } from './apm';
import { overview } from './overview';
import type { PluginPages } from './page';

export const plugins: readonly PluginPages[] = [overview, apm, admin, account];

/** With their types, so that every link is checked. */
export const pluginRoutes = [...overview.routes, ...apm.routes, ...admin.routes, ...account.routes];
