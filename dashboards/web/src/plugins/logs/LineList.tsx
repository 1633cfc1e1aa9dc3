// Log lines of any number: only those in sight are in the page. Walked by the arrow keys, opened by Enter.

import { useEffect, useLayoutEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import type { LogLine } from '../../api/schema';
import { useClock } from '../../format/time';
import css from './lines.module.css';
import type { KeyedLine } from './lines';
import { lineAt, lineWindow, tops } from './lineWindow';
import { LineRow } from './LineRow';

/** So near to the end, in pixels, one is at it. */
const END_REACH = 40;
/** So many lines before the end, further ones are asked for. */
const LINES_AHEAD = 40;

interface LineListProps {
  label: string;
  lines: readonly KeyedLine[];
  isWrapped: boolean;
  /** The key of the line that is open. */
  open: string | undefined;
  onOpen: (key: string | undefined) => void;
  detailsOf: (line: LogLine) => ReactNode;
  /** One is near the end, and there may be more. */
  onNearEnd?: () => void;
  /** Stays at the end while lines come there. */
  isFollowing?: boolean;
  /** Whether one is at the end, when that changes. */
  onAtEnd?: (isAtEnd: boolean) => void;
  /** Below the last line. */
  children?: ReactNode;
}

export function LineList({ label, lines, isWrapped, open, onOpen, detailsOf, onNearEnd, isFollowing = false, onAtEnd, children }: LineListProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 600 });
  const { heights, measure } = useHeights(isWrapped);
  const all = useMemo(() => tops(lines.map(({ key }) => key), heights), [lines, heights]);
  const total = all[lines.length] ?? 0;
  const { first, last } = lineWindow(all, view.top, view.height);
  const clock = useClock();
  const walk = useWalk(lines, all, scroller);

  const onScroll = () => {
    const element = scroller.current;
    if (element === null) return;
    setView({ top: element.scrollTop, height: element.clientHeight });
    onAtEnd?.(element.scrollHeight - element.scrollTop - element.clientHeight < END_REACH);
  };
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return undefined;
    const resize = new ResizeObserver(() => {
      setView({ top: element.scrollTop, height: element.clientHeight });
    });
    resize.observe(element);
    return () => {
      resize.disconnect();
    };
  }, []);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (isFollowing && element !== null) element.scrollTop = element.scrollHeight;
  }, [isFollowing, lines, total]);
  const isNearEnd = last >= lines.length - LINES_AHEAD;
  useEffect(() => {
    if (isNearEnd) onNearEnd?.();
  }, [isNearEnd, lines.length, onNearEnd]);

  return (
    <div ref={scroller} className={css.list} role="grid" aria-label={label} aria-rowcount={lines.length} tabIndex={-1} onScroll={onScroll} onKeyDown={walk.onKeyDown}>
      <div role="rowgroup" className={css.all} style={{ height: total }}>
        <div className={css.window} style={{ transform: `translateY(${all[first] ?? 0}px)` }}>
          {lines.slice(first, last).map(({ key, line }, at) => (
            <LineRow
              key={key}
              id={key}
              line={line}
              index={first + at}
              clock={clock}
              isWrapped={isWrapped}
              isActive={first + at === walk.active}
              onActive={walk.setActive}
              measure={measure}
              onToggle={() => {
                onOpen(open === key ? undefined : key);
              }}
              details={open === key ? detailsOf(line) : undefined}
            />
          ))}
        </div>
      </div>
      {children}
    </div>
  );
}

type Heights = ReadonlyMap<string, number>;

const NONE: Heights = new Map();

/** What lines were measured to be high. All are measured anew when they are wrapped otherwise. */
function useHeights(isWrapped: boolean) {
  const [measured, setMeasured] = useState<{ isWrapped: boolean; heights: Heights }>({ isWrapped, heights: NONE });
  const observer = useMemo(
    () =>
      new ResizeObserver((entries) => {
        setMeasured((before) => withMeasured(before, isWrapped, entries));
      }),
    [isWrapped],
  );
  useEffect(
    () => () => {
      observer.disconnect();
    },
    [observer],
  );
  const measure = useMemo(
    () => (element: HTMLElement | null) => {
      if (element === null) return undefined;
      observer.observe(element);
      return () => {
        observer.unobserve(element);
      };
    },
    [observer],
  );
  return { heights: measured.isWrapped === isWrapped ? measured.heights : NONE, measure };
}

function withMeasured(before: { isWrapped: boolean; heights: Heights }, isWrapped: boolean, entries: readonly ResizeObserverEntry[]) {
  const known = before.isWrapped === isWrapped ? before.heights : NONE;
  const changed = entries.flatMap(({ target, borderBoxSize }) => {
    const key = (target as HTMLElement).dataset.key ?? '';
    const height = borderBoxSize[0]?.blockSize ?? 0;
    return height === 0 || known.get(key) === height ? [] : [[key, height] as const];
  });
  return changed.length === 0 ? before : { isWrapped, heights: new Map([...known, ...changed]) };
}

/** Which line the arrow keys are at. */
function useWalk(lines: readonly KeyedLine[], all: Float64Array, scroller: React.RefObject<HTMLDivElement | null>) {
  const [active, setActive] = useState(0);
  const onKeyDown = (event: KeyboardEvent) => {
    const element = scroller.current;
    const isOwn = event.target instanceof HTMLElement && (event.target === element || event.target.getAttribute('role') === 'row');
    if (element === null || !isOwn || lines.length === 0) return;
    const page = Math.max(1, lineAt(all, element.scrollTop + element.clientHeight) - lineAt(all, element.scrollTop) - 1);
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -lines.length, End: lines.length };
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = Math.min(lines.length - 1, Math.max(0, active + step));
    setActive(next);
    const [top, end] = [all[next] ?? 0, all[next + 1] ?? 0];
    if (top < element.scrollTop) element.scrollTo({ top });
    else if (end > element.scrollTop + element.clientHeight) element.scrollTo({ top: end - element.clientHeight });
    requestAnimationFrame(() => {
      element.querySelector<HTMLElement>(`[data-index="${next}"]`)?.focus({ preventScroll: true });
    });
  };
  return { active: Math.min(active, Math.max(0, lines.length - 1)), setActive, onKeyDown };
}
