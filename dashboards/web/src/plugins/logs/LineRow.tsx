// One log line: how bad, when, who, what. A click opens what else it says.

import { memo, type KeyboardEvent, type ReactNode, type RefCallback } from 'react';
import type { LogLine } from '../../api/schema';
import { Icon } from '../../components/Icon';
import type { Clock } from '../../format/time';
import css from './lines.module.css';
import { Severity } from './severity';

interface LineRowProps {
  id: string;
  line: LogLine;
  index: number;
  clock: Clock;
  isWrapped: boolean;
  isActive: boolean;
  onActive: (index: number) => void;
  /** As a `ref`. */
  measure: RefCallback<HTMLElement>;
  onToggle: () => void;
  /** What stands below the line while it is open. */
  details: ReactNode;
}

export function LineRow({ id, line, index, clock, isWrapped, isActive, onActive, measure, onToggle, details }: LineRowProps) {
  const isOpen = details !== undefined;
  const onClick = () => {
    // Who marks a part of the line wants to copy it.
    if (window.getSelection()?.isCollapsed !== false) onToggle();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && event.target === event.currentTarget) onToggle();
  };
  return (
    <div
      ref={measure}
      role="row"
      aria-rowindex={index + 1}
      aria-selected={isOpen}
      data-index={index}
      data-key={id}
      data-open={isOpen}
      tabIndex={isActive ? 0 : -1}
      className={css.row}
      onKeyDown={onKeyDown}
      onFocus={() => {
        onActive(index);
      }}
    >
      {/* The row takes the keys. */}
      {/* eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-static-element-interactions */}
      <div onClick={onClick}>
        <LineHead line={line} clock={clock} isWrapped={isWrapped} isOpen={isOpen} />
      </div>
      {isOpen && (
        <div role="gridcell" className={css.details}>
          {details}
        </div>
      )}
    </div>
  );
}

interface LineHeadProps {
  line: LogLine;
  clock: Clock;
  isWrapped: boolean;
  isOpen?: boolean;
}

/** Drawn again only when the line is another: lists have many. */
export const LineHead = memo(function LineHead({ line, clock, isWrapped, isOpen }: LineHeadProps) {
  return (
    <div className={css.head} data-severity={line.severity ?? 'none'} data-wrap={isWrapped}>
      <span className={css.mark}>{isOpen !== undefined && <Icon name={isOpen ? 'down' : 'right'} />}</span>
      <span role="gridcell" className={css.time} title={line.time}>
        <time dateTime={line.time}>{clock.precise(line.time)}</time>
      </span>
      <span role="gridcell" className={css.level}>
        <Severity severity={line.severity} />
      </span>
      <span role="gridcell" className={css.service} title={line.service ?? undefined}>
        {line.service ?? '–'}
      </span>
      <span role="gridcell" className={css.body}>
        {line.body ?? line.event_name ?? '–'}
      </span>
    </div>
  );
});
