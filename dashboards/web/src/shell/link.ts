// Links to pages from wherever something is known of them, and from addresses that are written somewhere.

import type { LinkProps } from '@tanstack/react-router';
import { parseSearch } from './search';

export type PageLink = Pick<LinkProps, 'to' | 'params' | 'search' | 'hash'>;

export function traceLink(id: string, span?: string | null): PageLink {
  return { to: '/traces/$id', params: { id }, search: { span: span ?? undefined } };
}

/** Of an address within the app, as `/traces?service=cart`: which pages there are is only known when it is opened. */
export function addressLink(address: string): PageLink {
  const { pathname, search, hash } = new URL(`${window.location.origin}${address}`);
  return { to: pathname as PageLink['to'], search: parseSearch(search) as PageLink['search'], hash: hash.slice(1) };
}
