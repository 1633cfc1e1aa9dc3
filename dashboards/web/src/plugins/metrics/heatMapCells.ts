// Buckets of a histogram as rows and cells of a heat map.

import type { MetricHeatmapRow } from '../../api/schema';
import type { HeatMapCell } from '../../components/chart/HeatMap';

/** Below the first bound is nothing known: it counts from 0, or from the bound where that is below 0. */
export function rowsOf(rows: readonly MetricHeatmapRow[]): { min: number; max: number }[] {
  return rows.map(({ lower, upper }) => ({ min: lower ?? Math.min(0, upper ?? 0), max: upper ?? Number.POSITIVE_INFINITY }));
}

export function cellsOf(rows: readonly MetricHeatmapRow[]): HeatMapCell[] {
  return rows.flatMap(({ counts }, row) => counts.flatMap((count, column) => (count === 0 ? [] : [{ column, row, count, errors: 0 }])));
}
