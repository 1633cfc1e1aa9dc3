// A table of any length: only rows in sight are in the page. Sorted by its heads, walked by the arrow keys.

import { Link, useNavigate } from '@tanstack/react-router';
import { useMemo, useRef, useState, type KeyboardEvent, type MouseEvent, type ReactNode } from 'react';
import { format, type Unit } from '../format/number';
import { useClock, type Clock } from '../format/time';
import type { PageLink } from '../shell/link';
import css from './DataTable.module.css';
import { Icon } from './Icon';
import { ROW_HEIGHT, useRowWindow } from './rowWindow';
import { sortedBy, timeOf, type Cell, type Sort } from './sorting';

export type { Sort } from './sorting';

export interface Column<Row> {
  id: string;
  /** Empty over buttons: there is nothing to sort by. */
  name: string;
  /** Beside the name, as a type. */
  note?: string;
  /** What it is sorted by, and shown as where `render` says nothing else. */
  value: (row: Row) => Cell;
  /** Of numbers and times; a text has none. */
  unit?: Unit | 'time';
  render?: (row: Row) => ReactNode;
  /** False where the server sorts, and not by this. */
  isSortable?: boolean;
  /** Of what can be done with a row: its head is for screen readers, and nothing is sorted by it. */
  isActs?: boolean;
  /** Of the grid, as `120px` or `minmax(160px, 2fr)`. */
  width?: string;
}

interface DataTableProps<Row> {
  label: string;
  rows: readonly Row[];
  columns: readonly Column<Row>[];
  keyOf: (row: Row) => string;
  /** In pixels; without it the table is as high as its rows, which should be few. */
  height?: number;
  /** In pixels; of rows with more than one line. */
  rowHeight?: number;
  /** Where a row leads; its first cell is the link. */
  linkOf?: (row: Row) => PageLink | undefined;
  /** How it is sorted; kept by the table itself where it is not said. */
  sort?: Sort | undefined;
  onSort?: (sort: Sort) => void;
}

export function DataTable<Row>({ label, rows, columns, keyOf, height, rowHeight = ROW_HEIGHT, linkOf, sort: given, onSort }: DataTableProps<Row>) {
  const [own, setOwn] = useState<Sort | undefined>();
  const sort = given ?? own;
  const sorted = useMemo(() => {
    const column = columns.find((each) => each.id === sort?.column);
    return sort === undefined || column === undefined ? rows : sortedBy(rows, column.unit === 'time' ? timeOf(column.value) : column.value, sort.isDescending);
  }, [rows, columns, sort]);
  const scroller = useRef<HTMLDivElement>(null);
  const seen = useRowWindow(scroller, sorted.length, height, rowHeight);
  const { active, onKeyDown, setActive } = useWalk(sorted.length, seen.show, scroller);
  const clock = useClock();
  const template = { gridTemplateColumns: columns.map(widthOf).join(' ') };

  return (
    <div ref={scroller} className={css.scroller} style={{ height }} onScroll={seen.onScroll} role="grid" aria-label={label} aria-rowcount={sorted.length + 1} tabIndex={-1} onKeyDown={onKeyDown}>
      <div role="row" aria-rowindex={1} className={css.head} style={template}>
        {columns.map((column) => (
          <Head key={column.id} column={column} sort={sort} onSort={onSort ?? setOwn} />
        ))}
      </div>
      <div role="rowgroup" className={css.rows} style={{ height: seen.height }}>
        {sorted.slice(seen.first, seen.last).map((row, at) => (
          <TableRow
            key={keyOf(row)}
            row={row}
            columns={columns}
            link={linkOf?.(row)}
            clock={clock}
            index={seen.first + at}
            isActive={seen.first + at === active}
            onActive={setActive}
            style={{ ...template, height: rowHeight, transform: `translateY(${seen.offset + at * rowHeight}px)` }}
          />
        ))}
      </div>
    </div>
  );
}

function Head<Row>({ column, sort, onSort }: { column: Column<Row>; sort: Sort | undefined; onSort: (sort: Sort) => void }) {
  if (column.isActs === true) {
    return (
      <div role="columnheader" className={css.cell}>
        <span className={css.hidden}>{column.name}</span>
      </div>
    );
  }
  const isSorted = sort?.column === column.id;
  const isDescending = isSorted && sort.isDescending;
  const order = isDescending ? 'descending' : 'ascending';
  // Of numbers the largest are looked for, of texts the first.
  const next = isSorted ? !isDescending : column.unit !== undefined;
  if (column.isSortable === false) {
    return (
      <div role="columnheader" className={`${css.cell ?? ''} ${css.unsorted ?? ''}`} data-number={isNumber(column)}>
        {column.name}
      </div>
    );
  }
  if (column.name === '') return <div role="columnheader" className={css.cell} />;
  return (
    <div role="columnheader" aria-sort={isSorted ? order : 'none'} className={css.cell} data-number={isNumber(column)}>
      <button
        type="button"
        className={css.sort}
        onClick={() => {
          onSort({ column: column.id, isDescending: next });
        }}
      >
        {column.name}
        {column.note !== undefined && <span className={css.note}>{column.note}</span>}
        {isSorted && (
          <span className={css.arrow}>
            <Icon name={isDescending ? 'down' : 'up'} />
          </span>
        )}
      </button>
    </div>
  );
}

interface TableRowProps<Row> {
  row: Row;
  columns: readonly Column<Row>[];
  link: PageLink | undefined;
  clock: Clock;
  index: number;
  isActive: boolean;
  onActive: (index: number) => void;
  style: React.CSSProperties;
}

function TableRow<Row>({ row, columns, link, clock, index, isActive, onActive, style }: TableRowProps<Row>) {
  const navigate = useNavigate();
  const open = (event: MouseEvent | KeyboardEvent) => {
    const isOwn = event.target instanceof Element && event.target.closest('a, button') !== null;
    if (link !== undefined && !isOwn && !event.metaKey && !event.ctrlKey && window.getSelection()?.isCollapsed !== false) void navigate(link);
  };
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      data-index={index}
      data-link={link !== undefined}
      tabIndex={isActive ? 0 : -1}
      className={css.row}
      style={style}
      onClick={open}
      onKeyDown={(event) => {
        if (event.key === 'Enter') open(event);
      }}
      onFocus={() => {
        onActive(index);
      }}
    >
      {columns.map((column, at) => (
        <div key={column.id} role="gridcell" className={css.cell} data-number={isNumber(column)}>
          {at === 0 && link !== undefined ? (
            <Link {...link} tabIndex={-1}>
              {shown(column, row, clock)}
            </Link>
          ) : (
            shown(column, row, clock)
          )}
        </div>
      ))}
    </div>
  );
}

/** Which row the arrow keys are at. */
function useWalk(length: number, show: (index: number) => void, scroller: React.RefObject<HTMLDivElement | null>) {
  const [active, setActive] = useState(0);
  const onKeyDown = (event: KeyboardEvent) => {
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -length, End: length };
    const step = steps[event.key];
    if (step === undefined || length === 0 || (event.target as Element).closest('[role="columnheader"]') !== null) return;
    event.preventDefault();
    const next = Math.min(length - 1, Math.max(0, active + step));
    setActive(next);
    show(next);
    requestAnimationFrame(() => {
      scroller.current?.querySelector<HTMLElement>(`[data-index="${next}"]`)?.focus({ preventScroll: true });
    });
  };
  return { active: Math.min(active, Math.max(0, length - 1)), setActive, onKeyDown };
}

function shown<Row>(column: Column<Row>, row: Row, clock: Clock): ReactNode {
  if (column.render !== undefined) return column.render(row);
  const value = column.value(row);
  if (column.unit === 'time') return value == null || value === '' ? '–' : clock.short(value);
  if (column.unit !== undefined) return format(typeof value === 'string' ? Number(value) : value, column.unit);
  return value ?? '–';
}

function isNumber<Row>({ unit }: Column<Row>): boolean {
  return unit !== undefined && unit !== 'time';
}

function widthOf<Row>({ width, unit }: Column<Row>): string {
  if (width !== undefined) return width;
  if (unit === undefined) return 'minmax(140px, 2fr)';
  return unit === 'time' ? 'minmax(150px, 1fr)' : 'minmax(80px, 1fr)';
}
