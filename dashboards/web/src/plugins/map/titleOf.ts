// What a node of the map is called.

import type { MapNode } from '../../api/schema';

/** Its name; a database that is a number only, as those of Redis, with its system. */
export function titleOf(node: Pick<MapNode, 'name' | 'system' | 'kind'> | undefined): string | undefined {
  if (node === undefined) return undefined;
  return /^\d+$/.test(node.name) ? `${node.system ?? node.kind} ${node.name}` : node.name;
}
