// The API with the types of its own description, as functions and as queries.

import { QueryClient } from '@tanstack/react-query';
import createFetchClient from 'openapi-fetch';
import createQueries from 'openapi-react-query';
import { failureFrom } from './failure';
import type { paths } from './schema';
import { request } from './session';

const TRIES_MAX = 3;
const FRESH_MS = 15_000;

/** For changes: `await api.POST('/api/v1/hub/keys', { body })`; failures are thrown as `Failure`. */
export const api = createFetchClient<paths>({ baseUrl: window.location.origin, fetch: request });

/** For pages: `queries.useQuery('get', '/api/v1/apm/services', { params }, live)`. */
export const queries = createQueries(api);

/** Answers of this page; what may pass is tried again. */
export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: FRESH_MS,
        refetchOnWindowFocus: false,
        retry: (tries, thrown) => failureFrom(thrown).isPassing && tries + 1 < TRIES_MAX,
      },
    },
  });
}
