// The routes that all pages stand below. `appRoute` is for pages of who is signed in, inside the shell.

import type { QueryClient } from '@tanstack/react-query';
import { createRootRouteWithContext, createRoute, redirect, retainSearchParams } from '@tanstack/react-router';
import { queries } from '../api/client';
import { failureFrom } from '../api/failure';
import { NotFound, PageFailure } from '../components/states';
import { Shell } from './Shell';
import { number, text } from './search';

export interface RouterContext {
  queryClient: QueryClient;
}

export interface AppSearch {
  from?: string;
  to?: string;
  refresh?: number;
  tenant?: string;
}

declare module '@tanstack/react-router' {
  interface StaticDataRouteOption {
    /** Of pages that show no times: they have no range, unless they say so by `useRangeShown`. */
    isTimeless?: boolean;
  }
}

export const rootRoute = createRootRouteWithContext<RouterContext>()({ notFoundComponent: NotFound });

export const appRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'app',
  validateSearch: (search: Record<string, unknown>): AppSearch => ({
    from: text(search.from),
    to: text(search.to),
    refresh: number(search.refresh),
    tenant: text(search.tenant),
  }),
  search: { middlewares: [retainSearchParams(['from', 'to', 'refresh', 'tenant'])] },
  beforeLoad: async ({ context, location }) => {
    try {
      return { me: await context.queryClient.query(meQuery()) };
    } catch (thrown) {
      if (!failureFrom(thrown).isSignedOut) throw thrown;
      throw redirect({ to: '/sign-in', search: { return_to: location.href } });
    }
  },
  component: Shell,
  errorComponent: PageFailure,
  notFoundComponent: NotFound,
});

/** Who is signed in, and what they may do. */
export function meQuery() {
  return queries.queryOptions('get', '/api/v1/hub/me', {}, { staleTime: 'static' });
}
