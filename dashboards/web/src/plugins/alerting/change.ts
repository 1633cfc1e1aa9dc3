// Changes, after which everything in sight is asked again: an alert that is silenced changes incidents and notifications, too.

import { useQueryClient } from '@tanstack/react-query';

/** What waits for somebody is looked at by itself, whatever the page's range says. */
export const WATCHED = { refetchInterval: 10_000 } as const;

/** Wraps a change, so that it is done when what is shown is as it is now. */
export function useChange(): <Result>(change: Promise<Result>) => Promise<Result> {
  const refresh = useRefresh();
  return async (change) => {
    const result = await change;
    await refresh();
    return result;
  };
}

/** Asks again for what is shown; for changes after which another page is. */
export function useRefresh(): () => Promise<void> {
  const queryClient = useQueryClient();
  return () => queryClient.invalidateQueries();
}
