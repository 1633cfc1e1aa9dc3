// A chart of uPlot as the app draws it: axes, crosshair, tooltip, thresholds, exemplars, a drag that zooms.

import uPlot from 'uplot';
import { format, type Unit } from '../../format/number';
import type { Clock } from '../../format/time';
import { timeLabels, within } from './axis';
import { colourOf, seriesColour } from './colours';
import { stacked, type Values } from './stack';
import { Tooltip, type TooltipRow } from './Tooltip';

export interface Series {
  name: string;
  values: Values;
  kind?: 'line' | 'bars';
  /** A token; one of the series' where none is said. */
  colour?: string;
}

export interface Threshold {
  name: string;
  value: number;
  /** A token, as `--warning`; `--error` where none is said. */
  colour?: string;
}

/** A single measurement that leads to what explains it. */
export interface Exemplar {
  /** Milliseconds since 1970. */
  time: number;
  value: number;
  name: string;
  onOpen: () => void;
}

export interface Plot {
  title: string;
  /** Milliseconds since 1970, ascending; where each value of the series stands or its bucket begins. */
  times: readonly number[];
  series: readonly Series[];
  unit: Unit;
  isStacked?: boolean;
  /** The range that is drawn, in milliseconds since 1970; that of `times` where it is not said. */
  from?: number;
  to?: number;
  thresholds?: readonly Threshold[];
  exemplars?: readonly Exemplar[];
  /** Charts with the same name share one crosshair. */
  sync?: string;
  /** A drag over the chart, in milliseconds since 1970. */
  onZoom?: (from: number, to: number) => void;
  /** A click on it: the time of the point, in milliseconds since 1970. */
  onPoint?: (time: number) => void;
}

const AXIS_WIDTH = 62;
/** Series the tooltip tells; where there are more, those with the largest values. */
const TOOLTIP_ROWS_MAX = 12;
const EXEMPLAR_REACH = 9;
/** In pixels: of two lines that are closer, the lower one has its name below. */
const NAME_HEIGHT = 16;
const DRAG_MIN = 4;
/** Steps of an axis of counts: there are no halves of them. */
const WHOLE_STEPS = Array.from({ length: 13 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();

export interface DrawnPlot {
  chart: uPlot;
  tooltip: Tooltip;
}

/** Draws `plot` into `place`; series named in `hidden` are left out of sight. */
export function draw(plot: Plot, place: HTMLElement, height: number, hidden: ReadonlySet<string>, clock: Clock): DrawnPlot {
  const tooltip = new Tooltip(place);
  const shown = plot.series.map((each, at) => ({ ...each, colour: each.colour ?? seriesColour(at) })).filter((each) => !hidden.has(each.name));
  const options: uPlot.Options = {
    width: place.clientWidth,
    height,
    padding: [8, 0, 0, 0],
    legend: { show: false },
    tzDate: (second) => (clock.zone === 'utc' ? uPlot.tzDate(new Date(second * 1000), 'Etc/UTC') : new Date(second * 1000)),
    cursor: {
      drag: { x: plot.onZoom !== undefined, y: false, setScale: false, dist: DRAG_MIN },
      points: { show: false },
      y: false,
      ...(plot.sync === undefined ? {} : { sync: { key: plot.sync, filters: { pub: (event) => event.startsWith('mousem') || event === 'mouseleave' } } }),
    },
    scales: {
      x: { range: () => xRange(plot) },
      y: { range: (_, min, max) => yRange(min, max, plot) },
    },
    axes: axes(plot, clock),
    series: [{}, ...seriesOptions(shown, plot.isStacked === true)],
    hooks: {
      draw: [(chart) => { drawThresholds(chart, plot); }, (chart) => { drawExemplars(chart, plot); }],
      setCursor: [(chart) => { point(chart, plot, shown, tooltip, clock); }],
      setSelect: [(chart) => { zoom(chart, plot); }],
      ready: [(chart) => { listen(chart, plot, tooltip); }],
    },
  };
  return { chart: new uPlot(options, dataOf(plot, shown), place), tooltip };
}

function dataOf(plot: Plot, shown: readonly Series[]): uPlot.AlignedData {
  const times = plot.times.map((time) => time / 1000);
  const values = shown.map((each) => each.values);
  // The highest first, so that those below are drawn over it.
  const drawn = plot.isStacked === true ? stacked(values).reverse() : values.map((each) => [...each]);
  return [times, ...drawn];
}

function seriesOptions(shown: readonly (Series & { colour: string })[], isStacked: boolean): uPlot.Series[] {
  const ordered = isStacked ? [...shown].reverse() : shown;
  return ordered.map(({ name, kind, colour }) => {
    const resolved = colourOf(colour);
    if (kind !== 'bars') return { label: name, stroke: resolved, width: 1.5, points: { show: true, size: 4, fill: resolved, filter: lonely }, spanGaps: false };
    const paths = uPlot.paths.bars?.({ size: [1, 32], gap: 1, align: 1, radius: 0 });
    return { label: name, stroke: resolved, fill: resolved, width: 0, points: { show: false }, ...(paths === undefined ? {} : { paths }) };
  });
}

/** Points with gaps on both sides: of those a line shows nothing. */
function lonely(chart: uPlot, at: number): number[] {
  const values = chart.data[at] ?? [];
  return Array.from(values, (value, index) => (value != null && values[index - 1] == null && values[index + 1] == null ? index : -1)).filter((index) => index >= 0);
}

function axes(plot: Plot, clock: Clock): uPlot.Axis[] {
  const look = { stroke: colourOf('--text-3'), font: `11px ${getComputedStyle(document.body).fontFamily}`, ticks: { show: false } };
  const grid = { stroke: colourOf('--line'), width: 1 };
  return [
    { ...look, grid: { show: false }, size: 26, space: 84, gap: 6, values: (chart, splits, _, __, step) => within(timeLabels(splits, step, clock.zone), ...placesOf(splits, chart)) },
    { ...look, grid, ...(plot.unit === 'count' ? { incrs: WHOLE_STEPS } : {}), size: AXIS_WIDTH, space: 36, gap: 8, values: (_, splits) => splits.map((value) => format(value, plot.unit)) },
  ];
}

/** Where times stand on their axis, and where it ends, in pixels. */
function placesOf(seconds: readonly number[], chart: uPlot): [number[], number] {
  const { min = 0, max = 1 } = chart.scales.x ?? {};
  const end = chart.width - AXIS_WIDTH;
  return [seconds.map((second) => ((second - min) / (max - min)) * end), end];
}

function xRange(plot: Plot): [number, number] {
  const from = plot.from ?? plot.times[0] ?? Date.now();
  const to = plot.to ?? plot.times.at(-1) ?? from;
  return [from / 1000, Math.max(to, from + 1000) / 1000];
}

function yRange(min: number | null, max: number | null, plot: Plot): [number, number] {
  const high = Math.max(max ?? 0, ...(plot.thresholds ?? []).map((each) => each.value), ...(plot.exemplars ?? []).map((each) => each.value));
  if (min !== null && min < 0) return uPlot.rangeNum(min, high, 0.1, true) as [number, number];
  return [0, high === 0 ? 1 : high * 1.08];
}

function zoom(chart: uPlot, plot: Plot): void {
  const { left, width } = chart.select;
  if (width >= DRAG_MIN) plot.onZoom?.(chart.posToVal(left, 'x') * 1000, chart.posToVal(left + width, 'x') * 1000);
  chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
}

/** Tells what is below the pointer; charts that only follow another's crosshair say nothing. */
function point(chart: uPlot, plot: Plot, shown: readonly Series[], tooltip: Tooltip, clock: Clock): void {
  const { left = -1, top = -1 } = chart.cursor;
  const idx = indexAt(chart, plot);
  const isHere = chart.cursor.event !== undefined && chart.over.matches(':hover');
  if (idx === undefined || left < 0 || !isHere) {
    tooltip.hide();
    return;
  }
  const exemplar = exemplarAt(chart, plot, left, top);
  const rows = tooltipRows(plot, shown, idx);
  if (exemplar !== undefined) rows.push({ name: exemplar.name, value: format(exemplar.value, plot.unit), colour: '--text' });
  const place = chart.over.offsetLeft;
  tooltip.show(place + left, chart.over.offsetTop + top, clock.short(exemplar?.time ?? plot.times[idx] ?? 0), rows);
}

function tooltipRows(plot: Plot, shown: readonly Series[], idx: number): TooltipRow[] {
  const isLong = shown.length > TOOLTIP_ROWS_MAX;
  const size = (series: Series) => series.values[idx] ?? Number.NEGATIVE_INFINITY;
  const told = isLong ? [...shown].sort((one, other) => size(other) - size(one)).slice(0, TOOLTIP_ROWS_MAX) : shown;
  const rows: TooltipRow[] = told.map((each) => ({ name: each.name, value: format(each.values[idx], plot.unit), colour: each.colour ?? '--text' }));
  return isLong ? [...rows, { name: `${shown.length - told.length} more`, value: '' }] : rows;
}

function listen(chart: uPlot, plot: Plot, tooltip: Tooltip): void {
  chart.over.addEventListener('mouseleave', () => {
    tooltip.hide();
  });
  chart.over.addEventListener('click', () => {
    const { left = -1, top = -1 } = chart.cursor;
    const idx = indexAt(chart, plot);
    const exemplar = exemplarAt(chart, plot, left, top);
    if (exemplar !== undefined) exemplar.onOpen();
    else if (idx !== undefined) plot.onPoint?.(plot.times[idx] ?? 0);
  });
  if (plot.onPoint !== undefined) chart.over.style.cursor = 'pointer';
}

/** The point below the pointer: of bars the one it is over, of lines the nearest. */
function indexAt(chart: uPlot, plot: Plot): number | undefined {
  const { idx, left = -1 } = chart.cursor;
  if (idx === null || idx === undefined) return undefined;
  const isBefore = (plot.times[idx] ?? 0) / 1000 > chart.posToVal(left, 'x');
  return isBefore && plot.series.some((each) => each.kind === 'bars') ? Math.max(0, idx - 1) : idx;
}

function exemplarAt(chart: uPlot, plot: Plot, left: number, top: number): Exemplar | undefined {
  return plot.exemplars?.find(
    ({ time, value }) => Math.hypot(chart.valToPos(time / 1000, 'x') - left, chart.valToPos(value, 'y') - top) < EXEMPLAR_REACH,
  );
}

function drawExemplars(chart: uPlot, plot: Plot): void {
  const { ctx } = chart;
  ctx.save();
  ctx.fillStyle = colourOf('--surface');
  ctx.strokeStyle = colourOf('--text');
  ctx.lineWidth = 1.5 * devicePixelRatio;
  for (const { time, value } of plot.exemplars ?? []) {
    ctx.beginPath();
    ctx.arc(chart.valToPos(time / 1000, 'x', true), chart.valToPos(value, 'y', true), 3.5 * devicePixelRatio, 0, 2 * Math.PI);
    ctx.fill();
    ctx.stroke();
  }
  ctx.restore();
}

function drawThresholds(chart: uPlot, plot: Plot): void {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.font = `${11 * devicePixelRatio}px sans-serif`;
  ctx.textAlign = 'left';
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  let above = Number.NEGATIVE_INFINITY;
  for (const { name, value, colour } of (plot.thresholds ?? []).toSorted((one, other) => other.value - one.value)) {
    ctx.strokeStyle = ctx.fillStyle = colourOf(colour ?? '--error');
    const y = chart.valToPos(value, 'y', true);
    const isBelow = y - above < NAME_HEIGHT * devicePixelRatio;
    above = y;
    ctx.textBaseline = isBelow ? 'top' : 'bottom';
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.fillText(name, bbox.left + 4 * devicePixelRatio, y + (isBelow ? 3 : -2) * devicePixelRatio);
  }
  ctx.restore();
}
