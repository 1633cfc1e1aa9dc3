// A value of an answer as people read it: what is not there is seen, and ids of traces lead to them.

import { Link } from '@tanstack/react-router';
import type { AnswerColumn } from '../api/schema';
import { format, type Unit } from '../format/number';
import type { Clock } from '../format/time';
import css from './rows.module.css';
import { isTime, numberOf, textOf } from './rows';

interface CellProps {
  column: AnswerColumn;
  value: unknown;
  clock: Clock;
  /** Numbers are written with every digit where none is said. */
  unit?: Unit | undefined;
}

export function Cell({ column, value, clock, unit }: CellProps) {
  if (value === null || value === undefined) return <span className={css.null}>NULL</span>;
  if (isTraceId(column.name, value)) {
    return (
      <Link to="/traces/$id" params={{ id: value }} className={css.id} title={`Trace ${value}`}>
        {value}
      </Link>
    );
  }
  if (isTime(column) && typeof value === 'string') return <span title={value}>{clock.full(value)}</span>;
  if (column.type === 'binary') return <span className={css.id}>{textOf(value)}</span>;
  if (unit !== undefined) return format(numberOf(value), unit);
  return <span title={textOf(value).slice(0, 2000)}>{textOf(value)}</span>;
}

function isTraceId(name: string, value: unknown): value is string {
  return /(^|_)trace_id$/.test(name) && typeof value === 'string' && /^[0-9a-f]{32}$/.test(value);
}
