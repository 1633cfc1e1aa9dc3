// The plugins of this app, as the shell is given them.

import { createContext, use } from 'react';
import type { NavigationEntry, PluginPages } from '../plugins/page';
import { useMe } from './me';
import { may } from './grants';

export const PluginsContext = createContext<readonly PluginPages[]>([]);

export function usePlugins(): readonly PluginPages[] {
  return use(PluginsContext);
}

/** The places one may go to. */
export function useNavigation(): NavigationEntry[] {
  const me = useMe();
  return usePlugins()
    .flatMap((plugin) => plugin.navigation)
    .filter((entry) => entry.needs === undefined || may(me, entry.needs));
}
