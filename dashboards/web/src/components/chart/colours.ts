// Colours of the tokens for canvases, which know no custom properties.

import { useSyncExternalStore } from 'react';
import { usePreferences } from '../../preferences/preferences';

export const SERIES_COLOURS = Array.from({ length: 8 }, (_, at) => `--series-${at + 1}`);

/** What a token such as `--accent` is now, in the theme that is shown. */
export function colourOf(token: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${token})`;
  document.body.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

export function seriesColour(at: number): string {
  return SERIES_COLOURS[at % SERIES_COLOURS.length] ?? '--series-1';
}

/** Which theme is shown; canvases are drawn again when it changes. */
export function useShownTheme(): 'light' | 'dark' {
  const { theme } = usePreferences();
  const isSystemDark = useSyncExternalStore(watchSystem, () => systemDark().matches);
  if (theme !== 'system') return theme;
  return isSystemDark ? 'dark' : 'light';
}

function watchSystem(listener: () => void): () => void {
  const media = systemDark();
  media.addEventListener('change', listener);
  return () => {
    media.removeEventListener('change', listener);
  };
}

function systemDark(): MediaQueryList {
  return window.matchMedia('(prefers-color-scheme: dark)');
}
