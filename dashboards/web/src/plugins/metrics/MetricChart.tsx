// A metric over time, with a legend that tells what each series came to; points are single measurements, with their traces.

import { useNavigate } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { queries } from '../../api/client';
import type { MetricOverTime, MetricSent } from '../../api/schema';
import { Chart, type Exemplar } from '../../components/chart/Chart';
import { Answer, Empty } from '../../components/states';
import { exact } from '../../format/number';
import { millis } from '../../format/time';
import { useRange } from '../../range/useRange';
import { traceLink } from '../../shell/link';
import { functionName } from './Controls';
import { useExemplars } from './Exemplars';
import { figuresOf, functionsOf, isMeasured, kindOf, peaksOf, seriesName, unitName, unitOf } from './measures';
import type { MetricViewProps } from './MetricView';
import css from './metrics.module.css';
import { chipsOf, filterOf, labelsOf, NONE } from './search';
import { SeriesTable, type SeriesRow } from './SeriesTable';

const CHART_HEIGHT = 260;

export function MetricChart({ name, search, onChange, sent }: MetricViewProps & { sent: MetricSent }) {
  const { query: range, live } = useRange();
  const { by, filter, type } = search;
  const answer = queries.useQuery(
    'get',
    '/api/v1/apm/metrics/{name}/range',
    { params: { path: { name }, query: { ...range, function: search.function, by, filter, type } } },
    live,
  );
  const kind = kindOf(sent);
  const asked = search.function ?? functionsOf(kind)[0] ?? '';
  return (
    <Answer
      query={answer}
      height={CHART_HEIGHT + 110}
      isEmpty={({ series }) => series.length === 0}
      empty={<Empty title="No values in this range" height={CHART_HEIGHT}>Choose a longer one, or another function.</Empty>}
    >
      {(metric) => (
        <OverTime
          metric={metric}
          asked={asked}
          by={labelsOf(by)}
          sent={sent}
          search={search}
          onOnly={(labels) => {
            const kept = chipsOf(filter).filter(({ key }) => !(key in labels));
            onChange({ filter: filterOf([...kept, ...Object.entries(labels).map(([key, value]) => ({ key, value: value ?? NONE }))]) });
          }}
        />
      )}
    </Answer>
  );
}

interface OverTimeProps {
  metric: MetricOverTime;
  asked: string;
  by: readonly string[];
  sent: MetricSent;
  search: MetricViewProps['search'];
  onOnly: (labels: Readonly<Record<string, string | null>>) => void;
}

function OverTime({ metric, asked, by, sent, search, onOnly }: OverTimeProps) {
  const { zoom } = useRange();
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const kind = kindOf(sent);
  const unit = unitOf(metric.name, sent.unit, kind, asked);
  const exemplars = usePoints(metric, search, isMeasured(kind, asked));
  const order = by.join();
  const { times, rows, series } = useMemo(() => {
    const named = metric.series.map((each): SeriesRow => ({ name: seriesName(each, order === '' ? [] : order.split(','), metric.name), labels: each.labels, ...figuresOf(each.values) }));
    return {
      times: metric.buckets.map(millis),
      rows: named,
      series: metric.series.map((each, at) => ({ name: named[at]?.name ?? '', values: each.values })),
    };
  }, [metric, order]);
  const toggle = (gone: string) => {
    const next = new Set(hidden);
    if (!next.delete(gone)) next.add(gone);
    setHidden(next);
  };
  const counted = unitName(sent.unit);
  return (
    <>
      <Chart
        title={`${functionName(asked)}${counted === undefined || asked === 'count' ? '' : ` in ${counted}`}`}
        times={times}
        series={series}
        unit={unit}
        height={CHART_HEIGHT}
        hidden={hidden}
        from={millis(metric.from)}
        to={millis(metric.to)}
        exemplars={exemplars}
        sync="metric"
        onZoom={zoom}
        onPoint={(time) => {
          zoom(time, time + metric.bucket_seconds * 1000);
        }}
      />
      <div className={css.table}>
        <SeriesTable rows={rows} unit={unit} hidden={hidden} onToggle={toggle} onOnly={by.length === 0 ? undefined : onOnly} />
        {metric.series_left_out > 0 && <p className={css.note}>{exact(metric.series_left_out)} smaller series are left out. Choose a filter to see them.</p>}
      </div>
    </>
  );
}

/** Exemplars as points of the chart. */
function usePoints({ name, bucket_seconds }: MetricOverTime, search: MetricViewProps['search'], isWanted: boolean): Exemplar[] {
  const navigate = useNavigate();
  const { data } = useExemplars(name, search, isWanted);
  return useMemo(() => {
    const told = isWanted ? (data?.exemplars ?? []) : [];
    const points = told.flatMap(({ time, value, trace_id, span_id }): Exemplar[] => {
      if (value == null || trace_id == null) return [];
      return [{ time: millis(time), value, name: 'opens its trace', onOpen: () => void navigate(traceLink(trace_id, span_id)) }];
    });
    return peaksOf(points, bucket_seconds * 1000);
  }, [data, isWanted, navigate, bucket_seconds]);
}
