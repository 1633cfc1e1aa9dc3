// Pages without a range of their own may need one for a while: they say so to what stands around them.

import { createContext, use, useEffect } from 'react';

export const RangeShownContext = createContext<(isShown: boolean) => void>(() => undefined);

/** Shows the picker of the range on a page that is timeless otherwise, as long as `isNeeded`. */
export function useRangeShown(isNeeded: boolean): void {
  const show = use(RangeShownContext);
  useEffect(() => {
    show(isNeeded);
    return () => {
      show(false);
    };
  }, [show, isNeeded]);
}
