// All spans of a trace as a table, to be sorted by what they took.

import { useMemo } from 'react';
import type { TraceNode } from '../../api/schema';
import { Badge } from '../../components/Badge';
import { DataTable, type Column } from '../../components/DataTable';
import { traceLink } from '../../shell/link';
import { ServiceName } from './ServiceName';
import css from './traces.module.css';
import type { ViewProps } from './TracePage';
import { useViewHeight } from './useViewHeight';

export function SpanTable({ trace, nodes, colours }: ViewProps) {
  const columns = useMemo(() => columnsOf(colours), [colours]);
  const height = Math.min(useViewHeight(), (nodes.length + 1) * 32);
  return (
    <DataTable
      label="Spans"
      rows={nodes}
      columns={columns}
      keyOf={(node) => String(node.index)}
      height={height}
      linkOf={(node) => ({ ...traceLink(trace.trace_id, node.span_id), search: (before: Record<string, unknown>) => ({ ...before, span: node.span_id }) })}
    />
  );
}

function columnsOf(colours: ReadonlyMap<string, string>): Column<TraceNode>[] {
  return [
    { id: 'name', name: 'Span', value: (node) => node.name, width: 'minmax(180px, 3fr)' },
    { id: 'service', name: 'Service', value: (node) => node.service, width: 'minmax(110px, 1fr)', render: (node) => <ServiceName service={node.service} colours={colours} /> },
    { id: 'kind', name: 'Kind', value: (node) => node.kind, width: '88px' },
    { id: 'status', name: 'Status', value: (node) => node.status_code, width: '78px', render: (node) => (node.status_code === 'error' ? <Badge tone="error">error</Badge> : <span className={css.note}>{node.status_code}</span>) },
    { id: 'start', name: 'Starts after', unit: 'ns', value: (node) => node.start_ns, width: '104px' },
    { id: 'duration', name: 'Duration', unit: 'ns', value: (node) => node.duration_ns, width: '90px' },
    { id: 'self', name: 'Own time', unit: 'ns', value: (node) => node.self_ns, width: '90px' },
    { id: 'critical', name: 'Critical', unit: 'ns', value: (node) => node.critical_ns, width: '90px' },
    { id: 'events', name: 'Events', unit: 'count', value: (node) => node.events, width: '76px' },
  ];
}
