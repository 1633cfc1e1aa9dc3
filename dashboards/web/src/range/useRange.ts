// The range of time of this page, which is in its address.

import { keepPreviousData } from '@tanstack/react-query';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import { rangeBetween, USUAL_RANGE, widened, type Range } from './range';

/** However often an address wants it. */
const REFRESH_SECONDS_MIN = 1;

const app = getRouteApi('/app');

export interface RangeOfPage extends Range {
  /** Seconds between two looks at the server; undefined when it is asked once. */
  refresh: number | undefined;
  /** `from` and `to` for the parameters of a request. */
  query: Range;
  /** Options for queries: keeps the last answer in sight while the next is awaited, and asks again when the page is live. */
  live: { refetchInterval: number | false; placeholderData: typeof keepPreviousData };
  setRange: (range: Range) => void;
  setRefresh: (seconds: number | undefined) => void;
  /** To what a drag over a chart says, in milliseconds since 1970. */
  zoom: (fromMs: number, toMs: number) => void;
  zoomOut: () => void;
}

export function useRange(): RangeOfPage {
  const { from = USUAL_RANGE.from, to = USUAL_RANGE.to, refresh } = app.useSearch();
  const navigate = useNavigate();
  return useMemo(() => {
    const query = { from, to };
    const setRange = (range: Range) => {
      void navigate({ to: '.', search: (search) => ({ ...search, ...range }) });
    };
    const setRefresh = (seconds: number | undefined) => {
      void navigate({ to: '.', search: (search) => ({ ...search, refresh: seconds }), replace: true });
    };
    return {
      ...query,
      query,
      refresh,
      live: { refetchInterval: refresh === undefined ? false : Math.max(refresh, REFRESH_SECONDS_MIN) * 1000, placeholderData: keepPreviousData },
      setRange,
      setRefresh,
      zoom: (fromMs: number, toMs: number) => {
        setRange(rangeBetween(fromMs, toMs));
      },
      zoomOut: () => {
        setRange(widened(query));
      },
    };
  }, [from, to, refresh, navigate]);
}
