// The calls of the map as a table.

import { useMemo } from 'react';
import type { MapEdge, ServiceMap } from '../../api/schema';
import { DataTable, type Column } from '../../components/DataTable';
import { callColumns } from '../apm/measures';
import { callsLink } from './callsLink';
import { titleOf } from './titleOf';

export function CallList({ map }: { map: ServiceMap }) {
  const columns = useMemo(() => columnsOf(map), [map]);
  return <DataTable label="Calls" rows={map.edges} columns={columns} keyOf={(edge) => `${edge.source} ${edge.target}`} linkOf={(edge) => callsLink(map, edge)} />;
}

function columnsOf(map: ServiceMap): Column<MapEdge>[] {
  const nodes = new Map(map.nodes.map((node) => [node.id, node]));
  return [
    { id: 'source', name: 'Caller', value: (edge) => nodes.get(edge.source)?.name, width: 'minmax(130px, 2fr)' },
    { id: 'target', name: 'Called', value: (edge) => titleOf(nodes.get(edge.target)), width: 'minmax(130px, 2fr)' },
    { id: 'kind', name: 'Kind', value: (edge) => nodes.get(edge.target)?.system ?? nodes.get(edge.target)?.kind, width: '110px' },
    ...callColumns<MapEdge>(),
  ];
}
