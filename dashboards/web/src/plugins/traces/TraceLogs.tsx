// What was logged in a trace, oldest first; each line leads to its span.

import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { api } from '../../api/client';
import type { TraceLogLine } from '../../api/schema';
import { Badge, type Tone } from '../../components/Badge';
import { Button } from '../../components/Button';
import { DataTable, type Column } from '../../components/DataTable';
import { Answer, Empty } from '../../components/states';
import { format } from '../../format/number';
import { millis } from '../../format/time';
import { traceLink } from '../../shell/link';
import { logsLink } from './links';
import { ServiceName } from './ServiceName';
import type { ViewProps } from './TracePage';
import css from './TracePage.module.css';
import { useViewHeight } from './useViewHeight';
import { valueText } from './values';

const PAGE = 500;
/** OTLP: from here on it is an error, and a warning. */
const ERROR = 17;
const WARN = 13;

export function TraceLogs({ trace, colours }: ViewProps) {
  const room = useViewHeight();
  const pages = useInfiniteQuery({
    queryKey: ['trace logs', trace.trace_id],
    queryFn: async ({ pageParam: offset, signal }) => {
      const { data } = await api.GET('/api/v1/apm/traces/{id}/logs', { params: { path: { id: trace.trace_id }, query: { offset, limit: PAGE } }, signal });
      return data;
    },
    initialPageParam: 0,
    getNextPageParam: (last) => last?.next ?? undefined,
  });
  const lines = useMemo(() => pages.data?.pages.flatMap((page) => page?.lines ?? []), [pages.data]);
  const columns = useMemo(() => columnsOf(trace.start, colours), [trace.start, colours]);
  return (
    <Answer query={{ ...pages, data: lines }} height={200} isEmpty={(all) => all.length === 0} empty={<Empty title="No log record names this trace" height={200} />}>
      {(all) => (
        <>
          <DataTable
            label="Log records of the trace"
            rows={all}
            columns={columns}
            keyOf={(line) => String(all.indexOf(line))}
            height={Math.min(room, (all.length + 1) * 32)}
            linkOf={(line) => (line.span_id == null ? undefined : { ...traceLink(trace.trace_id), search: (before: Record<string, unknown>) => ({ ...before, span: line.span_id ?? undefined }) })}
          />
          <div className={css.foot}>
            {pages.hasNextPage && (
              <Button isPending={pages.isFetchingNextPage} onPress={() => void pages.fetchNextPage()}>
                More
              </Button>
            )}
            <Link {...logsLink({ trace_id: trace.trace_id })}>Open among all log records</Link>
          </div>
        </>
      )}
    </Answer>
  );
}

export function Severity({ line }: { line: TraceLogLine }) {
  const tone: Tone = line.severity_number >= ERROR ? 'error' : line.severity_number >= WARN ? 'warning' : 'plain';
  return <Badge tone={tone}>{line.severity_text ?? 'log'}</Badge>;
}

/** `+12 ms` after the trace began. */
export function afterStart(time: string, start: string): string {
  const passed = (millis(time) - millis(start)) * 1e6;
  return passed < 0 ? format(passed, 'ns') : `+${format(passed, 'ns')}`;
}

function columnsOf(start: string, colours: ReadonlyMap<string, string>): Column<TraceLogLine>[] {
  return [
    { id: 'time', name: 'After the start', value: (line) => millis(line.time), width: '120px', render: (line) => afterStart(line.time, start) },
    { id: 'severity', name: 'Severity', value: (line) => line.severity_number, width: '90px', render: (line) => <Severity line={line} /> },
    { id: 'service', name: 'Service', value: (line) => line.service, width: '130px', render: (line) => <ServiceName service={line.service} colours={colours} /> },
    { id: 'body', name: 'Message', value: (line) => valueText(line.body ?? line.event_name), width: 'minmax(240px, 1fr)' },
  ];
}
