// All addresses of the app: signing in, and the pages of the plugins inside the shell.

import type { QueryClient } from '@tanstack/react-query';
import { createRouter } from '@tanstack/react-router';
import { failureFrom } from '../api/failure';
import { Loading, PageFailure } from '../components/states';
import { pluginRoutes } from '../plugins';
import { appRoute, rootRoute } from './routes';
import { parseSearch, stringifySearch } from './search';
import { signInRoute } from './SignInPage';

const routeTree = rootRoute.addChildren([signInRoute, appRoute.addChildren(pluginRoutes)]);

export function newRouter(queryClient: QueryClient) {
  const router = createRouter({
    routeTree,
    context: { queryClient },
    parseSearch,
    stringifySearch,
    defaultPreload: 'intent',
    scrollRestoration: true,
    defaultErrorComponent: PageFailure,
    defaultPendingComponent: () => <Loading height={240} />,
  });
  // A session that ends while a page is open: back to signing in, and then to the page.
  queryClient.getQueryCache().subscribe((event) => {
    if (event.type !== 'updated' || event.action.type !== 'error' || !failureFrom(event.action.error).isSignedOut) return;
    // Several questions may learn of it; after the first, the page to come back to would be signing in.
    if (router.latestLocation.pathname === signInRoute.fullPath) return;
    queryClient.clear();
    void router.navigate({ to: '/sign-in', search: { return_to: router.latestLocation.href } });
  });
  return router;
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof newRouter>;
  }
}
