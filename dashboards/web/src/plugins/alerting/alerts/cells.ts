// Rows of any statement as cells of a table: each column as wide as what stands in it.

export interface AnyRow {
  at: number;
  values: Readonly<Record<string, unknown>>;
}

const LETTER = 7.5;
const WIDTH_MIN = 80;
const WIDTH_MAX = 320;
const ROWS_LOOKED_AT = 30;
/** Ids of traces are shown by their first digits. */
const TRACE_ID_WIDTH = '130px';

/** Numbers and texts as they are, all else as JSON; undefined for nothing. */
export function cellOf(row: AnyRow, name: string): string | number | undefined {
  const value = row.values[name];
  if (value === null || value === undefined) return undefined;
  return typeof value === 'string' || typeof value === 'number' ? value : JSON.stringify(value);
}

export function widthOf(name: string, rows: readonly AnyRow[]): string {
  if (name === 'trace_id') return TRACE_ID_WIDTH;
  const letters = rows.slice(0, ROWS_LOOKED_AT).map((row) => String(cellOf(row, name) ?? '').length);
  const wanted = Math.max(name.length + 3, ...letters) * LETTER + 20;
  const width = Math.round(Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, wanted)));
  return `minmax(${width}px, ${width}fr)`;
}
