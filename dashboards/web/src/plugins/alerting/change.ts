// Changes, after which everything in sight is asked again: an alert that is silenced changes incidents and notifications, too.

import { useQueryClient } from '@tanstack/react-query';

/** What waits for somebody is looked at by itself, whatever the page's range says. */
export const WATCHED = { refetchInterval: 10_000 } as const;

/** Wraps a change, so that what is shown is asked again when it is done. */
export function useChange(): <Result>(change: Promise<Result>) => Promise<Result> {
  const queryClient = useQueryClient();
  return async (change) => {
    const result = await change;
    await queryClient.invalidateQueries();
    return result;
  };
}
