// Answers of rows and columns, and what their types say of the values.

import type { AnswerColumn } from '../api/schema';

export interface Rows {
  columns: readonly AnswerColumn[];
  /** Each as long as there are columns. */
  rows: readonly (readonly unknown[])[];
}

export function isTime({ type }: AnswerColumn): boolean {
  return type.startsWith('timestamp') || type === 'date';
}

export function isNumeric({ type }: AnswerColumn): boolean {
  return /^(u?(tiny|small|big)?int(eger)?|u(tiny|small)int|float|real|double|decimal)\b/.test(type) && !type.endsWith(']');
}

export function isName(column: AnswerColumn): boolean {
  return column.type === 'text' || column.type === 'boolean';
}

/** A value that can be drawn; numbers beyond what scripts count exactly come as texts. */
export function numberOf(value: unknown): number | null {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value === '') return null;
  const number = Number(value);
  return Number.isFinite(number) ? number : null;
}

/** A value on one line. */
export function textOf(value: unknown): string {
  if (value === null || value === undefined) return 'NULL';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A nested value, or a text that is JSON, over as many lines as it takes; undefined for all others. */
export function nested(value: unknown): string | undefined {
  if (typeof value === 'object' && value !== null) return JSON.stringify(value, null, 2);
  if (typeof value !== 'string' || !/^\s*[{[]/.test(value)) return undefined;
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    return undefined;
  }
}
