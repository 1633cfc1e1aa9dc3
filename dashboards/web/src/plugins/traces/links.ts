// Where traces lead: to pages of logs and metrics, and to searches for spans.

import type { PageLink } from '../../shell/link';
import { attributesText, type TracesSearch } from './spanSearch';

export function tracesLink(search: TracesSearch): PageLink {
  return { to: '/traces', search: { ...search } };
}

/** Log records; those of a trace are looked for in all times. */
export function logsLink(search: { trace_id?: string; service?: string; severity?: string; from?: string; to?: string; attributes?: Record<string, unknown> }): PageLink {
  return { to: '/logs', search: { ...search, attributes: search.attributes === undefined ? undefined : attributesText(search.attributes) } };
}

/** A metric of what `link`, a path of the API, says: its labels and times are the same. */
export function metricLink(metric: string, link: string): PageLink {
  const said = new URLSearchParams(link.split('?')[1] ?? '');
  const of = (key: string) => said.get(key) ?? undefined;
  return { to: '/metrics', search: { metric, filter: of('filter'), from: of('from'), to: of('to') } };
}
