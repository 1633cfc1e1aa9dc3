// Which rows of a table are in sight. All are equally high, so this is arithmetic, with a million of them too.

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
export function rowWindow(count: number, top: number, view: number): RowWindow {
  const full = count * ROW_HEIGHT;
  const height = Math.min(full, HEIGHT_MAX);
  const scale = height > view ? (full - view) / (height - view) : 1;
  // Of a table that has just become shorter, until its scroll bar follows.
  const reached = Math.max(0, Math.min(top, height - view));
  const place = reached * scale;
  const first = Math.max(0, Math.floor(place / ROW_HEIGHT) - ROWS_BEYOND);
  const last = Math.min(count, Math.ceil((place + view) / ROW_HEIGHT) + ROWS_BEYOND);
  return { first, last, offset: reached - place + first * ROW_HEIGHT, height };
}

/** How far down one has to be for row `index` to be in sight; `top` where it is already. */
export function topFor(index: number, count: number, top: number, view: number): number {
  const full = count * ROW_HEIGHT;
  const height = Math.min(full, HEIGHT_MAX);
  const scale = height > view ? (full - view) / (height - view) : 1;
  const place = top * scale;
  if (index * ROW_HEIGHT < place) return (index * ROW_HEIGHT) / scale;
  if ((index + 1) * ROW_HEIGHT > place + view) return ((index + 1) * ROW_HEIGHT - view) / scale;
  return top;
}

/** Without a `height` all rows are drawn. */
export function useRowWindow(scroller: RefObject<HTMLDivElement | null>, count: number, height: number | undefined) {
  const [top, setTop] = useState(0);
  const view = height === undefined ? 0 : Math.max(0, height - ROW_HEIGHT);
  const all = { first: 0, last: count, offset: 0, height: count * ROW_HEIGHT };
  return {
    ...(height === undefined ? all : rowWindow(count, top, view)),
    onScroll: () => {
      setTop(scroller.current?.scrollTop ?? 0);
    },
    show: (index: number) => {
      const element = scroller.current;
      if (element === null || height === undefined) return;
      element.scrollTo({ top: topFor(index, count, element.scrollTop, view) });
      setTop(element.scrollTop);
    },
  };
}
