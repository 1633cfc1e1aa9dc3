// The trace as a flame graph: calls of one kind below one another, as wide as the time spent in them.

import { useEffect, useMemo, useRef } from 'react';
import { ChartFrame } from '../../components/chart/ChartFrame';
import { colourOf, useShownTheme } from '../../components/chart/colours';
import { Tooltip } from '../../components/chart/Tooltip';
import { DataTable, type Column } from '../../components/DataTable';
import { count, format } from '../../format/number';
import { flameOf, type Frame } from './flame';
import type { ViewProps } from './TracePage';
import css from './TracePage.module.css';
import { useViewHeight } from './useViewHeight';

const ROW = 22;
/** Narrower frames have no room for a name. */
const NAME_PIXELS = 34;
const SPACE = 8;

export function Flame({ nodes, colours, selected, onSelect }: ViewProps) {
  const frames = useMemo(() => flameOf(nodes), [nodes]);
  const depth = useMemo(() => frames.reduce((most, frame) => Math.max(most, frame.depth), 0) + 1, [frames]);
  const room = useViewHeight();
  const height = Math.min(Math.max(200, depth * ROW), room);
  return (
    <div className={css.flame}>
      <ChartFrame title="Time by calls" height={height} table={() => <FrameTable frames={frames} height={height} />}>
        <div className={css.flameScroller}>
          <Canvas frames={frames} height={depth * ROW} colours={colours} selected={selected} onSelect={onSelect} />
        </div>
      </ChartFrame>
      <p className={css.note}>Spans of one name below the same callers are one frame, as wide as their own time and that of all below. A click opens the longest of them.</p>
    </div>
  );
}

interface CanvasProps {
  frames: readonly Frame[];
  height: number;
  colours: ReadonlyMap<string, string>;
  selected: number | undefined;
  onSelect: (node: number) => void;
}

function Canvas({ frames, height, colours, selected, onSelect }: CanvasProps) {
  const place = useRef<HTMLDivElement>(null);
  const theme = useShownTheme();
  const select = useRef(onSelect);
  useEffect(() => {
    select.current = onSelect;
  });
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const canvas = document.createElement('canvas');
    element.replaceChildren(canvas);
    const resize = new ResizeObserver(() => {
      draw(canvas, element.clientWidth, height, frames, colours, selected);
    });
    resize.observe(element);
    const tooltip = new Tooltip(element);
    const frameAt = (event: PointerEvent | MouseEvent) => {
      const [x, row] = [event.offsetX / element.clientWidth, Math.floor(event.offsetY / ROW)];
      return frames.find(({ depth, left, width }) => depth === row && x >= left && x < left + width);
    };
    canvas.onpointermove = (event) => {
      const frame = frameAt(event);
      canvas.style.cursor = frame === undefined ? 'default' : 'pointer';
      if (frame === undefined) tooltip.hide();
      else tooltip.show(event.offsetX, event.offsetY, frame.name, linesOf(frame, colours));
    };
    canvas.onpointerleave = () => {
      tooltip.hide();
    };
    canvas.onclick = (event) => {
      const frame = frameAt(event);
      if (frame !== undefined) select.current(frame.longest);
    };
    return () => {
      resize.disconnect();
      tooltip.remove();
    };
  }, [frames, height, colours, selected, theme]);
  return <div ref={place} className={css.flameCanvas} style={{ height }} role="img" aria-label="Time by calls; there is a table of it, too" />;
}

function linesOf(frame: Frame, colours: ReadonlyMap<string, string>) {
  return [
    { name: frame.service ?? 'no service', value: `${count(frame.spans)} ${frame.spans === 1 ? 'span' : 'spans'}`, colour: colours.get(frame.service ?? '') ?? '--series-8' },
    { name: 'together', value: format(frame.duration_ns, 'ns') },
    { name: 'own time', value: format(frame.self_ns, 'ns') },
    ...(frame.errors === 0 ? [] : [{ name: 'failed', value: count(frame.errors), colour: '--error' }]),
  ];
}

function draw(canvas: HTMLCanvasElement, width: number, height: number, frames: readonly Frame[], colours: ReadonlyMap<string, string>, selected: number | undefined): void {
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(height * devicePixelRatio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const ctx = canvas.getContext('2d');
  if (ctx === null) return;
  ctx.scale(devicePixelRatio, devicePixelRatio);
  ctx.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  ctx.textBaseline = 'middle';
  const shown = new Map([...colours].map(([service, token]) => [service, colourOf(token)]));
  const [text, error] = [colourOf('--text'), colourOf('--error')];
  for (const frame of frames) {
    const [x, y, w] = [frame.left * width, frame.depth * ROW, frame.width * width];
    if (w < 0.5) continue;
    ctx.fillStyle = shown.get(frame.service ?? '') ?? text;
    ctx.globalAlpha = 0.28;
    ctx.fillRect(x, y, Math.max(1, w - 1), ROW - 1);
    ctx.globalAlpha = 1;
    ctx.fillRect(x, y, Math.min(3, w), ROW - 1);
    if (frame.errors > 0) {
      ctx.fillStyle = error;
      ctx.fillRect(x, y + ROW - 3, Math.max(1, w - 1), 2);
    }
    if (frame.longest === selected) {
      ctx.strokeStyle = text;
      ctx.lineWidth = 1.5;
      ctx.strokeRect(x + 1, y + 1, Math.max(1, w - 3), ROW - 3);
    }
    if (w > NAME_PIXELS) drawName(ctx, frame, x, y, w, text);
  }
}

function drawName(ctx: CanvasRenderingContext2D, frame: Frame, x: number, y: number, width: number, colour: string): void {
  ctx.save();
  ctx.beginPath();
  ctx.rect(x, y, width - SPACE / 2, ROW);
  ctx.clip();
  ctx.fillStyle = colour;
  ctx.fillText(frame.spans === 1 ? frame.name : `${frame.name}  ×${count(frame.spans)}`, x + SPACE, y + ROW / 2);
  ctx.restore();
}

const columns: Column<Frame>[] = [
  { id: 'name', name: 'Operation', value: (frame) => frame.name, width: 'minmax(200px, 3fr)' },
  { id: 'service', name: 'Service', value: (frame) => frame.service },
  { id: 'depth', name: 'Depth', unit: 'count', value: (frame) => frame.depth },
  { id: 'spans', name: 'Spans', unit: 'count', value: (frame) => frame.spans },
  { id: 'errors', name: 'Failed', unit: 'count', value: (frame) => frame.errors },
  { id: 'all', name: 'Together', unit: 'ns', value: (frame) => frame.duration_ns },
  { id: 'self', name: 'Own time', unit: 'ns', value: (frame) => frame.self_ns },
];

function FrameTable({ frames, height }: { frames: readonly Frame[]; height: number }) {
  return <DataTable label="Time by calls" rows={frames} columns={columns} keyOf={(frame) => `${frame.depth} ${frame.longest}`} height={height} />;
}
