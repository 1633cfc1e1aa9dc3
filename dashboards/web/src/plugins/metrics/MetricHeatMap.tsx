// A histogram as time by value. A drag zooms; a click on a cell asks for measurements of its size.

import { useMemo } from 'react';
import { queries } from '../../api/client';
import type { MetricHeatmap } from '../../api/schema';
import { HeatMap, type HeatMapArea } from '../../components/chart/HeatMap';
import { Answer, Empty } from '../../components/states';
import { millis } from '../../format/time';
import { useRange } from '../../range/useRange';
import { cellsOf, rowsOf } from './heatMapCells';
import { valueUnit } from './measures';
import type { MetricViewProps } from './MetricView';

const HEIGHT = 220;

export function MetricHeatMap({ name, search, onChange, unit }: MetricViewProps & { unit: string | null | undefined }) {
  const { query: range, live, zoom } = useRange();
  const { filter, type } = search;
  const answer = queries.useQuery('get', '/api/v1/apm/metrics/{name}/heatmap', { params: { path: { name }, query: { ...range, filter, type } } }, live);
  const select = (map: MetricHeatmap, area: HeatMapArea) => {
    const isOneColumn = area.to - area.from <= map.bucket_seconds * 1000;
    if (isOneColumn) onChange({ min: area.min, max: Number.isFinite(area.max) ? area.max : undefined });
    else zoom(area.from, area.to);
  };
  return (
    <Answer query={answer} height={HEIGHT + 30} isEmpty={({ rows }) => rows.length === 0} empty={<Empty title="No values in this range" height={HEIGHT + 30} />}>
      {(map) => (
        <Values
          map={map}
          unit={valueUnit(name, unit)}
          onSelect={(area) => { select(map, area); }}
        />
      )}
    </Answer>
  );
}

function Values({ map, unit, onSelect }: { map: MetricHeatmap; unit: ReturnType<typeof valueUnit>; onSelect: (area: HeatMapArea) => void }) {
  const shape = useMemo(() => ({ columns: map.buckets.map(millis), rows: rowsOf(map.rows), cells: cellsOf(map.rows) }), [map]);
  return <HeatMap title="Values over time" counted="values" unit={unit} height={HEIGHT} columnMs={map.bucket_seconds * 1000} {...shape} onSelect={onSelect} />;
}
