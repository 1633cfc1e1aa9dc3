// What one person prefers in this browser: the theme, and whose clock times are told by.

import { useSyncExternalStore } from 'react';

export type Theme = 'system' | 'light' | 'dark';
export type Zone = 'local' | 'utc';

export interface Preferences {
  theme: Theme;
  zone: Zone;
}

const KEY = 'observatory.preferences';
const USUAL: Preferences = { theme: 'system', zone: 'local' };
const listeners = new Set<() => void>();
let current = read();

export function usePreferences(): Preferences {
  return useSyncExternalStore(subscribe, () => current);
}

export function prefer(change: Partial<Preferences>): void {
  current = { ...current, ...change };
  localStorage.setItem(KEY, JSON.stringify(current));
  applyTheme();
  for (const listener of listeners) listener();
}

/** To be called before the first page is drawn, so that none is drawn in the other theme. */
export function applyTheme(): void {
  if (current.theme === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = current.theme;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function read(): Preferences {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Preferences>;
    return {
      theme: kept.theme === 'light' || kept.theme === 'dark' ? kept.theme : USUAL.theme,
      zone: kept.zone === 'utc' ? 'utc' : USUAL.zone,
    };
  } catch {
    return USUAL;
  }
}
