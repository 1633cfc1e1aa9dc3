// A metric of the server itself over time, from its own telemetry in the tenant `system`.

import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { queries } from '../../api/client';
import type { MetricOverTime } from '../../api/schema';
import { Chart } from '../../components/chart/Chart';
import { Panel } from '../../components/Page';
import { Answer, Empty } from '../../components/states';
import type { Unit } from '../../format/number';
import { millis } from '../../format/time';
import { useRange } from '../../range/useRange';
import css from './admin.module.css';

const HEIGHT = 160;
export interface Wanted {
  title: string;
  metric: string;
  unit: Unit;
  function?: 'rate' | 'increase' | 'max' | 'avg' | 'last';
  by?: string;
  /** Another metric whose last value is drawn as a line to stay below. */
  limit?: string;
}

export function OwnMetric({ title, metric, unit, function: wanted, by, limit }: Wanted) {
  const { query: range, live } = useRange();
  const answer = queries.useQuery('get', '/api/v1/apm/metrics/{name}/range', { params: { path: { name: metric }, query: { ...range, function: wanted, by } } }, live);
  const bound = queries.useQuery('get', '/api/v1/apm/metrics/{name}/range', { params: { path: { name: limit ?? metric }, query: { ...range, function: 'last' } } }, { ...live, enabled: limit !== undefined });
  return (
    <Panel>
      <Answer query={answer} height={HEIGHT + 30} isEmpty={(over) => over.points === 0} empty={<Empty title={`${title}: nothing in this range`} height={HEIGHT + 30} />}>
        {(over) => <OverTime title={title} unit={unit} over={over} limit={limit === undefined ? undefined : lastOf(bound.data)} />}
      </Answer>
      <Link to="/metrics" search={{ metric, function: wanted, by }} className={css.metric}>
        {metric}
      </Link>
    </Panel>
  );
}

function OverTime({ title, unit, over, limit }: { title: string; unit: Unit; over: MetricOverTime; limit: number | undefined }) {
  const { zoom } = useRange();
  const plot = useMemo(
    () => ({
      times: over.buckets.map(millis),
      series: over.series.map((series) => ({ name: Object.values(series.labels).join(', ') || title, values: series.values })),
    }),
    [over, title],
  );
  const thresholds = useMemo(() => (limit === undefined ? [] : [{ name: 'limit', value: limit }]), [limit]);
  return <Chart title={title} unit={unit} height={HEIGHT} thresholds={thresholds} sync="own" from={millis(over.from)} to={millis(over.to)} onZoom={zoom} {...plot} />;
}

function lastOf(over: MetricOverTime | undefined): number | undefined {
  return over?.series[0]?.values.findLast((value) => value !== null) ?? undefined;
}
