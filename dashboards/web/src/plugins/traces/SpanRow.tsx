// A row of the waterfall: the span in the tree, and when it ran.

import { memo } from 'react';
import type { PathStep, TraceNode } from '../../api/schema';
import { Icon } from '../../components/Icon';
import { format } from '../../format/number';
import type { Part } from './traceSearch';
import css from './Waterfall.module.css';

export const WATERFALL_ROW = 26;
const INDENT = 14;
/** Deeper spans stand no further to the right. */
const DEPTH_MAX = 16;
/** From here on the duration stands before the bar, in percent. */
const LABEL_TURNS = 80;
/** Before a bar that begins earlier, in percent, there is no room for it on a narrow screen: it stands inside. */
const LABEL_ROOM = 35;

interface SpanRowProps {
  node: TraceNode;
  row: number;
  top: number;
  colour: string;
  drawn: Part;
  /** When it is what the root waits for. */
  steps: readonly PathStep[] | undefined;
  isFolded: boolean;
  isSelected: boolean;
  isTabStop: boolean;
  onFold: (node: number, isFolded: boolean) => void;
  onSelect: (node: number) => void;
}

export const SpanRow = memo(function SpanRow({ node, row, top, colour, drawn, steps, isFolded, isSelected, isTabStop, onFold, onSelect }: SpanRowProps) {
  const isError = node.status_code === 'error';
  return (
    // The keyboard is listened to by the tree around.
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events
    <div
      role="row"
      aria-rowindex={row + 2}
      aria-level={node.depth + 1}
      aria-expanded={node.children > 0 ? !isFolded : undefined}
      aria-selected={isSelected}
      data-node={node.index}
      tabIndex={isTabStop ? 0 : -1}
      className={css.row}
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => {
        onSelect(node.index);
      }}
    >
      <span role="gridcell" className={css.name} style={{ paddingLeft: 8 + Math.min(node.depth, DEPTH_MAX) * INDENT }}>
        {node.children > 0 ? (
          <button
            type="button"
            className={css.fold}
            tabIndex={-1}
            aria-label={isFolded ? 'Expand' : 'Collapse'}
            onClick={(event) => {
              event.stopPropagation();
              onFold(node.index, !isFolded);
            }}
          >
            <Icon name={isFolded ? 'right' : 'down'} />
          </button>
        ) : (
          <span className={css.leaf} />
        )}
        <i className={css.dot} style={{ background: `var(${colour})` }} />
        <span className={css.operation} data-error={isError}>
          {node.name}
        </span>
        {isError && <span className={css.error}>error</span>}
        <span className={css.serviceOf}>{node.service}</span>
        {isFolded && <span className={css.count}>{`+${node.descendants}`}</span>}
      </span>
      <span role="gridcell" className={css.time} aria-label={`${format(node.duration_ns, 'ns')}, starts after ${format(node.start_ns, 'ns')}`}>
        <Bar node={node} drawn={drawn} colour={colour} isError={isError} />
        {steps?.map((step) => (
          <span key={step.start_ns} className={css.step} style={placed(step, drawn)} />
        ))}
      </span>
    </div>
  );
});

function Bar({ node, drawn, colour, isError }: { node: TraceNode; drawn: Part; colour: string; isError: boolean }) {
  const length = drawn.end - drawn.start;
  const left = (100 * (node.start_ns - drawn.start)) / length;
  const right = (100 * (node.start_ns + node.duration_ns - drawn.start)) / length;
  const isTurned = right > LABEL_TURNS;
  // A bar that begins before what is drawn and ends after it has its duration inside.
  const label = isTurned ? { right: `${100 - Math.max(left, 0)}%` } : { left: `${Math.max(right, 0)}%` };
  const isInside = isTurned && left < LABEL_ROOM;
  return (
    <>
      <span className={css.bar} data-error={isError} style={{ ...placed(node, drawn), background: `var(${colour})` }} />
      {right >= 0 && left <= 100 && (
        <span className={css.duration} data-inside={isInside} style={isInside ? { right: `${Math.max(0, 100 - right)}%` } : label}>
          {format(node.duration_ns, 'ns')}
        </span>
      )}
    </>
  );
}

function placed({ start_ns, duration_ns }: { start_ns: number; duration_ns: number }, { start, end }: Part): React.CSSProperties {
  return { left: `${(100 * (start_ns - start)) / (end - start)}%`, width: `max(2px, ${(100 * duration_ns) / (end - start)}%)` };
}
