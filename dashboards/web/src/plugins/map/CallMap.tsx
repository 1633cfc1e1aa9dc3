// The map itself. A click on a node shows what is downstream of it, one on an edge the calls it stands for.

import { Background, BackgroundVariant, Controls, MarkerType, ReactFlow, type Edge, type Node } from '@xyflow/react';
import '@xyflow/react/dist/base.css';
import { useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import type { MapEdge, ServiceMap } from '../../api/schema';
import { format } from '../../format/number';
import { useShownTheme } from '../../components/chart/colours';
import { isWrong } from '../apm/measures';
import { callsLink } from './callsLink';
import css from './map.module.css';
import { MapNodeBox, type BoxNode } from './MapNodeBox';
import { edgeWidth, layoutOf, NODE_HEIGHT, NODE_WIDTH } from './layout';

const HEIGHT_MIN = 480;
const HEIGHT_AROUND = 190;
/** With more edges than that, what they say would cover them. */
const LABELS_MAX = 40;

const nodeTypes = { box: MapNodeBox };

interface CallMapProps {
  map: ServiceMap;
  focused: string | undefined;
  onFocus: (id: string | undefined) => void;
}

export function CallMap({ map, focused, onFocus }: CallMapProps) {
  const theme = useShownTheme();
  const navigate = useNavigate();
  const nodes = useMemo(() => nodesOf(map, focused), [map, focused]);
  const edges = useMemo(() => edgesOf(map), [map]);
  return (
    <div className={css.map} style={{ height: Math.max(HEIGHT_MIN, window.innerHeight - HEIGHT_AROUND) }}>
      <ReactFlow
        // Another set of nodes is another map, which is fitted into the view again.
        key={nodes.map(({ id }) => id).join(' ')}
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        colorMode={theme}
        fitView
        fitViewOptions={{ padding: 0.08, maxZoom: 1 }}
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
          const edge = map.edges.find((each) => idOf(each) === id);
          if (edge !== undefined) void navigate(callsLink(map, edge));
        }}
      >
        <Background variant={BackgroundVariant.Dots} gap={20} size={1} color="var(--line)" />
        <Controls showInteractive={false} position="bottom-right" />
      </ReactFlow>
    </div>
  );
}

function nodesOf(map: ServiceMap, focused: string | undefined): BoxNode[] {
  const places = layoutOf(
    map.nodes.map(({ id }) => id),
    map.edges,
  );
  return map.nodes.map((node) => ({
    id: node.id,
    type: 'box',
    position: places.get(node.id) ?? { x: 0, y: 0 },
    data: { node, isFocused: node.id === focused },
    width: NODE_WIDTH,
    height: NODE_HEIGHT,
    ariaLabel: `${node.name}, ${node.system ?? node.kind}: ${format(node.calls_per_second, 'per_second')}, ${format(node.error_share, 'share')} errors`,
  })) satisfies Node[];
}

function edgesOf({ nodes, edges }: ServiceMap): Edge[] {
  const most = edges.reduce((highest, edge) => Math.max(highest, edge.calls), 1);
  const hasLabels = edges.length <= LABELS_MAX;
  const names = new Map(nodes.map(({ id, name }) => [id, name]));
  return edges.map((edge) => {
    const isFailing = isWrong(edge.error_share);
    const colour = isFailing ? 'var(--error)' : 'var(--line-strong)';
    return {
      id: idOf(edge),
      source: edge.source,
      target: edge.target,
      label: hasLabels ? labelOf(edge, isFailing) : undefined,
      labelShowBg: true,
      labelBgPadding: [4, 2],
      labelBgBorderRadius: 3,
      labelStyle: { fill: isFailing ? 'var(--error)' : 'var(--text-2)', fontSize: 11 },
      labelBgStyle: { fill: 'var(--surface)' },
      style: { stroke: colour, strokeWidth: edgeWidth(edge.calls, most) },
      markerEnd: { type: MarkerType.ArrowClosed, color: colour, width: 14, height: 14, markerUnits: 'userSpaceOnUse' },
      ariaLabel: `${names.get(edge.source) ?? edge.source} calls ${names.get(edge.target) ?? edge.target}: ${labelOf(edge, true)}`,
    };
  });
}

function labelOf(edge: MapEdge, withErrors: boolean): string {
  const told = [format(edge.calls_per_second, 'per_second'), format(edge.latency.p95_ms, 'ms')];
  return (withErrors ? [...told, `${format(edge.error_share, 'share')} errors`] : told).join(' · ');
}

function idOf({ source, target }: MapEdge): string {
  return `${source} > ${target}`;
}
