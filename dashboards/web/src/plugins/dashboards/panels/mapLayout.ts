// Who calls whom, from left to right: callers stand before those whom they call, and lines cross little.

export interface Call {
  source: string;
  target: string;
  kind: string;
  calls: number;
  errorShare: number | null;
  /** All that is told of it. */
  note: string;
}

export interface PlacedNode {
  name: string;
  kind: string;
  layer: number;
  /** Within its layer, from the top. */
  row: number;
}

export interface MapLayout {
  nodes: PlacedNode[];
  layers: number;
  /** Of the fullest layer. */
  rows: number;
}

const SWEEPS = 4;

export function layoutOf(calls: readonly Call[]): MapLayout {
  const kinds = new Map<string, string>();
  for (const { source, target, kind } of calls) {
    if (!kinds.has(source)) kinds.set(source, 'service');
    kinds.set(target, kind);
  }
  const layerOf = layersOf([...kinds.keys()], calls);
  const layers: string[][] = [];
  for (const [name, layer] of layerOf) (layers[layer] ??= []).push(name);
  const compact = layers.filter((layer) => layer.length > 0);
  uncross(compact, calls);
  const nodes = compact.flatMap((layer, at) => layer.map((name, row) => ({ name, kind: kinds.get(name) ?? 'service', layer: at, row })));
  return { nodes, layers: compact.length, rows: Math.max(0, ...compact.map((layer) => layer.length)) };
}

/** One more than the last of its callers; a call that leads back to a caller moves nothing. */
function layersOf(names: readonly string[], calls: readonly Call[]): Map<string, number> {
  const targets = new Map<string, string[]>();
  for (const { source, target } of calls) if (source !== target) targets.set(source, [...(targets.get(source) ?? []), target]);
  const layer = new Map(names.map((name) => [name, 0]));
  const open = new Set<string>();
  const place = (name: string, at: number) => {
    if (open.has(name) || ((layer.get(name) ?? 0) >= at && at > 0)) return;
    layer.set(name, at);
    open.add(name);
    for (const target of targets.get(name) ?? []) place(target, at + 1);
    open.delete(name);
  };
  const called = new Set(calls.flatMap(({ source, target }) => (source === target ? [] : [target])));
  const roots = names.filter((name) => !called.has(name));
  for (const root of roots.length > 0 ? roots : names.slice(0, 1)) place(root, 0);
  return layer;
}

/** Each layer in the order of the mean place of its neighbours, forth and back a few times. */
function uncross(layers: string[][], calls: readonly Call[]): void {
  const neighbours = new Map<string, string[]>();
  for (const { source, target } of calls) {
    neighbours.set(source, [...(neighbours.get(source) ?? []), target]);
    neighbours.set(target, [...(neighbours.get(target) ?? []), source]);
  }
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const rank = new Map(layers.flatMap((layer) => layer.map((name, row) => [name, (row + 0.5) / layer.length] as const)));
    for (const layer of layers) {
      const mean = (name: string) => {
        const ranks = (neighbours.get(name) ?? []).flatMap((other) => rank.get(other) ?? []);
        return ranks.length === 0 ? (rank.get(name) ?? 0) : ranks.reduce((sum, each) => sum + each, 0) / ranks.length;
      };
      const means = new Map(layer.map((name) => [name, mean(name)]));
      layer.sort((one, other) => (means.get(one) ?? 0) - (means.get(other) ?? 0));
      layer.forEach((name, row) => rank.set(name, (row + 0.5) / layer.length));
    }
  }
}
