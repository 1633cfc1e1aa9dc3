// The whole trace in small: a drag over it chooses what the waterfall draws.

import { useEffect, useRef, useState, type PointerEvent } from 'react';
import type { Trace, TraceNode } from '../../api/schema';
import { colourOf, useShownTheme } from '../../components/chart/colours';
import type { Part } from './traceSearch';
import css from './Waterfall.module.css';

const HEIGHT = 48;
const PATH_HEIGHT = 3;
/** A click chooses nothing. */
const DRAG_PIXELS = 4;

interface MinimapProps {
  trace: Trace;
  nodes: readonly TraceNode[];
  colours: ReadonlyMap<string, string>;
  part: Part | undefined;
  onZoom: (part: Part | undefined) => void;
}

export function Minimap({ trace, nodes, colours, part, onZoom }: MinimapProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useShownTheme();
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return undefined;
    const paint = () => {
      draw(element, trace, nodes, colours);
    };
    const resize = new ResizeObserver(paint);
    resize.observe(element);
    return () => {
      resize.disconnect();
    };
  }, [trace, nodes, colours, theme]);
  const { drag, ...listeners } = useDrag(trace.duration_ns, onZoom);
  const shown = drag ?? part;
  const percent = (time: number) => Math.min(100, Math.max(0, (100 * time) / Math.max(1, trace.duration_ns)));
  return (
    // The buttons above do the same by the keyboard.
    <div className={css.minimap} {...listeners} role="img" aria-label="All spans over the time of the trace; drag to draw a part of it">
      <canvas ref={canvas} className={css.overview} style={{ height: HEIGHT }} />
      {shown !== undefined && <span className={css.part} style={{ left: `${percent(shown.start)}%`, right: `${100 - percent(shown.end)}%` }} />}
    </div>
  );
}

/** What is being dragged over, and the listeners that see it. */
function useDrag(duration: number, onZoom: (part: Part) => void) {
  const [drag, setDrag] = useState<Part & { from: number }>();
  const timeAt = (event: PointerEvent<HTMLElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * duration;
  };
  return {
    drag,
    onPointerDown: (event: PointerEvent<HTMLElement>) => {
      event.currentTarget.setPointerCapture(event.pointerId);
      const from = timeAt(event);
      setDrag({ from, start: from, end: from });
    },
    onPointerMove: (event: PointerEvent<HTMLElement>) => {
      if (drag === undefined) return;
      const time = timeAt(event);
      setDrag({ from: drag.from, start: Math.min(drag.from, time), end: Math.max(drag.from, time) });
    },
    onPointerCancel: () => {
      setDrag(undefined);
    },
    onPointerUp: (event: PointerEvent<HTMLElement>) => {
      const pixel = duration / Math.max(1, event.currentTarget.clientWidth);
      if (drag !== undefined && drag.end - drag.start > DRAG_PIXELS * pixel) onZoom(drag);
      setDrag(undefined);
    },
  };
}

function draw(canvas: HTMLCanvasElement, trace: Trace, nodes: readonly TraceNode[], colours: ReadonlyMap<string, string>): void {
  const width = canvas.clientWidth;
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(HEIGHT * devicePixelRatio);
  const ctx = canvas.getContext('2d');
  if (ctx === null) return;
  ctx.scale(devicePixelRatio, devicePixelRatio);
  const room = HEIGHT - PATH_HEIGHT - 2;
  const rowHeight = room / Math.max(1, trace.spans);
  const shown = new Map([...colours].map(([service, token]) => [service, colourOf(token)]));
  const scale = width / Math.max(1, trace.duration_ns);
  ctx.globalAlpha = 0.8;
  for (const node of nodes) {
    ctx.fillStyle = shown.get(node.service ?? '') ?? '';
    ctx.fillRect(node.start_ns * scale, node.index * rowHeight, Math.max(1, node.duration_ns * scale), Math.min(4, Math.max(1, rowHeight * 0.7)));
  }
  ctx.globalAlpha = 1;
  ctx.fillStyle = colourOf('--text');
  for (const step of trace.critical_path.steps) ctx.fillRect(step.start_ns * scale, HEIGHT - PATH_HEIGHT, Math.max(0.5, step.duration_ns * scale), 1.5);
}
