// Where traces lead: to pages of logs and metrics, and to searches for spans.

import type { LinkProps } from '@tanstack/react-router';
import { searchOf } from '../../shell/search';
import { attributesText, type TracesSearch } from './spanSearch';

export type PageLink = Pick<LinkProps, 'to' | 'params' | 'search'>;

export function tracesLink(search: TracesSearch): PageLink {
  return { to: '/traces', search: searchOf(search) };
}

export function traceLink(id: string, span?: string | null): PageLink {
  return { to: '/traces/$id', params: { id }, search: { span: span ?? undefined } };
}

/** Log records; those of a trace are looked for in all times. */
export function logsLink(search: { trace_id?: string; service?: string; severity?: string; from?: string; to?: string; attributes?: Record<string, unknown> }): PageLink {
  return elsewhere('/logs', { ...search, attributes: search.attributes === undefined ? undefined : attributesText(search.attributes) });
}

/** A metric of what `link`, a path of the API, says: its labels and times are the same. */
export function metricLink(metric: string, link: string): PageLink {
  const said = new URLSearchParams(link.split('?')[1] ?? '');
  const of = (key: string) => said.get(key) ?? undefined;
  return elsewhere('/metrics', { metric, filter: of('filter'), from: of('from'), to: of('to') });
}

/** A page of another plugin, whose routes are not known here. */
function elsewhere(to: string, search: Record<string, string | undefined>): PageLink {
  return { to: to as PageLink['to'], search: searchOf(search) };
}
