// What the hub knows, whole: lists are read page after page, and read again after a change.

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { api, queries } from '../../api/client';
import { Failure } from '../../api/failure';
import { request } from '../../api/session';
import { allPages, openOnes, PAGE } from './lists';
import type { Description } from './permissions';
import type { DeadLetter, KeyView, PersonView, SessionView, TenantView } from '../../api/schema';

/** Events fail without anybody looking. */
const LETTERS_ASKED_EVERY_MS = 15_000;

/** The body of an answer that has one. */
export function bodyOf<Body>({ data }: { data?: Body | undefined }): Body {
  if (data === undefined) throw new Failure(0, 'unexpected', 'the server answered without a body');
  return data;
}

export function usePeople() {
  return useQuery({
    queryKey: ['hub', 'people'],
    queryFn: ({ signal }): Promise<PersonView[]> =>
      allPages(async (after) => {
        const { people, next } = bodyOf(await api.GET('/api/v1/hub/people', { params: { query: { after, limit: PAGE } }, signal }));
        return { items: people, next };
      }),
  });
}

export function useKeys() {
  return useQuery({
    queryKey: ['hub', 'keys'],
    queryFn: ({ signal }): Promise<KeyView[]> =>
      allPages(async (after) => {
        const { keys, next } = bodyOf(await api.GET('/api/v1/hub/keys', { params: { query: { after, limit: PAGE } }, signal }));
        return { items: keys, next };
      }),
  });
}

export function useTenants() {
  return useQuery({
    queryKey: ['hub', 'tenants'],
    queryFn: ({ signal }): Promise<TenantView[]> =>
      allPages(async (after) => {
        const { tenants, next } = bodyOf(await api.GET('/api/v1/hub/tenants', { params: { query: { after, limit: PAGE } }, signal }));
        return { items: tenants, next };
      }),
  });
}

export function useDeadLetters() {
  return useQuery({
    queryKey: ['hub', 'dead-letters'],
    refetchInterval: LETTERS_ASKED_EVERY_MS,
    queryFn: ({ signal }): Promise<DeadLetter[]> =>
      allPages(async (after) => {
        const { dead_letters: items, next } = bodyOf(await api.GET('/api/v1/hub/dead-letters', { params: { query: { after, limit: PAGE } }, signal }));
        return { items, next };
      }),
  });
}

/** Where somebody is signed in now; those that have ended are left out. */
export function useOpenSessions(person: string, isWanted: boolean) {
  return useQuery({
    queryKey: ['hub', 'sessions', person],
    enabled: isWanted,
    queryFn: async ({ signal }): Promise<SessionView[]> => {
      const sessions = await allPages(async (after) => {
        const { sessions: items, next } = bodyOf(await api.GET('/api/v1/hub/sessions', { params: { query: { person, after, limit: PAGE } }, signal }));
        return { items, next };
      });
      return openOnes(sessions);
    },
  });
}

/** Where one is signed in oneself. */
export function useOwnSessions() {
  return useQuery({
    queryKey: ['hub', 'sessions', 'own'],
    queryFn: async ({ signal }): Promise<SessionView[]> => {
      const sessions = await allPages(async (after) => {
        const { sessions: items, next } = bodyOf(await api.GET('/api/v1/hub/me/sessions', { params: { query: { after, limit: PAGE } }, signal }));
        return { items, next };
      });
      return openOnes(sessions);
    },
  });
}

export function useRoles(isWanted = true) {
  return queries.useQuery('get', '/api/v1/hub/roles', {}, { enabled: isWanted });
}

/** What the API tells of itself; it holds for as long as the page is open. */
export function useDescription() {
  return useQuery({
    queryKey: ['description'],
    staleTime: Infinity,
    queryFn: async ({ signal }) => (await (await request(new Request('/api/openapi.json', { signal }))).json()) as Description,
  });
}

/** To be called after a change: everything of the hub that is in sight is asked for again. */
export function useHubChanged(): () => Promise<void> {
  const client = useQueryClient();
  return () =>
    client.invalidateQueries({
      predicate: ({ queryKey: [first, second] }) => first === 'hub' || (typeof second === 'string' && second.startsWith('/api/v1/hub/')),
    });
}
