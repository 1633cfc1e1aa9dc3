// How high a view of a trace may be so that it is seen whole below the bar of the page.

import { useSyncExternalStore } from 'react';

/** The bar, and the tabs and tools above a view. */
const AROUND = 190;
const HEIGHT_MIN = 320;

export function useViewHeight(): number {
  return useSyncExternalStore(watch, () => Math.max(HEIGHT_MIN, window.innerHeight - AROUND));
}

function watch(listener: () => void): () => void {
  window.addEventListener('resize', listener);
  return () => {
    window.removeEventListener('resize', listener);
  };
}
