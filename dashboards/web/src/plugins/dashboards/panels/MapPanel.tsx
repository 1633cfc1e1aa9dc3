// Who calls whom. The thicker a line, the more calls; the redder, the more of them fail.

import { Link } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import type { Panel, PanelAnswer } from '../../../api/schema';
import { Empty } from '../../../components/states';
import { format } from '../../../format/number';
import { columnOf } from '../../../rows/columnOf';
import { isNumeric, numberOf, textOf } from '../../../rows/rows';
import css from '../dashboards.module.css';
import { PanelHead } from '../PanelHead';
import { layoutOf, type Call, type PlacedNode } from './mapLayout';
import type { DrawnPanel } from './series';

const HEAD_HEIGHT = 34;
const NODE = { width: 118, height: 26, gapX: 42, gapY: 14 };
const WRONG_SHARE = 0.01;
/** Who calls and is not known. */
const OUTSIDE = '(outside)';

export function MapPanel({ panel, answer, height, actions }: DrawnPanel) {
  const [lit, setLit] = useState<string>();
  const calls = useMemo(() => callsOf(panel, answer), [panel, answer]);
  const layout = useMemo(() => layoutOf(calls), [calls]);
  const nodes = useMemo(() => new Map(layout.nodes.map((node) => [node.name, node])), [layout]);
  const width = layout.layers * (NODE.width + NODE.gapX) - NODE.gapX + 8;
  const tall = Math.max(layout.rows * (NODE.height + NODE.gapY) + 4, 60);
  const inLayer = (layer: number) => layout.nodes.filter((node) => node.layer === layer).length;
  const at = ({ layer, row }: PlacedNode) => ({ x: 4 + layer * (NODE.width + NODE.gapX), y: ((row + 0.5) * tall) / inLayer(layer) - NODE.height / 2 });
  const most = Math.max(1, ...calls.map((call) => call.calls));
  return (
    <>
      <PanelHead panel={panel} actions={actions} />
      {calls.length === 0 ? (
        <Empty title="Nobody called anybody in this range" />
      ) : (
        <div className={css.map} style={{ height: height - HEAD_HEIGHT }}>
          <svg viewBox={`0 0 ${width} ${tall}`} style={{ minWidth: width * 0.65 }} role="group" aria-label={panel.title}>
            {calls.map((call) => {
              const [source, target] = [nodes.get(call.source), nodes.get(call.target)];
              if (source === undefined || target === undefined) return null;
              const isDim = lit !== undefined && lit !== call.source && lit !== call.target;
              const isWrong = (call.errorShare ?? 0) >= WRONG_SHARE;
              return (
                <path key={`${call.source} ${call.target} ${call.kind}`} d={lineOf(at(source), at(target))} className={css.call} data-dim={isDim} data-wrong={isWrong} strokeWidth={1 + 3 * (Math.log1p(call.calls) / Math.log1p(most))}>
                  <title>{call.note}</title>
                </path>
              );
            })}
            {layout.nodes.map((node) => (
              <Node key={node.name} node={node} {...at(node)} onLight={setLit} />
            ))}
          </svg>
        </div>
      )}
    </>
  );
}

function Node({ node, x, y, onLight }: { node: PlacedNode; x: number; y: number; onLight: (name: string | undefined) => void }) {
  const isService = node.kind === 'service' && node.name !== OUTSIDE;
  const content = (
    <>
      <title>{`${node.name} (${node.kind})`}</title>
      <rect width={NODE.width} height={NODE.height} rx={isService ? 6 : 13} />
      <text x={NODE.width / 2} y={NODE.height / 2} dominantBaseline="central" textAnchor="middle">
        {node.name.length > 17 ? `${node.name.slice(0, 16)}…` : node.name}
      </text>
    </>
  );
  const light = { onMouseEnter: () => { onLight(node.name); }, onMouseLeave: () => { onLight(undefined); }, onFocus: () => { onLight(node.name); }, onBlur: () => { onLight(undefined); } };
  return (
    <g transform={`translate(${x} ${y})`} className={css.node} data-kind={isService ? 'service' : 'other'} {...light}>
      {isService ? (
        <Link to="/services/$name" params={{ name: node.name }}>
          {content}
        </Link>
      ) : (
        content
      )}
    </g>
  );
}

interface Point {
  x: number;
  y: number;
}

/** From the right of one to the left of the other; back over the top where it leads back. */
function lineOf(from: Point, to: Point): string {
  const [x1, y1, x2, y2] = [from.x + NODE.width, from.y + NODE.height / 2, to.x, to.y + NODE.height / 2];
  const bend = x2 > x1 ? (x2 - x1) / 2 : 60;
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

/** The numbers beside `source` and `target` tell of the call; `calls` (or the first) how thick it is, `errors` how red. */
function callsOf(panel: Panel, { columns, rows }: PanelAnswer): Call[] {
  const place = (name: string) => columns.findIndex((column) => column.name === name);
  const numbers = columns.flatMap((column, at) => (isNumeric(column) ? [at] : []));
  const [source, target, kind, errors] = [place('source'), place('target'), place('target_kind'), place('errors')];
  const calls = place('calls') >= 0 ? place('calls') : (numbers[0] ?? -1);
  return rows.flatMap((row) => {
    if (row[target] === null || row[target] === undefined) return [];
    const names = [row[source] === null ? OUTSIDE : textOf(row[source]), textOf(row[target])] as const;
    const amount = numberOf(row[calls]) ?? 0;
    const failed = numberOf(row[errors]);
    const told = numbers.map((at) => {
      const { name, unit } = columnOf(columns[at] ?? { name: '' }, panel.unit);
      return `${name}: ${format(numberOf(row[at]), unit)}`;
    });
    return [{ source: names[0], target: names[1], kind: row[kind] == null ? 'service' : textOf(row[kind]), calls: amount, errorShare: failed === null || amount === 0 ? null : failed / amount, note: [`${names[0]} → ${names[1]}`, ...told].join('\n') }];
  });
}
