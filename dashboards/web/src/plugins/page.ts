// What a plugin shows of itself in the web app: its pages, and where they stand in the navigation.

import type { AnyRoute } from '@tanstack/react-router';

export interface NavigationEntry {
  title: string;
  /** A path of one of the plugin's routes. */
  to: string;
  /** The heading it stands below. */
  group: 'Observe' | 'Respond' | 'Products' | 'Administration';
  /** What one must be allowed to see it, as `apm:services:read`. */
  needs?: string;
  /** Keys that open it, one after the other, as in `g s`. */
  keys?: string;
}

/** Something that words in the command palette lead to. */
export interface Found {
  id: string;
  title: string;
  /** What it is, as `Service`. */
  note: string;
  to: string;
  params?: Record<string, string>;
  search?: Record<string, unknown>;
}

export interface PluginPages {
  name: string;
  /** The plugin of the server that answers its pages, where that has another name. */
  of?: string;
  navigation: NavigationEntry[];
  /** Made with `createRoute` below `appRoute`; each loads its component when it is opened. */
  routes: AnyRoute[];
  /** Looks for things by name, for the command palette. */
  find?: (words: string, signal: AbortSignal) => Promise<Found[]>;
}

/** How many pages a plugin of the server has in this app. */
export function pagesOf(plugins: readonly PluginPages[], name: string): number {
  return plugins.filter((plugin) => (plugin.of ?? plugin.name) === name).reduce((sum, { routes }) => sum + routes.length, 0);
}
