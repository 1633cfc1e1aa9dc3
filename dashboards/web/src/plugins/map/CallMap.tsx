// The map itself. A click on a node shows what is downstream of it, one on an edge the calls it stands for.

import { Background, BackgroundVariant, Controls, MarkerType, ReactFlow } from '@xyflow/react';
import '@xyflow/react/dist/base.css';
import { useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import type { MapEdge, ServiceMap } from '../../api/schema';
import { format } from '../../format/number';
import { useShownTheme } from '../../components/chart/colours';
import { isWrong } from '../apm/measures';
import { CallEdge, type LineEdge } from './CallEdge';
import { callsLink } from './callsLink';
import css from './map.module.css';
import { MapNodeBox, type BoxNode } from './MapNodeBox';
import { edgeId, edgeWidth, layoutOf, NODE_HEIGHT, NODE_WIDTH, type Layout } from './layout';
import { titleOf } from './titleOf';

const HEIGHT_MIN = 480;
const HEIGHT_AROUND = 200;
/** With more edges than that, what they say would cover them. */
const LABELS_MAX = 40;

const nodeTypes = { box: MapNodeBox };
const edgeTypes = { line: CallEdge };

interface CallMapProps {
  map: ServiceMap;
  focused: string | undefined;
  onFocus: (id: string | undefined) => void;
}

export function CallMap({ map, focused, onFocus }: CallMapProps) {
  const theme = useShownTheme();
  const navigate = useNavigate();
  const layout = useMemo(() => layoutOf(map.nodes.map(({ id }) => id), map.edges), [map]);
  const nodes = useMemo(() => nodesOf(map, layout, focused), [map, layout, focused]);
  const edges = useMemo(() => edgesOf(map, layout), [map, layout]);
  return (
    <div className={css.map} style={{ height: Math.max(HEIGHT_MIN, window.innerHeight - HEIGHT_AROUND) }}>
      <ReactFlow
        // Another set of nodes is another map, which is fitted into the view again.
        key={nodes.map(({ id }) => id).join(' ')}
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        edgeTypes={edgeTypes}
        colorMode={theme}
        fitView
        fitViewOptions={{ padding: 0.02, maxZoom: 1 }}
        minZoom={0.1}
        maxZoom={2}
        nodesConnectable={false}
        nodesDraggable={false}
        elementsSelectable
        // The page scrolls with the wheel; the map with a drag, and nearer with Ctrl and the wheel.
        zoomOnScroll={false}
        preventScrolling={false}
        aria-label="Service map"
        onNodeClick={(_, { id }) => {
          onFocus(id);
        }}
        onEdgeClick={(_, { id }) => {
          const edge = map.edges.find((each) => edgeId(each) === id);
          if (edge !== undefined) void navigate(callsLink(map, edge));
        }}
      >
        <Background variant={BackgroundVariant.Dots} gap={20} size={1} color="var(--line)" />
        <Controls showInteractive={false} position="top-right" />
      </ReactFlow>
    </div>
  );
}

function nodesOf(map: ServiceMap, layout: Layout, focused: string | undefined): BoxNode[] {
  return map.nodes.map((node) => ({
    id: node.id,
    type: 'box' as const,
    position: layout.nodes.get(node.id) ?? { x: 0, y: 0 },
    data: { node, isFocused: node.id === focused },
    width: NODE_WIDTH,
    height: NODE_HEIGHT,
    ariaLabel: `${titleOf(node) ?? ''}, ${node.system ?? node.kind}: ${format(node.calls_per_second, 'per_second')}, ${format(node.error_share, 'share')} errors`,
  }));
}

function edgesOf({ nodes, edges }: ServiceMap, layout: Layout): LineEdge[] {
  const most = edges.reduce((highest, edge) => Math.max(highest, edge.calls), 1);
  const hasLabels = edges.length <= LABELS_MAX;
  const names = new Map(nodes.map(({ id, name }) => [id, name]));
  return edges.flatMap((edge) => {
    const line = layout.edges.get(edgeId(edge));
    if (line === undefined) return [];
    const isFailing = isWrong(edge.error_share);
    const colour = isFailing ? 'var(--error)' : 'var(--line-strong)';
    return {
      id: edgeId(edge),
      type: 'line' as const,
      data: { line },
      source: edge.source,
      target: edge.target,
      label: hasLabels ? labelOf(edge, isFailing) : undefined,
      labelShowBg: true,
      labelBgPadding: [4, 2],
      labelBgBorderRadius: 3,
      labelStyle: { fill: isFailing ? 'var(--error)' : 'var(--text-2)', fontSize: 14 },
      labelBgStyle: { fill: 'var(--surface)' },
      style: { stroke: colour, strokeWidth: edgeWidth(edge.calls, most) },
      markerEnd: { type: MarkerType.ArrowClosed, color: colour, width: 14, height: 14, markerUnits: 'userSpaceOnUse' },
      ariaLabel: `${names.get(edge.source) ?? edge.source} calls ${names.get(edge.target) ?? edge.target}: ${labelOf(edge, true)} errors`,
    };
  });
}

function labelOf(edge: MapEdge, withErrors: boolean): string {
  const told = [format(edge.calls_per_second, 'per_second'), format(edge.latency.p95_ms, 'ms')];
  return (withErrors ? [...told, format(edge.error_share, 'share')] : told).join(' · ');
}
