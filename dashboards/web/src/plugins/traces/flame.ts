// Spans of a trace that were called in the same way, as one: the wider, the more time was spent in it and below it.

import type { TraceNode } from '../../api/schema';

export interface Frame {
  service: string | null;
  name: string;
  depth: number;
  /** So many spans are one. */
  spans: number;
  errors: number;
  /** Together, of their own, and of the longest. */
  duration_ns: number;
  self_ns: number;
  /** The place of the longest of them. */
  longest: number;
  /** From 0 to 1 of the whole width. */
  left: number;
  width: number;
}

interface Building extends Omit<Frame, 'left' | 'width'> {
  longest_ns: number;
  /** Time of its own and of all below: children that ran side by side count each. */
  weight: number;
  children: Map<string, Building>;
}

/** Frames from the top, each above what it called, the heaviest first. */
export function flameOf(nodes: readonly TraceNode[]): Frame[] {
  const roots = new Map<string, Building>();
  const frameOf: (Building | undefined)[] = [];
  for (const node of nodes) {
    const above = node.parent == null ? undefined : frameOf[node.parent];
    const frame = join(above?.children ?? roots, node, above === undefined ? 0 : above.depth + 1);
    frameOf.push(frame);
    frame.weight += node.self_ns;
  }
  weigh(roots);
  const frames: Frame[] = [];
  place(roots, 0, total(roots), frames);
  return frames;
}

function join(siblings: Map<string, Building>, node: TraceNode, depth: number): Building {
  const key = `${node.service ?? ''}\n${node.name}`;
  const frame = siblings.get(key) ?? {
    service: node.service ?? null,
    name: node.name,
    depth,
    spans: 0,
    errors: 0,
    duration_ns: 0,
    self_ns: 0,
    longest: node.index,
    longest_ns: -1,
    weight: 0,
    children: new Map<string, Building>(),
  };
  siblings.set(key, frame);
  frame.spans += 1;
  frame.errors += Number(node.status_code === 'error');
  frame.duration_ns += node.duration_ns;
  frame.self_ns += node.self_ns;
  if (node.duration_ns > frame.longest_ns) {
    frame.longest = node.index;
    frame.longest_ns = node.duration_ns;
  }
  return frame;
}

/** Adds to each what is below. Without recursion: traces are as deep as they like. */
function weigh(roots: Map<string, Building>): void {
  const order: Building[] = [...roots.values()];
  for (let at = 0; at < order.length; at += 1) order[at]?.children.forEach((child) => order.push(child));
  for (const frame of order.reverse()) frame.weight += total(frame.children);
}

function place(roots: Map<string, Building>, left: number, all: number, frames: Frame[]): void {
  const waiting = [{ siblings: roots, left }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    let x = next.left;
    for (const frame of [...next.siblings.values()].sort((one, other) => other.weight - one.weight)) {
      const { service, name, depth, spans, errors, duration_ns, self_ns, longest } = frame;
      const width = all === 0 ? 0 : frame.weight / all;
      frames.push({ service, name, depth, spans, errors, duration_ns, self_ns, longest, left: x, width });
      waiting.push({ siblings: frame.children, left: x });
      x += width;
    }
  }
}

function total(frames: Map<string, Building>): number {
  let sum = 0;
  for (const frame of frames.values()) sum += frame.weight;
  return sum;
}
