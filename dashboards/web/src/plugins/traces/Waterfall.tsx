// Spans below each other, each as long as it took. Only rows in sight are in the page; arrows walk and fold the tree.

import { useEffect, useEffectEvent, useMemo, useRef } from 'react';
import { Button } from '../../components/Button';
import { useRowWindow } from '../../components/rowWindow';
import { format } from '../../format/number';
import { Minimap } from './Minimap';
import { SpanRow, WATERFALL_ROW } from './SpanRow';
import type { ViewProps } from './TracePage';
import type { Part } from './traceSearch';
import { failedAfter, rowOf, stepsByNode, ticksBetween } from './tree';
import { useTree } from './useTree';
import { useViewHeight } from './useViewHeight';
import css from './Waterfall.module.css';

const HEAD = 32;
const TICKS = 5;
const ROWS_MIN = 6;

interface WaterfallProps extends ViewProps {
  part: Part | undefined;
  onZoom: (part: Part | undefined) => void;
}

export function Waterfall({ trace, nodes, colours, selected, onSelect, part, onZoom }: WaterfallProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const tree = useTree(nodes, selected, onSelect);
  const { rows, folded, active } = tree;
  const height = Math.min(useViewHeight(), HEAD + Math.max(ROWS_MIN, rows.length) * WATERFALL_ROW + 2);
  const seen = useRowWindow(scroller, rows.length, height, WATERFALL_ROW);
  const show = (node: number) => {
    const row = rowOf(rows, node);
    if (row >= 0) seen.show(row);
  };
  const focus = (node: number) => {
    show(node);
    requestAnimationFrame(() => {
      scroller.current?.querySelector<HTMLElement>(`[data-node="${node}"]`)?.focus({ preventScroll: true });
    });
  };
  const showSelected = useEffectEvent(() => {
    if (selected !== undefined) show(selected);
  });
  useEffect(() => {
    showSelected();
  }, [selected]);
  const steps = useMemo(() => stepsByNode(trace.critical_path.steps), [trace.critical_path]);
  const drawn = useMemo(() => part ?? { start: 0, end: Math.max(1, trace.duration_ns) }, [part, trace.duration_ns]);

  const nextFailed = useMemo(() => failedAfter(nodes, active), [nodes, active]);

  return (
    <div>
      <div className={css.tools}>
        <span className={css.legend}>
          <i /> critical path
        </span>
        <span className={css.space} />
        {nextFailed !== undefined && <Button kind="quiet" onPress={() => { tree.select(nextFailed); }}>Next failed span</Button>}
        {selected !== undefined && <Button kind="quiet" onPress={() => { onZoom(partAround(nodes[selected])); }}>Zoom to span</Button>}
        {part !== undefined && <Button kind="quiet" onPress={() => { onZoom(undefined); }}>Whole trace</Button>}
        <Button kind="quiet" onPress={tree.foldAll}>Collapse</Button>
        <Button kind="quiet" isDisabled={folded.size === 0} onPress={tree.unfoldAll}>Expand all</Button>
      </div>
      <Minimap trace={trace} nodes={nodes} colours={colours} part={part} onZoom={onZoom} />
      <div
        ref={scroller}
        className={css.scroller}
        style={{ height }}
        onScroll={seen.onScroll}
        onKeyDown={(event) => {
          tree.onKeyDown(event, focus);
        }}
        role="treegrid"
        aria-label="Spans"
        aria-rowcount={rows.length + 1}
        tabIndex={-1}
      >
        <Head drawn={drawn} />
        <div role="rowgroup" className={css.rows} style={{ height: seen.height }}>
          {rows.slice(seen.first, seen.last).map((place, at) => {
            const node = nodes[place];
            if (node === undefined) return null;
            return (
              <SpanRow
                key={place}
                node={node}
                row={seen.first + at}
                top={seen.offset + at * WATERFALL_ROW}
                colour={colours.get(node.service ?? '') ?? '--series-8'}
                drawn={drawn}
                steps={steps.get(place)}
                isFolded={folded.has(place)}
                isSelected={place === active}
                isTabStop={place === (active ?? rows[0])}
                onFold={tree.fold}
                onSelect={tree.select}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

function Head({ drawn }: { drawn: Part }) {
  return (
    <div role="row" aria-rowindex={1} className={css.head}>
      <span role="columnheader" className={css.headName}>
        Span
      </span>
      <span role="columnheader" className={css.axis} aria-label="Time after the start of the trace">
        {ticksBetween(drawn.start, drawn.end, TICKS).map((tick) => (
          <span key={tick} style={{ left: `${(100 * (tick - drawn.start)) / (drawn.end - drawn.start)}%` }}>
            {format(tick, 'ns')}
          </span>
        ))}
      </span>
    </div>
  );
}

/** Some room around the span, so that what is before and after it is seen as well. */
function partAround(node: { start_ns: number; duration_ns: number } | undefined): Part | undefined {
  if (node === undefined) return undefined;
  const around = Math.max(10, node.duration_ns * 0.05);
  return { start: Math.max(0, node.start_ns - around), end: node.start_ns + node.duration_ns + around };
}
