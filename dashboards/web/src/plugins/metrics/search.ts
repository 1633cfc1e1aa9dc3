// What the address of the metrics says: which are listed, or which one is shown and how.

import type { Filter } from '../../components/filters';
import { number, oneOf, text } from '../../shell/search';

export const TYPES = ['gauge', 'sum', 'histogram', 'exponential_histogram', 'summary'] as const;
export type MetricType = (typeof TYPES)[number];

export interface MetricSearch {
  /** Of the list: what names have in them. */
  text?: string;
  /** Of the list: who sends them. */
  service?: string;
  type?: MetricType;
  /** The one that is shown. */
  metric?: string;
  function?: string;
  /** Labels with commas between. */
  by?: string;
  /** JSON, as the API takes it. */
  filter?: string;
  /** Exemplars between these values. */
  min?: number;
  max?: number;
}

/** Stands for points without the label. */
export const NONE = '(none)';
/** The server tells series apart by no more. */
export const BY_MAX = 4;

export function metricSearch(search: Record<string, unknown>): MetricSearch {
  return {
    text: text(search.text),
    service: text(search.service),
    type: oneOf(search.type, TYPES),
    metric: text(search.metric),
    function: text(search.function),
    by: text(search.by),
    filter: text(search.filter),
    min: number(search.min),
    max: number(search.max),
  };
}

export function labelsOf(by: string | undefined): string[] {
  return by?.split(',').filter((label) => label !== '') ?? [];
}

/** With the label, or without it where it is there already. */
export function toggledLabel(by: string | undefined, label: string): string | undefined {
  const labels = labelsOf(by);
  const next = labels.includes(label) ? labels.filter((each) => each !== label) : [...labels, label].slice(-BY_MAX);
  return next.length === 0 ? undefined : next.join(',');
}

/** The filters of an address; what is no JSON object says none. */
export function chipsOf(filter: string | undefined): Filter[] {
  try {
    const said: unknown = JSON.parse(filter ?? '{}');
    if (typeof said !== 'object' || said === null || Array.isArray(said)) return [];
    return Object.entries(said).map(([key, value]) => ({ key, value: value === null ? NONE : String(value), isNot: false }));
  } catch {
    return [];
  }
}

/** The other way round. */
export function filterOf(chips: readonly Pick<Filter, 'key' | 'value'>[]): string | undefined {
  if (chips.length === 0) return undefined;
  return JSON.stringify(Object.fromEntries(chips.map(({ key, value }) => [key, value === NONE ? null : value])));
}
