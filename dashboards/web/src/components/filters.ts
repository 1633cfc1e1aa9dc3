// Filters by attributes as people write them and the address has them: `http.route=/cart`, `http.route!=/cart`.

export interface Filter {
  key: string;
  value: string;
  isNot: boolean;
}

/** Undefined for what is no filter, as a key alone. */
export function parseFilter(text: string): Filter | undefined {
  const [, key = '', not, value = ''] = /^\s*([^=!\s]+)\s*(!)?=\s*(.*?)\s*$/.exec(text) ?? [];
  return key === '' || value === '' ? undefined : { key, value, isNot: not !== undefined };
}

export function writeFilter({ key, value, isNot }: Filter): string {
  return `${key}${isNot ? '!=' : '='}${value}`;
}

/** What is completed in `text`: its key, or the value of a key that stands already. */
export function wantedOf(text: string): { key: string; begin: string; words: string; isValue: boolean } {
  const [begin, key = ''] = /^\s*([^=!\s]+)\s*!?=\s*/.exec(text) ?? [];
  if (begin === undefined) return { key: '', begin: '', words: text.trim(), isValue: false };
  return { key, begin, words: text.slice(begin.length).trim(), isValue: true };
}

/** As the API takes them: an object of what has to be, and one of what must not; values that are JSON are of their type. */
export function attributesOf(filters: readonly Filter[]): { attributes?: string; not_attributes?: string } {
  const of = (isNot: boolean) => {
    const chosen = filters.filter((filter) => filter.isNot === isNot);
    return chosen.length === 0 ? undefined : JSON.stringify(Object.fromEntries(chosen.map(({ key, value }) => [key, typed(value)])));
  };
  return { attributes: of(false), not_attributes: of(true) };
}

/** The filters that `attributes` of an address say; what is no JSON object says none. */
export function filtersOf(attributes: string | undefined, isNot = false): Filter[] {
  try {
    const said: unknown = JSON.parse(attributes ?? '{}');
    if (typeof said !== 'object' || said === null || Array.isArray(said)) return [];
    return Object.entries(said).map(([key, value]) => ({ key, value: typeof value === 'string' ? value : JSON.stringify(value), isNot }));
  } catch {
    return [];
  }
}

/** With the filter, or without it where it is there already. */
export function toggled(filters: readonly Filter[], key: string, value: string): Filter[] {
  const rest = filters.filter((filter) => filter.key !== key);
  const isThere = filters.some((filter) => filter.key === key && filter.value === value && !filter.isNot);
  return isThere ? rest : [...rest, { key, value, isNot: false }];
}

function typed(value: string): string | number | boolean {
  if (value === 'true' || value === 'false') return value === 'true';
  return /^-?(0|[1-9]\d{0,14})(\.\d+)?$/.test(value) ? Number(value) : value.replace(/^"(.*)"$/, '$1');
}
