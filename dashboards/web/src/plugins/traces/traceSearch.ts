// What the address of one trace says: the span that is looked at, the view, and the part of its time that is drawn.

import { oneOf, text, type Search } from '../../shell/search';

export const VIEWS = ['waterfall', 'flame', 'spans', 'logs'] as const;
export type TraceView = (typeof VIEWS)[number];

export interface TracePageSearch {
  span?: string;
  view?: TraceView;
  /** Nanoseconds after the start of the trace, as `1000-2500`. */
  part?: string;
}

/** A part of the time of a trace, in nanoseconds after its start. */
export interface Part {
  start: number;
  end: number;
}

export function tracePageSearch(search: Search): TracePageSearch {
  const part = text(search.part);
  return { span: text(search.span), view: oneOf(search.view, VIEWS), part: parsePart(part) === undefined ? undefined : part };
}

export function parsePart(said: string | undefined): Part | undefined {
  const [, start, end] = /^(\d+)-(\d+)$/.exec(said ?? '') ?? [];
  return start === undefined || Number(start) >= Number(end) ? undefined : { start: Number(start), end: Number(end) };
}

export function writePart({ start, end }: Part): string {
  return `${Math.floor(start)}-${Math.ceil(end)}`;
}
