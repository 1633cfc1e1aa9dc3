// Where the nodes of the service map stand: callers left of what they call.

import dagre from '@dagrejs/dagre';

export const NODE_WIDTH = 176;
export const NODE_HEIGHT = 58;
const BETWEEN_RANKS = 120;
const BETWEEN_NODES = 26;

export interface Place {
  x: number;
  y: number;
}

/** The upper left corner of each node by its id. The order of nodes and edges does not matter: a map that is asked for again stays as it was. */
export function layoutOf(ids: readonly string[], edges: readonly { source: string; target: string }[]): Map<string, Place> {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: 'LR', ranksep: BETWEEN_RANKS, nodesep: BETWEEN_NODES, marginx: 16, marginy: 16 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const id of [...ids].sort()) graph.setNode(id, { width: NODE_WIDTH, height: NODE_HEIGHT });
  const known = new Set(ids);
  const drawn = edges.filter(({ source, target }) => source !== target && known.has(source) && known.has(target));
  for (const { source, target } of drawn.toSorted((one, other) => compare(key(one), key(other)))) graph.setEdge(source, target);
  dagre.layout(graph);
  return new Map(
    ids.map((id) => {
      const { x, y } = graph.node(id);
      return [id, { x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2 }];
    }),
  );
}

/** How wide an edge is drawn, in pixels: by the order of magnitude of its calls, compared with the busiest. */
export function edgeWidth(calls: number, most: number): number {
  if (calls <= 0) return 1;
  return 1 + 5 * (Math.log1p(calls) / Math.log1p(Math.max(calls, most)));
}

function key({ source, target }: { source: string; target: string }): string {
  return `${source}\n${target}`;
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
