// The lines that are looked for, page after page, as far as somebody scrolls.

import { useCallback, useMemo } from 'react';
import { Link } from '@tanstack/react-router';
import { queries } from '../../api/client';
import { Answer, Empty, Failed } from '../../components/states';
import { Toggle } from '../../components/Toggle';
import { exact } from '../../format/number';
import { useRange } from '../../range/useRange';
import { LineDetails } from './LineDetails';
import { LineList } from './LineList';
import { keyed } from './lines';
import css from './logs.module.css';
import { isFiltered, wantedOf, type LogSearch } from './search';

const PAGE_LINES = 200;
/** Who wants more is better served by a shorter range. */
const LINES_MAX = 20_000;
const HEIGHT = 420;

export interface LogViewProps {
  search: LogSearch;
  onChange: (changes: LogSearch, replace?: boolean) => void;
  onFilter: (name: string, value: string) => void;
  onCount: (name: string) => void;
}

export function LinesView({ search, onChange, onFilter, onCount }: LogViewProps) {
  const { query: range, refresh, live } = useRange();
  const pages = queries.useInfiniteQuery(
    'get',
    '/api/v1/apm/logs',
    { params: { query: { ...range, ...wantedOf(search), sort: search.sort ?? 'newest', limit: PAGE_LINES } } },
    {
      pageParamName: 'after',
      // Without a value the client would send a page number.
      initialPageParam: null as string | null,
      getNextPageParam: (page) => page.next,
      placeholderData: live.placeholderData,
      // Who has scrolled down reads: all pages would be asked for again.
      refetchInterval: (query) => (refresh !== undefined && (query.state.data?.pages.length ?? 0) <= 1 ? refresh * 1000 : false),
    },
  );
  const lines = useMemo(() => keyed(pages.data?.pages.flatMap((page) => page.logs) ?? []), [pages.data]);
  const { hasNextPage, isFetching, fetchNextPage, isFetchNextPageError } = pages;
  const mayGoOn = hasNextPage && !isFetching && !isFetchNextPageError && lines.length < LINES_MAX;
  const goOn = useCallback(() => {
    if (mayGoOn) void fetchNextPage();
  }, [mayGoOn, fetchNextPage]);
  const { line: open, context, sort, wrap } = search;
  const first = { data: pages.data?.pages[0], error: isFetchNextPageError ? null : pages.error, isFetching, isEnabled: pages.isEnabled, isPlaceholderData: pages.isPlaceholderData, refetch: pages.refetch };
  return (
    <>
      <div className={css.bar}>
        <span className={css.told} role="status">
          {lines.length === 0 ? '' : `${exact(lines.length)}${hasNextPage ? ' loaded, more below' : lines.length === 1 ? ' line' : ' lines'}`}
        </span>
        <Toggle isOn={sort === 'oldest'} onToggle={(isOn) => { onChange({ sort: isOn ? 'oldest' : undefined }); }}>
          Oldest first
        </Toggle>
        <Toggle isOn={wrap === true} onToggle={(isOn) => { onChange({ wrap: isOn ? true : undefined }, true); }}>
          Wrap
        </Toggle>
      </div>
      <Answer query={first} height={HEIGHT} isEmpty={() => lines.length === 0} empty={<NoLines isFiltered={isFiltered(search)} />}>
        {() => (
          <LineList
            label="Log lines"
            lines={lines}
            isWrapped={wrap === true}
            open={open}
            onOpen={(key) => { onChange({ line: key, context: undefined }, true); }}
            onNearEnd={goOn}
            detailsOf={(line) => (
              <LineDetails line={line} onFilter={onFilter} onCount={onCount} context={context} onContext={(count) => { onChange({ context: count }, true); }} />
            )}
          >
            {isFetchNextPageError && <Failed error={pages.error} onRetry={() => void fetchNextPage()} />}
            <p className={css.end}>{endOf(lines.length, hasNextPage)}</p>
          </LineList>
        )}
      </Answer>
    </>
  );
}

function endOf(count: number, hasMore: boolean): string {
  if (!hasMore) return 'That is all in this range.';
  return count >= LINES_MAX ? `These are ${exact(count)} lines. For more, choose a shorter range or a filter.` : 'More lines are on their way…';
}

function NoLines({ isFiltered }: { isFiltered: boolean }) {
  if (!isFiltered) {
    return (
      <Empty title="No log records in this range" height={HEIGHT}>
        Choose a longer range, or <Link to="/start">send telemetry</Link>.
      </Empty>
    );
  }
  return (
    <Empty title="No line is like that" height={HEIGHT}>
      Words match whole words. Choose a longer range, or <Link to="/logs">take all filters away</Link>.
    </Empty>
  );
}
