// What an address says after its `?`: texts, once or several times. Each route says which it knows, and of what type.

export type Search = Record<string, unknown>;

/** Texts stay texts: a trace id of digits must not become a number. */
export function parseSearch(address: string): Search {
  const search: Record<string, string | string[]> = {};
  const params = new URLSearchParams(address);
  for (const key of new Set(params.keys())) {
    const values = params.getAll(key);
    search[key] = values.length === 1 ? (values[0] ?? '') : values;
  }
  return search;
}

export function stringifySearch(search: Search): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(search)) {
    for (const each of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (typeof each === 'string' || typeof each === 'number' || typeof each === 'boolean') params.append(key, String(each));
    }
  }
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}

/** One text; undefined for none and for an empty one. */
export function text(value: unknown): string | undefined {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  if (typeof first === 'number') return String(first);
  return typeof first === 'string' && first !== '' ? first : undefined;
}

export function texts(value: unknown): string[] | undefined {
  const all = (Array.isArray(value) ? (value as unknown[]) : [value]).map(text).filter((each) => each !== undefined);
  return all.length === 0 ? undefined : all;
}

export function number(value: unknown): number | undefined {
  const said = text(value);
  const parsed = said === undefined ? Number.NaN : Number(said);
  return Number.isFinite(parsed) ? parsed : undefined;
}

export function flag(value: unknown): true | undefined {
  return value === true || value === 'true' ? true : undefined;
}

export function oneOf<Choice extends string>(value: unknown, choices: readonly Choice[]): Choice | undefined {
  return choices.find((choice) => choice === value);
}
