// Counts by time and value: each column a bucket of time, each row a range of values. The darker, the more; errors in their colour.

import { useEffect, useRef } from 'react';
import { format, type Unit } from '../../format/number';
import { useClock } from '../../format/time';
import { DataTable, type Column } from '../DataTable';
import css from './Chart.module.css';
import { ChartFrame, type ChartFrameProps } from './ChartFrame';
import { useShownTheme } from './colours';
import { drawHeatMap, HeatMapGeometry } from './heatMapDrawing';
import { Tooltip, type TooltipRow } from './Tooltip';

export interface HeatMapCell {
  column: number;
  row: number;
  count: number;
  errors: number;
}

export interface HeatMapShape {
  /** The start of each column, in milliseconds since 1970. */
  columns: readonly number[];
  columnMs: number;
  /** What stands below columns that are not of time. */
  columnNames?: readonly string[];
  /** Values of each row, the lowest first; a name where a row is no range. */
  rows: readonly { min: number; max: number; name?: string }[];
  /** Of rows. */
  unit: Unit;
  /** Of cells; a count where none is said. */
  cellUnit?: Unit;
  cells: readonly HeatMapCell[];
}

/** A part of the map: times in milliseconds since 1970, and values. */
export interface HeatMapArea {
  from: number;
  to: number;
  min: number;
  max: number;
}

interface HeatMapProps extends HeatMapShape, Pick<ChartFrameProps, 'actions'> {
  title: string;
  /** What is counted, as `requests`. */
  counted: string;
  height?: number;
  /** A drag over an area; and a click on a cell where `onOpen` does not say what that does. */
  onSelect?: (area: HeatMapArea) => void;
  onOpen?: (area: HeatMapArea) => void;
  /** What is chosen, drawn with a frame. */
  selection?: HeatMapArea | undefined;
}

/** Pass the same `cells` until they change: they are drawn anew when they are others. */
export function HeatMap({ height = 220, ...map }: HeatMapProps) {
  const hasErrors = map.cells.some((cell) => cell.errors > 0);
  const legend = [{ name: map.counted, colour: '--accent' }, ...(hasErrors ? [{ name: 'errors', colour: '--error' }] : [])];
  return (
    <ChartFrame title={map.title} legend={legend} actions={map.actions} height={height} table={() => <HeatMapTable map={map} height={height} />}>
      <Canvas map={map} height={height} />
    </ChartFrame>
  );
}

function Canvas({ map, height }: { map: HeatMapProps; height: number }) {
  const place = useRef<HTMLDivElement>(null);
  const clock = useClock();
  const theme = useShownTheme();
  const latest = useRef({ map, clock });
  useEffect(() => {
    latest.current = { map, clock };
  });
  const { cells, columns, rows, selection } = map;
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const canvas = document.createElement('canvas');
    element.replaceChildren(canvas);
    const paint = () => {
      drawHeatMap(canvas, latest.current.map, element.clientWidth, height, latest.current.clock.zone, selection);
    };
    const resize = new ResizeObserver(paint);
    resize.observe(element);
    const stop = listen(element, canvas, height, () => latest.current);
    return () => {
      resize.disconnect();
      stop();
    };
  }, [cells, columns, rows, selection, height, theme, clock.zone]);
  return <div ref={place} className={css.canvas} role="img" aria-label={`${map.title}; there is a table of it, too`} />;
}

/** A hand that clicks moves by less. */
const CLICK_PIXELS = 4;

type Latest = () => { map: HeatMapProps; clock: ReturnType<typeof useClock> };

/** Tells what is below the pointer, and selects what is dragged over. */
function listen(place: HTMLElement, canvas: HTMLCanvasElement, height: number, latest: Latest): () => void {
  const tooltip = new Tooltip(place);
  const frame = document.createElement('div');
  frame.className = css.drag ?? '';
  place.append(frame);
  let start: { x: number; y: number } | undefined;
  const geometry = () => new HeatMapGeometry(latest().map, place.clientWidth, height);

  canvas.onpointerdown = (event) => {
    start = { x: event.offsetX, y: event.offsetY };
    canvas.setPointerCapture(event.pointerId);
  };
  canvas.onpointermove = (event) => {
    const { offsetX: x, offsetY: y } = event;
    if (start !== undefined) stretch(frame, start, x, y);
    const { map, clock } = latest();
    const cell = geometry().cellAt(x, y);
    if (cell === undefined) tooltip.hide();
    else tooltip.show(x, y, map.columnNames?.[cell.column] ?? clock.short(map.columns[cell.column] ?? 0), rowsOf(map, cell));
  };
  canvas.onpointerup = (event) => {
    if (start !== undefined) {
      const { onSelect, onOpen } = latest().map;
      const isClick = Math.hypot(event.offsetX - start.x, event.offsetY - start.y) < CLICK_PIXELS;
      const act = isClick && onOpen !== undefined ? onOpen : onSelect;
      act?.(geometry().areaOf(start.x, start.y, event.offsetX, event.offsetY));
    }
    start = undefined;
    frame.style.display = 'none';
  };
  canvas.onpointercancel = () => {
    start = undefined;
    frame.style.display = 'none';
  };
  canvas.onpointerleave = () => {
    tooltip.hide();
  };
  return () => {
    tooltip.remove();
    frame.remove();
  };
}

function stretch(frame: HTMLElement, start: { x: number; y: number }, x: number, y: number): void {
  frame.style.display = 'block';
  frame.style.left = `${Math.min(start.x, x)}px`;
  frame.style.top = `${Math.min(start.y, y)}px`;
  frame.style.width = `${Math.abs(x - start.x)}px`;
  frame.style.height = `${Math.abs(y - start.y)}px`;
}

function rowsOf(map: HeatMapProps, cell: HeatMapCell): TooltipRow[] {
  const range = map.rows[cell.row];
  const unit = map.cellUnit ?? 'count';
  const rows = [
    { name: range?.name ?? rangeName(range, map.unit), value: '' },
    { name: map.counted, value: format(cell.count, unit), colour: '--accent' },
  ];
  return cell.errors === 0 ? rows : [...rows, { name: 'errors', value: format(cell.errors, unit), colour: '--error' }];
}

/** Rows at the ends may have no bound. */
export function rangeName(range: { min: number; max: number } | undefined, unit: Unit): string {
  if (range?.max === Number.POSITIVE_INFINITY) return `over ${format(range.min, unit)}`;
  return `${format(range?.min, unit)} – ${format(range?.max, unit)}`;
}

function HeatMapTable({ map, height }: { map: HeatMapProps; height: number }) {
  const names = map.columnNames;
  const unit = map.cellUnit ?? 'count';
  const ranges: Column<HeatMapCell>[] = [
    { id: 'min', name: 'From', unit: map.unit, value: (cell) => map.rows[cell.row]?.min },
    { id: 'max', name: 'To', unit: map.unit, value: (cell) => map.rows[cell.row]?.max },
  ];
  const columns: Column<HeatMapCell>[] = [
    names === undefined ? { id: 'time', name: 'Time', unit: 'time', value: (cell) => map.columns[cell.column] } : { id: 'name', name: 'Along', value: (cell) => names[cell.column] },
    ...(map.rows.some((row) => row.name !== undefined) ? [{ id: 'row', name: 'Name', value: (cell: HeatMapCell) => map.rows[cell.row]?.name }] : ranges),
    { id: 'count', name: map.counted, unit, value: (cell) => cell.count },
    ...(map.cells.some((cell) => cell.errors > 0) ? [{ id: 'errors', name: 'errors', unit, value: (cell: HeatMapCell) => cell.errors }] : []),
  ];
  return <DataTable label={map.title} rows={map.cells} columns={columns} keyOf={(cell) => `${cell.column} ${cell.row}`} height={height} />;
}
