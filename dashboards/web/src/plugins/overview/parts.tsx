// Parts of the overview that telemetry tells.

import { Link, useNavigate } from '@tanstack/react-router';
import { useMemo } from 'react';
import { queries } from '../../api/client';
import type { Heatmap, ServiceSummary } from '../../api/schema';
import { HeatMap } from '../../components/chart/HeatMap';
import { DataTable, type Column } from '../../components/DataTable';
import { Answer, Empty } from '../../components/states';
import { millis } from '../../format/time';
import { useRange } from '../../range/useRange';
import { ErrorShare } from '../apm/measures';
import { SeverityChart } from '../logs/SeverityChart';
import { writeArea } from '../traces/area';

const CHART_HEIGHT = 220;
const PANEL_HEIGHT = CHART_HEIGHT + 30;
const WORST_MAX = 8;

export function RequestsByDuration() {
  const { query: range, live } = useRange();
  const answer = queries.useQuery('get', '/api/v1/apm/traces/heatmap', { params: { query: range } }, live);
  return (
    <Answer query={answer} height={PANEL_HEIGHT} isEmpty={(map) => map.spans === 0} empty={<NothingIn what="requests" />}>
      {(map) => <Requests map={map} />}
    </Answer>
  );
}

function NothingIn({ what }: { what: string }) {
  return (
    <Empty title={`No ${what} in this range`} height={PANEL_HEIGHT}>
      Choose a longer one above, or <Link to="/start">send some</Link>.
    </Empty>
  );
}

function Requests({ map }: { map: Heatmap }) {
  const { zoom } = useRange();
  const navigate = useNavigate();
  const shape = useMemo(
    () => ({ columns: map.columns.map(millis), rows: map.rows.map((row) => ({ min: row.min_duration_ms, max: row.max_duration_ms })), cells: map.cells }),
    [map],
  );
  return (
    <HeatMap
      title="Requests by duration"
      counted="requests"
      unit="ms"
      height={CHART_HEIGHT}
      columnMs={map.bucket_seconds * 1000}
      {...shape}
      onSelect={(area) => {
        zoom(area.from, area.to);
      }}
      onOpen={(area) => void navigate({ to: '/traces', search: { area: writeArea(area) } })}
    />
  );
}

export function LogsOverTime() {
  const { query: range, live } = useRange();
  const answer = queries.useQuery('get', '/api/v1/apm/logs/histogram', { params: { query: range } }, live);
  return (
    <Answer query={answer} height={PANEL_HEIGHT} isEmpty={(logs) => logs.count === 0} empty={<NothingIn what="log records" />}>
      {(logs) => <SeverityChart logs={logs} height={CHART_HEIGHT} />}
    </Answer>
  );
}

const columns: Column<ServiceSummary>[] = [
  { id: 'name', name: 'Service', value: (service) => service.name },
  { id: 'errors', name: 'Errors', unit: 'share', value: (service) => service.error_share, render: (service) => <ErrorShare share={service.error_share} /> },
  { id: 'rate', name: 'Requests', unit: 'per_second', value: (service) => service.rate_per_second },
  { id: 'p95', name: 'p95', unit: 'ms', value: (service) => service.latency.p95_ms },
];

export function WorstServices({ services }: { services: ServiceSummary[] }) {
  const worst = [...services].sort((one, other) => (other.error_share ?? 0) - (one.error_share ?? 0)).slice(0, WORST_MAX);
  return (
    <DataTable
      label="Services with the most errors"
      rows={worst}
      columns={columns}
      keyOf={(service) => service.name}
      linkOf={(service) => ({ to: '/services/$name', params: { name: service.name } })}
    />
  );
}
