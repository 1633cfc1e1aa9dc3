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
}

export interface PluginPages {
  name: string;
  navigation: NavigationEntry[];
  /** Made with `createRoute` below `appRoute`; each loads its component when it is opened. */
  routes: AnyRoute[];
  /** Looks for things by name, for the command palette. */
  find?: (words: string, signal: AbortSignal) => Promise<Found[]>;
}
