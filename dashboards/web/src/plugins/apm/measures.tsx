// Columns that all tables of requests and calls share.

import type { CallMeasures, Latency, Measures } from '../../api/schema';
import type { Column } from '../../components/DataTable';
import { format } from '../../format/number';
import css from './apm.module.css';

/** From this share of errors on, it is drawn as something that is wrong. */
const WRONG_SHARE = 0.01;

export function isWrong(share: number | null | undefined): boolean {
  return share != null && share >= WRONG_SHARE;
}

export function ErrorShare({ share }: { share: number | null | undefined }) {
  return <span className={isWrong(share) ? css.wrong : undefined}>{format(share, 'share')}</span>;
}

export function requestColumns<Row extends Measures>(): Column<Row>[] {
  return [
    { id: 'rate', name: 'Requests', unit: 'per_second', value: (row) => row.rate_per_second },
    errorColumn(),
    ...latencyColumns<Row>(),
    { id: 'apdex', name: 'Apdex', unit: 'number', value: (row) => row.apdex },
  ];
}

export function callColumns<Row extends CallMeasures>(): Column<Row>[] {
  return [{ id: 'rate', name: 'Calls', unit: 'per_second', value: (row) => row.calls_per_second }, errorColumn(), ...latencyColumns<Row>()];
}

function errorColumn<Row extends { error_share?: number | null }>(): Column<Row> {
  return { id: 'errors', name: 'Errors', unit: 'share', value: (row) => row.error_share, render: (row) => <ErrorShare share={row.error_share} /> };
}

function latencyColumns<Row extends { latency: Latency }>(): Column<Row>[] {
  return [
    { id: 'p50', name: 'p50', unit: 'ms', value: (row) => row.latency.p50_ms },
    { id: 'p95', name: 'p95', unit: 'ms', value: (row) => row.latency.p95_ms },
    { id: 'p99', name: 'p99', unit: 'ms', value: (row) => row.latency.p99_ms },
  ];
}
