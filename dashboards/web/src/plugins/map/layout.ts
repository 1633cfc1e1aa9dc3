// Where nodes and edges of the service map stand: callers above what they call, edges around nodes, and room for what they say.

import dagre from '@dagrejs/dagre';

export const NODE_WIDTH = 168;
export const NODE_HEIGHT = 64;
const LABEL = { width: 120, height: 22, labelpos: 'c' };
const BETWEEN_RANKS = 76;
const BETWEEN_NODES = 12;

export interface Place {
  x: number;
  y: number;
}

/** An edge: what it goes through, and where its label stands. */
export interface Line {
  points: Place[];
  label: Place;
}

export interface Layout {
  /** The upper left corner of each node by its id. */
  nodes: Map<string, Place>;
  /** By `edgeId`; without those from a node to itself. */
  edges: Map<string, Line>;
}

interface Ends {
  source: string;
  target: string;
}

/** The order of nodes and edges does not matter: a map that is asked for again stays as it was. */
export function layoutOf(ids: readonly string[], edges: readonly Ends[]): Layout {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: 'TB', ranksep: BETWEEN_RANKS, nodesep: BETWEEN_NODES, marginx: 16, marginy: 16 });
  for (const id of [...ids].sort()) graph.setNode(id, { width: NODE_WIDTH, height: NODE_HEIGHT });
  const known = new Set(ids);
  const drawn = edges.filter(({ source, target }) => source !== target && known.has(source) && known.has(target));
  for (const { source, target } of drawn.toSorted((one, other) => compare(edgeId(one), edgeId(other)))) graph.setEdge(source, target, { ...LABEL });
  dagre.layout(graph);
  const corner = (id: string) => {
    const { x, y } = graph.node(id) as Place;
    return { x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2 };
  };
  const line = ({ source, target }: Ends) => {
    const { points, x, y } = graph.edge(source, target) as Place & { points: Place[] };
    return { points, label: { x, y } };
  };
  return { nodes: new Map(ids.map((id) => [id, corner(id)])), edges: new Map(drawn.map((edge) => [edgeId(edge), line(edge)])) };
}

export function edgeId({ source, target }: Ends): string {
  return `${source} > ${target}`;
}

/** A curve through the middles between `points`, from the first to the last, as SVG has it. */
export function curve(points: readonly Place[]): string {
  const [first, ...others] = points;
  const last = others.pop();
  if (first === undefined || last === undefined) return '';
  const parts = others.map((point, at) => {
    const next = others[at + 1] ?? last;
    const end = at === others.length - 1 ? last : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    return `Q${point.x},${point.y} ${end.x},${end.y}`;
  });
  return [`M${first.x},${first.y}`, ...(parts.length === 0 ? [`L${last.x},${last.y}`] : parts)].join(' ');
}

/** How wide an edge is drawn, in pixels: by the order of magnitude of its calls, compared with the busiest. */
export function edgeWidth(calls: number, most: number): number {
  if (calls <= 0) return 1;
  return 1 + 5 * (Math.log1p(calls) / Math.log1p(Math.max(calls, most)));
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
