// What spans are looked for: as the address says it, as chips of a filter, and as the API takes it.

import { attributesOf, type Filter } from '../../components/filters';
import { number, oneOf, text, type Search } from '../../shell/search';
import type { SpanFilter } from '../../api/schema';
import { parseArea } from './area';

export const KINDS = ['server', 'client', 'internal', 'producer', 'consumer'] as const;
export const STATUSES = ['error', 'ok', 'unset'] as const;
export const SORTS = ['time', 'duration', 'errors'] as const;
export type Kind = (typeof KINDS)[number];
export type Status = (typeof STATUSES)[number];
export type TraceSort = (typeof SORTS)[number];

/** Conditions of a span that have a parameter of their own; all others are attributes. */
export const FIELDS = ['service', 'operation', 'kind', 'status', 'environment', 'version', 'host'] as const;
type Field = (typeof FIELDS)[number];

export interface SpanSearch {
  service?: string;
  operation?: string;
  kind?: Kind;
  status?: Status;
  environment?: string;
  version?: string;
  host?: string;
  min_ms?: number;
  max_ms?: number;
  text?: string;
  /** Objects in JSON, as the API takes them. */
  attributes?: string;
  not_attributes?: string;
}

export interface TracesSearch extends SpanSearch {
  sort?: TraceSort;
  view?: 'traces' | 'compare';
  /** A part of the heat map; see area.ts. */
  area?: string;
}

export function tracesSearch(search: Search): TracesSearch {
  return {
    service: text(search.service),
    operation: text(search.operation),
    kind: oneOf(search.kind, KINDS),
    status: oneOf(search.status, STATUSES),
    environment: text(search.environment),
    version: text(search.version),
    host: text(search.host),
    min_ms: number(search.min_ms),
    max_ms: number(search.max_ms),
    text: text(search.text),
    attributes: objectText(search.attributes),
    not_attributes: objectText(search.not_attributes),
    sort: oneOf(search.sort, SORTS),
    view: oneOf(search.view, ['traces', 'compare'] as const),
    area: parseArea(text(search.area)) === undefined ? undefined : text(search.area),
  };
}

/** Parameters of the API for spans like that. */
export function spanQuery({ service, operation, kind, status, environment, version, host, min_ms, max_ms, text: words, attributes, not_attributes }: SpanSearch) {
  return { service, operation, kind, status, environment, version, host, min_duration_ms: min_ms, max_duration_ms: max_ms, text: words, attributes, not_attributes };
}

/** The same for a body, where attributes are objects. */
export function spanFilter(search: SpanSearch): SpanFilter {
  const { attributes, not_attributes, ...rest } = spanQuery(search);
  // The description of the API says `object` and not of what, which becomes a type of objects without keys.
  const object = (json: string | undefined) => (objectOf(json) ?? null) as SpanFilter['attributes'];
  return { ...rest, attributes: object(attributes), not_attributes: object(not_attributes) };
}

/** The chips of a search. */
export function filtersOf(search: SpanSearch): Filter[] {
  const fields = FIELDS.flatMap((key) => (search[key] === undefined ? [] : [{ key, value: search[key], isNot: false }]));
  return [...fields, ...attributeFilters(search.attributes, false), ...attributeFilters(search.not_attributes, true)];
}

/** A search with these chips instead of its own. Of several with one key the last counts: a span has one value. */
export function withFilters<S extends SpanSearch>(search: S, filters: readonly Filter[]): S {
  const valueOf = (field: Field) => filters.findLast(({ key, isNot }) => key === field && !isNot)?.value;
  const others = filters.filter(({ key }) => !isField(key));
  return {
    ...search,
    service: valueOf('service'),
    operation: valueOf('operation'),
    kind: oneOf(valueOf('kind'), KINDS),
    status: oneOf(valueOf('status'), STATUSES),
    environment: valueOf('environment'),
    version: valueOf('version'),
    host: valueOf('host'),
    attributes: undefined,
    not_attributes: undefined,
    ...attributesOf(others),
  };
}

export function withFilter<S extends SpanSearch>(search: S, filter: Filter): S {
  const others = filtersOf(search).filter(({ key, isNot }) => key !== filter.key || isNot !== filter.isNot);
  return withFilters(search, [...others, filter]);
}

/** As chips and fields write a value of an attribute, so that its type stays: a text of digits stands in quotes. */
export function writeValue(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  return /^(true|false|-?\d.*|".*")$/.test(value) ? `"${value}"` : value;
}

/** Attributes as JSON for `attributes` of an address. */
export function attributesText(attributes: Record<string, unknown>): string {
  return JSON.stringify(attributes);
}

function attributeFilters(json: string | undefined, isNot: boolean): Filter[] {
  return Object.entries(objectOf(json) ?? {}).map(([key, value]) => ({ key, value: writeValue(value), isNot }));
}

function isField(key: string): key is Field {
  return FIELDS.some((field) => field === key);
}

function objectText(value: unknown): string | undefined {
  const said = text(value);
  return objectOf(said) === undefined ? undefined : said;
}

function objectOf(json: string | undefined): Record<string, unknown> | undefined {
  if (json === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
