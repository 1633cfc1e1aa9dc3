// Log lines as a list shows them: each with a key of its own, its body, and its fields.

import type { LogLine } from '../../api/schema';

export interface KeyedLine {
  key: string;
  line: LogLine;
}

export interface LineField {
  /** As filters and facets call it. */
  name: string;
  value: string;
}

/** Lines say no id: the key is their time and what they say, and a number for those that say just the same. */
export function keyed(lines: readonly LogLine[], seen = new Map<string, number>()): KeyedLine[] {
  return lines.map((line) => {
    const key = `${line.time}~${fingerprint(`${line.service ?? ''} ${line.span_id ?? ''} ${line.body ?? ''}`)}`;
    const before = seen.get(key) ?? 0;
    seen.set(key, before + 1);
    return { key: before === 0 ? key : `${key}~${before}`, line };
  });
}

/** Attributes by their keys; values as a filter takes them. */
export function fieldsOf(attributes: Readonly<Record<string, unknown>>): LineField[] {
  return Object.entries(attributes)
    .map(([name, value]) => ({ name, value: typeof value === 'string' ? value : JSON.stringify(value) }))
    .sort((one, other) => one.name.localeCompare(other.name));
}

/** FNV-1a: short and quick, and good enough among the lines of one moment. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(36);
}
