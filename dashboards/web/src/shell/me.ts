// Who is signed in, for pages inside the shell.

import { getRouteApi } from '@tanstack/react-router';
import type { Me } from '../api/schema';
import { may } from './grants';

const app = getRouteApi('/app');

export function useMe(): Me {
  return app.useRouteContext({ select: (context) => context.me });
}

/** Whether one may do `needed`, as `hub:keys:write`. */
export function useMay(needed: string): boolean {
  return may(useMe(), needed);
}
