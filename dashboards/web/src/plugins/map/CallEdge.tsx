// One edge of the map, along the line that the layout found for it.

import { BaseEdge, type Edge, type EdgeProps } from '@xyflow/react';
import { curve, type Line } from './layout';

export type LineEdge = Edge<{ line: Line }, 'line'>;

export function CallEdge({ id, data, label, labelStyle, labelShowBg, labelBgStyle, labelBgPadding, labelBgBorderRadius, style, markerEnd }: EdgeProps<LineEdge>) {
  if (data === undefined) return null;
  const { points, label: place } = data.line;
  return (
    <BaseEdge
      id={id}
      path={curve(points)}
      labelX={place.x}
      labelY={place.y}
      label={label}
      labelStyle={labelStyle}
      labelShowBg={labelShowBg}
      labelBgStyle={labelBgStyle}
      labelBgPadding={labelBgPadding}
      labelBgBorderRadius={labelBgBorderRadius}
      style={style}
      markerEnd={markerEnd}
    />
  );
}
