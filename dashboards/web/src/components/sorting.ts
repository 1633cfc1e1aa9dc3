// Rows in the order of one of their values.

import { millis } from '../format/time';

export type Cell = string | number | null | undefined;

export interface Sort {
  column: string;
  isDescending: boolean;
}

const TEXTS = new Intl.Collator('en', { numeric: true });

/** A copy of `rows`; those without a value come last in either order, equal ones stay as they were. */
export function sortedBy<Row>(rows: readonly Row[], valueOf: (row: Row) => Cell, isDescending: boolean): Row[] {
  const keyed = rows.map((row) => ({ row, value: valueOf(row) }));
  const sign = isDescending ? -1 : 1;
  keyed.sort((one, other) => {
    if (one.value == null || other.value == null) return Number(one.value == null) - Number(other.value == null);
    return sign * compare(one.value, other.value);
  });
  return keyed.map(({ row }) => row);
}

/** What times are sorted by: as texts they are not in order, for their fractions have as many digits as they need. */
export function timeOf<Row>(valueOf: (row: Row) => Cell): (row: Row) => Cell {
  return (row) => {
    const value = valueOf(row);
    return value == null || value === '' ? null : millis(value);
  };
}

function compare(one: string | number, other: string | number): number {
  if (typeof one === 'number' && typeof other === 'number') return one - other;
  return TEXTS.compare(String(one), String(other));
}
