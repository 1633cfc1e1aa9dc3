// The spans that an edge of the map is made of: what its caller did, or what the service that is called answered.

import type { PageLink } from '../../shell/link';
import type { MapEdge, ServiceMap } from '../../api/schema';

export function callsLink(map: ServiceMap, edge: MapEdge): PageLink {
  const caller = map.nodes.find(({ id }) => id === edge.source);
  const target = map.nodes.find(({ id }) => id === edge.target);
  if (target?.kind === 'service') return { to: '/traces', search: { service: target.name, kind: caller?.kind === 'queue' ? 'consumer' : 'server' } };
  const attributes = target?.kind === 'database' && target.system != null ? JSON.stringify({ 'db.system.name': target.system }) : undefined;
  return { to: '/traces', search: { service: caller?.name, kind: target?.kind === 'queue' ? 'producer' : 'client', attributes } };
}
