// Links to pages of other plugins by their path; an app that is built without the plugin says that there is no such page.

import type { LinkProps } from '@tanstack/react-router';

export type PageLink = Pick<LinkProps, 'to' | 'params' | 'search'>;

export function pageLink(path: string, search: Record<string, string | undefined> = {}): PageLink {
  return { to: path as LinkProps['to'], search: search as LinkProps['search'] };
}

export function traceLink(traceId: string, spanId?: string | null): PageLink {
  return pageLink(`/traces/${traceId}`, { span: spanId ?? undefined });
}
