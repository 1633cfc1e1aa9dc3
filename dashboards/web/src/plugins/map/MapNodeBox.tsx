// One node of the map: what it is, and how it does.

import { Handle, Position, type Node, type NodeProps } from '@xyflow/react';
import type { MapNode } from '../../api/schema';
import { format } from '../../format/number';
import { isWrong } from '../apm/measures';
import { KindSign } from './KindSign';
import css from './map.module.css';
import { titleOf } from './titleOf';

export type BoxNode = Node<{ node: MapNode; isFocused: boolean }, 'box'>;

export function MapNodeBox({ data: { node, isFocused } }: NodeProps<BoxNode>) {
  const isFailing = isWrong(node.error_share);
  return (
    <div className={css.box} data-kind={node.kind} data-failing={isFailing} data-focused={isFocused} title={titleOf(node)}>
      <Handle type="target" position={Position.Top} className={css.handle ?? ''} isConnectable={false} />
      <span className={css.boxName}>
        <KindSign kind={node.kind} />
        <span>{titleOf(node)}</span>
      </span>
      <span className={css.boxNumbers}>
        {node.kind !== 'service' && <span>{node.system ?? node.kind}</span>}
        <span>{format(node.calls_per_second, 'per_second')}</span>
        {isFailing && <span className={css.wrong}>{format(node.error_share, 'share')}</span>}
        {!isFailing && node.kind === 'service' && <span>{format(node.latency.p95_ms, 'ms')}</span>}
      </span>
      <Handle type="source" position={Position.Bottom} className={css.handle ?? ''} isConnectable={false} />
    </div>
  );
}
