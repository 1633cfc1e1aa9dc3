// The traces that were found, page by page, in the order the server sorts them in.

import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { api } from '../../api/client';
import type { FoundTrace } from '../../api/schema';
import type { HeatMapArea } from '../../components/chart/HeatMap';
import { Badge } from '../../components/Badge';
import { Button } from '../../components/Button';
import { DataTable, type Column } from '../../components/DataTable';
import { Answer, Empty, Failed } from '../../components/states';
import { format } from '../../format/number';
import { useRange } from '../../range/useRange';
import { queryIn } from './areaQuery';
import { traceLink } from '../../shell/link';
import { serviceColours } from './serviceColours';
import { SORTS, type TracesSearch } from './spanSearch';
import type { Change } from './TracesPage';
import css from './traces.module.css';

const PAGE = 50;

interface FoundTracesProps {
  search: TracesSearch;
  area: HeatMapArea | undefined;
  onChange: Change;
}

export function FoundTraces({ search, area, onChange }: FoundTracesProps) {
  const { query: range, live } = useRange();
  const sort = search.sort ?? 'time';
  const query = { ...queryIn(range, search, area), sort, limit: PAGE };
  const pages = useInfiniteQuery({
    queryKey: ['traces', query],
    queryFn: async ({ pageParam, signal }) => (await api.GET('/api/v1/apm/traces', { params: { query: { ...query, after: pageParam } }, signal })).data,
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last?.next ?? undefined,
    refetchInterval: live.refetchInterval,
    placeholderData: keepPreviousData,
  });
  const rows = useMemo(() => pages.data?.pages.flatMap((page) => page?.traces ?? []), [pages.data]);
  const columns = useMemo(() => columnsOf(rows ?? []), [rows]);
  const empty = (
    <Empty title="No trace has a span like that" height={200}>
      Take a condition away above, or choose a longer range.
    </Empty>
  );
  return (
    <Answer query={{ ...pages, data: rows, error: pages.isFetchNextPageError ? null : pages.error }} height={400} isEmpty={(found) => found.length === 0} empty={empty}>
      {(found) => (
        <>
          <DataTable
            label="Traces"
            rows={found}
            columns={columns}
            keyOf={(trace) => trace.trace_id}
            linkOf={(trace) => traceLink(trace.trace_id)}
            sort={{ column: sort, isDescending: true }}
            onSort={({ column }) => {
              onChange({ sort: SORTS.find((each) => each === column) });
            }}
          />
          {pages.isFetchNextPageError && <Failed error={pages.error} />}
          <div className={css.more}>
            {pages.hasNextPage ? (
              <Button isPending={pages.isFetchingNextPage} onPress={() => void pages.fetchNextPage()}>
                {pages.isFetchingNextPage ? 'Loading…' : `${PAGE} more`}
              </Button>
            ) : (
              <span className={css.note}>{`${found.length === 1 ? 'This is the only one' : `These are all ${found.length}`}.`}</span>
            )}
          </div>
        </>
      )}
    </Answer>
  );
}

function columnsOf(rows: readonly FoundTrace[]): Column<FoundTrace>[] {
  const colours = serviceColours(rows.flatMap((trace) => trace.services));
  const longest = Math.max(1, ...rows.map((trace) => trace.matched.longest_ns));
  return [
    {
      id: 'name',
      name: 'Trace',
      value: (trace) => trace.root_operation,
      width: 'minmax(260px, 3fr)',
      isSortable: false,
      render: (trace) => (
        <>
          {trace.root_operation ?? 'Root has not arrived'} <span className={css.note}>{trace.root_service}</span>
        </>
      ),
    },
    { id: 'time', name: 'Time', unit: 'time', value: (trace) => trace.matched.last_start, width: '160px' },
    {
      id: 'duration',
      name: 'Longest match',
      unit: 'ns',
      value: (trace) => trace.matched.longest_ns,
      width: 'minmax(150px, 1fr)',
      render: (trace) => (
        <span className={css.measure}>
          <span className={css.measureBar} style={{ width: `${(100 * trace.matched.longest_ns) / longest}%` }} />
          {format(trace.matched.longest_ns, 'ns')}
        </span>
      ),
    },
    { id: 'whole', name: 'Whole trace', unit: 'ns', value: (trace) => trace.duration_ns, width: '100px', isSortable: false },
    {
      id: 'errors',
      name: 'Errors',
      unit: 'count',
      value: (trace) => trace.matched.errors,
      width: '84px',
      render: ({ matched }) => (matched.errors === 0 ? <span className={css.note}>–</span> : <Badge tone="error">{format(matched.errors, 'count')}</Badge>),
    },
    { id: 'spans', name: 'Spans', unit: 'count', value: (trace) => trace.spans, width: '70px', isSortable: false },
    {
      id: 'services',
      name: 'Services',
      value: (trace) => trace.services.length,
      width: '130px',
      isSortable: false,
      render: (trace) => (
        <span className={css.dots} title={trace.services.join(', ')}>
          {trace.services.map((service) => (
            <i key={service} style={{ background: `var(${colours.get(service) ?? '--series-8'})` }} />
          ))}
          <span className={css.hidden}>{trace.services.join(', ')}</span>
        </span>
      ),
    },
  ];
}
