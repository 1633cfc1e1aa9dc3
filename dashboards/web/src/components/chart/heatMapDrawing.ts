// Where the cells of a heat map are, and how they are drawn.

import { format } from '../../format/number';
import type { Zone } from '../../preferences/preferences';
import { timeLabels } from './axis';
import { colourOf } from './colours';
import type { HeatMapArea, HeatMapCell, HeatMapShape } from './HeatMap';

const LEFT_MIN = 62;
const LEFT_MAX = 150;
const LETTER_WIDTH = 6;
const BOTTOM = 26;
const TOP = 6;
const TIME_LABEL_WIDTH = 84;
const VALUE_LABEL_HEIGHT = 32;
const NAME_HEIGHT = 14;
const STEPS_SECONDS = [1, 5, 15, 30, 60, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800];
/** Of the faintest cell that is not empty. */
const OPACITY_MIN = 0.16;
const ERROR_OPACITY_MIN = 0.5;

export class HeatMapGeometry {
  /** Where the first column begins. */
  readonly left: number;
  readonly cellWidth: number;
  readonly cellHeight: number;

  constructor(
    private readonly map: HeatMapShape,
    readonly width: number,
    readonly height: number,
  ) {
    const longest = map.rows.reduce((most, row) => Math.max(most, row.name?.length ?? 0), 0);
    this.left = Math.min(LEFT_MAX, Math.max(LEFT_MIN, longest * LETTER_WIDTH + 12));
    this.cellWidth = (width - this.left) / Math.max(1, map.columns.length);
    this.cellHeight = (height - BOTTOM - TOP) / Math.max(1, map.rows.length);
  }

  x(column: number): number {
    return this.left + column * this.cellWidth;
  }

  /** The upper edge of a row; the lowest values are at the bottom. */
  y(row: number): number {
    return this.height - BOTTOM - (row + 1) * this.cellHeight;
  }

  cellAt(x: number, y: number): HeatMapCell | undefined {
    const column = this.columnAt(x);
    const row = this.rowAt(y);
    return this.map.cells.find((cell) => cell.column === column && cell.row === row);
  }

  /** What is between two points, in whole cells. */
  areaOf(x1: number, y1: number, x2: number, y2: number): HeatMapArea {
    const { columns, rows, columnMs } = this.map;
    const lastColumn = Math.max(0, columns.length - 1);
    const column = (x: number) => Math.min(lastColumn, Math.max(0, this.columnAt(x)));
    const row = (y: number) => rows[Math.min(rows.length - 1, Math.max(0, this.rowAt(y)))];
    return {
      from: columns[column(Math.min(x1, x2))] ?? 0,
      to: (columns[column(Math.max(x1, x2))] ?? 0) + columnMs,
      min: row(Math.max(y1, y2))?.min ?? 0,
      max: row(Math.min(y1, y2))?.max ?? 0,
    };
  }

  private columnAt(x: number): number {
    return Math.floor((x - this.left) / this.cellWidth);
  }

  private rowAt(y: number): number {
    return Math.floor((this.height - BOTTOM - y) / this.cellHeight);
  }
}

export function drawHeatMap(canvas: HTMLCanvasElement, map: HeatMapShape, width: number, height: number, zone: Zone, selection?: HeatMapArea): void {
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(height * devicePixelRatio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const ctx = canvas.getContext('2d');
  if (ctx === null) return;
  ctx.scale(devicePixelRatio, devicePixelRatio);
  const geometry = new HeatMapGeometry(map, width, height);
  drawCells(ctx, map, geometry);
  drawLabels(ctx, map, geometry, zone);
  if (selection !== undefined) drawSelection(ctx, map, geometry, selection);
}

function drawCells(ctx: CanvasRenderingContext2D, map: HeatMapShape, geometry: HeatMapGeometry): void {
  const [accent, error] = [colourOf('--accent'), colourOf('--error')];
  const highest = Math.log1p(map.cells.reduce((most, cell) => Math.max(most, cell.count), 1));
  const gap = geometry.cellWidth > 4 ? 1 : 0;
  for (const { column, row, count, errors } of map.cells) {
    const [x, y] = [geometry.x(column), geometry.y(row)];
    const [w, h] = [geometry.cellWidth - gap, geometry.cellHeight - 1];
    ctx.globalAlpha = OPACITY_MIN + (1 - OPACITY_MIN) * (Math.log1p(count) / highest);
    ctx.fillStyle = accent;
    ctx.fillRect(x, y, w, h);
    if (errors === 0) continue;
    // The share of errors, from the bottom of the cell.
    const part = Math.max(2, h * (errors / count));
    ctx.globalAlpha = Math.max(ERROR_OPACITY_MIN, ctx.globalAlpha);
    ctx.fillStyle = error;
    ctx.fillRect(x, y + h - part, w, part);
  }
  ctx.globalAlpha = 1;
}

function drawLabels(ctx: CanvasRenderingContext2D, map: HeatMapShape, geometry: HeatMapGeometry, zone: Zone): void {
  ctx.fillStyle = colourOf('--text-3');
  ctx.font = `11px ${getComputedStyle(document.body).fontFamily}`;
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'right';
  const isNamed = map.rows.some((row) => row.name !== undefined);
  const nameStep = Math.max(1, Math.ceil(NAME_HEIGHT / geometry.cellHeight));
  const rowStep = Math.max(1, Math.ceil(VALUE_LABEL_HEIGHT / geometry.cellHeight));
  for (let row = 0; row < map.rows.length; row += isNamed ? nameStep : rowStep) {
    const { name, min } = map.rows[row] ?? {};
    // A range is named at its lower edge, all else in its middle.
    const y = geometry.y(row) + geometry.cellHeight * (name === undefined ? 1 : 0.5);
    ctx.fillText(name ?? format(min, map.unit), geometry.left - 8, y, geometry.left - 8);
  }
  ctx.textAlign = 'center';
  if (map.columnNames !== undefined) {
    map.columnNames.forEach((name, column) => {
      ctx.fillText(name, geometry.x(column) + geometry.cellWidth / 2, geometry.height - BOTTOM / 2, geometry.cellWidth - 4);
    });
    return;
  }
  const first = map.columns[0] ?? 0;
  const last = (map.columns.at(-1) ?? first) + map.columnMs;
  const seconds = tickTimes(first / 1000, last / 1000, (geometry.width - geometry.left) / TIME_LABEL_WIDTH, zone);
  timeLabels(seconds.times, seconds.step, zone).forEach((label, at) => {
    const x = geometry.x(((seconds.times[at] ?? 0) * 1000 - first) / map.columnMs);
    if (x < geometry.width - 20) ctx.fillText(label, x, geometry.height - BOTTOM / 2);
  });
}

/** Round times between two, at most `most`, by the clock of `zone`. */
function tickTimes(from: number, to: number, most: number, zone: Zone): { times: number[]; step: number } {
  const step = STEPS_SECONDS.find((each) => (to - from) / each <= most) ?? STEPS_SECONDS.at(-1) ?? 1;
  const shift = zone === 'utc' ? 0 : new Date(from * 1000).getTimezoneOffset() * 60;
  const first = Math.ceil((from - shift) / step) * step + shift;
  const times: number[] = [];
  for (let time = first; time <= to; time += step) times.push(time);
  return { times, step };
}

function drawSelection(ctx: CanvasRenderingContext2D, map: HeatMapShape, geometry: HeatMapGeometry, area: HeatMapArea): void {
  const first = map.columns[0] ?? 0;
  const x1 = geometry.x((area.from - first) / map.columnMs);
  const x2 = geometry.x((area.to - first) / map.columnMs);
  const top = map.rows.findLastIndex((row) => row.max <= area.max);
  const bottom = map.rows.findIndex((row) => row.min >= area.min);
  ctx.strokeStyle = colourOf('--text');
  ctx.lineWidth = 1.5;
  ctx.strokeRect(x1, geometry.y(top), x2 - x1, geometry.y(bottom) + geometry.cellHeight - geometry.y(top));
}
