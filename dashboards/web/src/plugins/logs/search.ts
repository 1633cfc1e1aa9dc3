// What the address of the logs says: which lines are looked for, and how they are shown.

import type { operations } from '../../api/schema';
import { attributesOf, filtersOf, type Filter } from '../../components/filters';
import { flag, number, oneOf, text, texts } from '../../shell/search';

export const VIEWS = ['lines', 'patterns', 'live'] as const;
export type View = (typeof VIEWS)[number];

/** Severities as the API names them, the least first. */
export const SEVERITIES = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;

/** Conditions that are no attributes. Chips say them like attributes. */
const NAMED = ['service', 'environment', 'host', 'trace_id', 'span_id', 'pattern'] as const;
type Named = (typeof NAMED)[number];

export interface LogSearch extends Partial<Record<Named, string>> {
  text?: string;
  /** The least. */
  severity?: string;
  /** JSON, as the API takes it. */
  attributes?: string;
  view?: View;
  sort?: 'oldest';
  wrap?: true;
  /** Fields whose values are counted, beside the usual ones. */
  field?: string[];
  /** The key of the line that is open. */
  line?: string;
  /** So many lines before and after it are told, too. */
  context?: number;
}

export type LogWanted = NonNullable<operations['get_apm_logs_tail']['parameters']['query']>;

export function logSearch(search: Record<string, unknown>): LogSearch {
  return {
    ...Object.fromEntries(NAMED.map((name) => [name, text(search[name])])),
    text: text(search.text),
    severity: text(search.severity),
    attributes: text(search.attributes),
    view: oneOf(search.view, VIEWS),
    sort: oneOf(search.sort, ['oldest']),
    wrap: flag(search.wrap),
    field: texts(search.field),
    line: text(search.line),
    context: number(search.context),
  };
}

/** The lines that are looked for, as all routes of logs take it. */
export function wantedOf(search: LogSearch): LogWanted {
  const { text: words, severity, attributes } = search;
  return { ...Object.fromEntries(NAMED.map((name) => [name, search[name]])), text: words, severity, attributes };
}

export function isFiltered(search: LogSearch): boolean {
  return Object.values<unknown>(wantedOf(search)).some((said) => said !== undefined);
}

/** The conditions of `search` that chips stand for. */
export function chipsOf(search: LogSearch): Filter[] {
  const named = NAMED.flatMap((key) => {
    const value = search[key];
    return value === undefined ? [] : [{ key, value, isNot: false }];
  });
  return [...named, ...filtersOf(search.attributes)];
}

/** What the address has to say for just these chips; of several with one key the last counts, for a line has one value. */
export function searchOf(chips: readonly Filter[]): LogSearch {
  const isNamed = (key: string): key is Named => NAMED.some((name) => name === key);
  const valueOf = (key: Named) => chips.findLast((chip) => chip.key === key)?.value;
  const { attributes } = attributesOf(chips.filter((chip) => !isNamed(chip.key)));
  return { ...Object.fromEntries(NAMED.map((name) => [name, valueOf(name)])), attributes };
}
