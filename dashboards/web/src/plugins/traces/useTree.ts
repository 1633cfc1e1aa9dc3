// Which rows of a trace are unfolded and which one the keyboard is at.

import { useEffect, useEffectEvent, useMemo, useState, type KeyboardEvent } from 'react';
import type { TraceNode } from '../../api/schema';
import { foldedFrom, rowOf, unfoldedTo, visibleRows } from './tree';

/** Until the address follows: whoever holds an arrow key down would change it more often than browsers allow. */
const SETTLE_MS = 180;
const PAGE = 15;

/** `selected` is the span of the address. */
export function useTree(nodes: readonly TraceNode[], selected: number | undefined, onSelect: (node: number) => void) {
  const [folded, setFolded] = useState<ReadonlySet<number>>(new Set<number>());
  const [walked, setWalked] = useState<number | undefined>();
  const [followed, setFollowed] = useState<number | undefined>();
  if (followed !== selected) {
    setFollowed(selected);
    setWalked(undefined);
    if (selected !== undefined) setFolded(unfoldedTo(nodes, folded, selected));
  }
  const rows = useMemo(() => visibleRows(nodes, folded), [nodes, folded]);
  const settle = useEffectEvent((node: number) => {
    onSelect(node);
  });
  useEffect(() => {
    if (walked === undefined) return undefined;
    const timer = window.setTimeout(() => {
      settle(walked);
    }, SETTLE_MS);
    return () => {
      window.clearTimeout(timer);
    };
  }, [walked]);

  const active = walked ?? selected;
  const fold = (node: number, isFolded: boolean) => {
    const next = new Set(folded);
    if (isFolded) next.add(node);
    else next.delete(node);
    setFolded(next);
  };
  const select = (node: number) => {
    setWalked(undefined);
    onSelect(node);
  };
  /** `focus` brings the row of a span into sight and gives it the keyboard. */
  const onKeyDown = (event: KeyboardEvent, focus: (node: number) => void) => {
    const walkTo = (to: number | null | undefined) => {
      if (to == null) return;
      setWalked(to);
      focus(to);
    };
    const at = active ?? rows[0] ?? 0;
    const node = nodes[at];
    if (node === undefined) return;
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: PAGE, PageUp: -PAGE, Home: -rows.length, End: rows.length }[event.key];
    const isOpen = node.children > 0 && !folded.has(at);
    if (step !== undefined) walkTo(rows[Math.min(rows.length - 1, Math.max(0, rowOf(rows, at) + step))]);
    else if (event.key === 'ArrowLeft' && isOpen) fold(at, true);
    else if (event.key === 'ArrowLeft') walkTo(node.parent);
    else if (event.key === 'ArrowRight' && isOpen) walkTo(at + 1);
    else if (event.key === 'ArrowRight') fold(at, false);
    else if (event.key === 'Enter') select(at);
    else return;
    event.preventDefault();
  };
  return {
    rows,
    folded,
    active,
    fold,
    foldAll: () => {
      setFolded(foldedFrom(nodes, 1));
    },
    unfoldAll: () => {
      setFolded(new Set());
    },
    select,
    onKeyDown,
  };
}
