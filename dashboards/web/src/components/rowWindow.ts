// Which rows of a table are in sight. All of one are equally high, so this is arithmetic, with a million of them too.

import { useState, type RefObject } from 'react';

export const ROW_HEIGHT = 32;
/** Browsers know no higher elements than some ten million pixels. Beyond, a pixel of the scroll bar is more than one of rows. */
const HEIGHT_MAX = 10_000_000;
const ROWS_BEYOND = 8;

export interface RowWindow {
  /** Rows to draw: from `first` to before `last`. */
  first: number;
  last: number;
  /** Where the first of them stands, in pixels from the top of all. */
  offset: number;
  /** Of all rows, as the scroll bar sees them. */
  height: number;
}

/** The window of `count` rows that is seen `top` pixels down in a place of `view` pixels. */
export function rowWindow(count: number, top: number, view: number, rowHeight = ROW_HEIGHT): RowWindow {
  const full = count * rowHeight;
  const height = Math.min(full, HEIGHT_MAX);
  const scale = height > view ? (full - view) / (height - view) : 1;
  // Of a table that has just become shorter, until its scroll bar follows.
  const reached = Math.max(0, Math.min(top, height - view));
  const place = reached * scale;
  const first = Math.max(0, Math.floor(place / rowHeight) - ROWS_BEYOND);
  const last = Math.min(count, Math.ceil((place + view) / rowHeight) + ROWS_BEYOND);
  return { first, last, offset: reached - place + first * rowHeight, height };
}

/** How far down one has to be for row `index` to be in sight; `top` where it is already. */
export function topFor(index: number, count: number, top: number, view: number, rowHeight = ROW_HEIGHT): number {
  const full = count * rowHeight;
  const height = Math.min(full, HEIGHT_MAX);
  const scale = height > view ? (full - view) / (height - view) : 1;
  const place = top * scale;
  if (index * rowHeight < place) return (index * rowHeight) / scale;
  if ((index + 1) * rowHeight > place + view) return ((index + 1) * rowHeight - view) / scale;
  return top;
}

/** Without a `height` all rows are drawn. Above them is a head of `ROW_HEIGHT`. */
export function useRowWindow(scroller: RefObject<HTMLDivElement | null>, count: number, height: number | undefined, rowHeight = ROW_HEIGHT) {
  const [top, setTop] = useState(0);
  const view = height === undefined ? 0 : Math.max(0, height - ROW_HEIGHT);
  const all = { first: 0, last: count, offset: 0, height: count * rowHeight };
  return {
    ...(height === undefined ? all : rowWindow(count, top, view, rowHeight)),
    onScroll: () => {
      setTop(scroller.current?.scrollTop ?? 0);
    },
    show: (index: number) => {
      const element = scroller.current;
      if (element === null || height === undefined) return;
      element.scrollTo({ top: topFor(index, count, element.scrollTop, view, rowHeight) });
      setTop(element.scrollTop);
    },
  };
}
