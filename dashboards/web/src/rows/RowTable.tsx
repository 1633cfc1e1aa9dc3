// An answer as a table of any length.

import { useMemo, type ReactNode } from 'react';
import type { AnswerColumn } from '../api/schema';
import { DataTable, type Column } from '../components/DataTable';
import type { Unit } from '../format/number';
import { useClock, type Clock } from '../format/time';
import type { PageLink } from '../shell/link';
import { Cell } from './Cell';
import { isNumeric, isTime, numberOf, textOf, type Rows } from './rows';

export interface RowTableProps {
  label: string;
  answer: Rows;
  height: number;
  /** Where a row leads; with it rows are numbered, and the number is the link. */
  linkOf?: (row: number) => PageLink;
  /** How numbers of a column are written, and what it is called; pass the same function until it changes. */
  shownAs?: (column: AnswerColumn) => { name: string; note?: string; unit?: Unit | undefined; width?: string; render?: (value: unknown) => ReactNode };
}

interface NumberedRow {
  at: number;
  values: readonly unknown[];
}

const PLAIN = ({ name }: AnswerColumn) => ({ name });

export function RowTable({ label, answer, height, linkOf, shownAs = PLAIN }: RowTableProps) {
  const clock = useClock();
  const rows = useMemo(() => answer.rows.map((values, at): NumberedRow => ({ at, values })), [answer]);
  const columns = useMemo(() => {
    const ofAnswer = answer.columns.map((column, place) => columnOf(column, place, answer, clock, shownAs(column)));
    return linkOf === undefined ? ofAnswer : [NUMBERS, ...ofAnswer];
  }, [answer, clock, shownAs, linkOf]);
  return <DataTable label={label} rows={rows} columns={columns} keyOf={(row) => String(row.at)} height={height} {...(linkOf === undefined ? {} : { linkOf: (row: NumberedRow) => linkOf(row.at) })} />;
}

const NUMBERS: Column<NumberedRow> = { id: '#', name: '#', value: (row) => row.at + 1, width: '64px' };

function columnOf(column: AnswerColumn, place: number, answer: Rows, clock: Clock, shown: ReturnType<NonNullable<RowTableProps['shownAs']>>): Column<NumberedRow> {
  const isNumber = isNumeric(column);
  return {
    id: `${place} ${column.name}`,
    name: shown.name,
    ...(shown.note === undefined ? {} : { note: shown.note }),
    ...(isNumber ? { unit: shown.unit ?? 'number' } : isTime(column) ? { unit: 'time' } : {}),
    width: shown.width ?? (shown.unit === undefined ? widthOf(column, `${shown.name} ${shown.note ?? ''}`, place, answer) : widthWith(shown, column, place, answer)),
    value: ({ values }) => (values[place] == null ? null : isNumber ? numberOf(values[place]) : textOf(values[place])),
    render: ({ values }) => shown.render?.(values[place]) ?? <Cell column={column} value={values[place]} clock={clock} unit={isNumber ? shown.unit : undefined} />,
  };
}

/** What is written with a unit is short, however many digits it has. */
function widthWith({ name }: { name: string }, column: AnswerColumn, place: number, answer: Rows): string {
  return isNumeric(column) ? `minmax(${Math.round(Math.max(8, name.length + 1) * LETTER_WIDTH + 16)}px, 0.7fr)` : widthOf(column, name, place, answer);
}

const LETTER_WIDTH = 7.2;
const LOOKED_AT = 50;

/** As wide as the longest of its first values, within bounds; what is over is for the last ones to share. */
function widthOf(column: AnswerColumn, name: string, place: number, { rows }: Rows): string {
  if (isTime(column)) return 'minmax(190px, 1fr)';
  const letters = rows.slice(0, LOOKED_AT).reduce((most, row) => Math.max(most, textOf(row[place]).length), name.length + 2);
  const pixels = Math.round(Math.min(420, Math.max(72, letters * LETTER_WIDTH + 24)));
  return isNumeric(column) ? `minmax(${Math.min(pixels, 150)}px, 0.6fr)` : `minmax(${pixels}px, ${letters > 20 ? 2 : 1}fr)`;
}
