// The spans of a trace as rows. They come depth first, and the place of each in the answer is its `index`: a subtree is one stretch of them.

import type { PathStep, TraceNode } from '../../api/schema';

/** Places of the spans that are seen when those below `folded` are not. */
export function visibleRows(nodes: readonly TraceNode[], folded: ReadonlySet<number>): number[] {
  const rows: number[] = [];
  for (let at = 0; at < nodes.length; ) {
    rows.push(at);
    at += folded.has(at) ? 1 + (nodes[at]?.descendants ?? 0) : 1;
  }
  return rows;
}

/** Where `node` is among `rows`, which ascend; -1 when it is folded away. */
export function rowOf(rows: readonly number[], node: number): number {
  let [low, high] = [0, rows.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = rows[middle] ?? 0;
    if (found === node) return middle;
    if (found < node) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** `folded` without what is above `node`, so that it is seen; the same set where nothing is. */
export function unfoldedTo(nodes: readonly TraceNode[], folded: ReadonlySet<number>, node: number): ReadonlySet<number> {
  const open = new Set(folded);
  for (let above = nodes[node]?.parent; above != null; above = nodes[above]?.parent) open.delete(above);
  return open.size === folded.size ? folded : open;
}

/** Every span that has children below `depth`. */
export function foldedFrom(nodes: readonly TraceNode[], depth: number): Set<number> {
  return new Set(nodes.filter((node) => node.depth >= depth && node.children > 0).map((node) => node.index));
}

/** Steps of the critical path by the place of their span. */
export function stepsByNode(steps: readonly PathStep[]): Map<number, PathStep[]> {
  const byNode = new Map<number, PathStep[]>();
  for (const step of steps) {
    const before = byNode.get(step.node);
    if (before === undefined) byNode.set(step.node, [step]);
    else before.push(step);
  }
  return byNode;
}

/** Round times between `start` and `end`, in nanoseconds, about `most` of them. */
export function ticksBetween(start: number, end: number, most: number): number[] {
  const raw = (end - start) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(Math.max(1, raw)));
  const step = Math.max(1, ([1, 2, 5, 10].find((each) => each * power >= raw) ?? 10) * power);
  const ticks: number[] = [];
  for (let tick = Math.ceil(start / step) * step; tick < end; tick += step) ticks.push(tick);
  return ticks;
}

/** The next span that failed, around the end; undefined when none has, or only this one. */
export function failedAfter(nodes: readonly TraceNode[], node: number | undefined): number | undefined {
  const failed = nodes.filter((each) => each.status_code === 'error' && each.index !== node);
  return (failed.find((each) => node === undefined || each.index > node) ?? failed[0])?.index;
}
