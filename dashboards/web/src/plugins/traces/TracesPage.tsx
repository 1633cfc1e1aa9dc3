// Traces by what their spans are like: conditions above, when and how long below, and what sets a part of them apart.

import { getRouteApi } from '@tanstack/react-router';
import { useMemo } from 'react';
import { queries } from '../../api/client';
import type { Heatmap } from '../../api/schema';
import { Button } from '../../components/Button';
import { HeatMap, type HeatMapArea } from '../../components/chart/HeatMap';
import { Page, Panel } from '../../components/Page';
import { Sided } from '../../components/Sided';
import { Answer, Empty } from '../../components/states';
import { Tabs } from '../../components/Tabs';
import { format } from '../../format/number';
import { millis, useClock } from '../../format/time';
import { rangeBetween } from '../../range/range';
import { useRange } from '../../range/useRange';
import { parseArea, writeArea } from './area';
import { Comparison } from './Comparison';
import { Conditions } from './Conditions';
import { FoundTraces } from './FoundTraces';
import { spanQuery, type TracesSearch } from './spanSearch';
import css from './traces.module.css';
import { TraceFacets } from './TraceFacets';

const route = getRouteApi('/app/traces');
const MAP_HEIGHT = 220;

/** Changes a part of the address and keeps the rest. */
export type Change = (change: Partial<TracesSearch>) => void;

export function TracesPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const change: Change = (part) => void navigate({ search: (before) => ({ ...before, ...part }) });
  const area = useMemo(() => parseArea(search.area), [search.area]);
  const view = search.view ?? 'traces';
  return (
    <Page title="Traces">
      <Conditions search={search} onChange={change} />
      <Sided label="Narrow down" side={<TraceFacets search={search} onChange={change} />}>
        <Panel>
          <SpansByDuration search={search} area={area} onChange={change} />
        </Panel>
        {area !== undefined && <AreaBar area={area} onChange={change} />}
        <Panel isFlush>
          <Tabs
            label="What was found"
            tabs={[
              { id: 'traces', name: 'Traces' },
              { id: 'compare', name: 'What is different' },
            ]}
            selected={view}
            onSelect={(next) => {
              change({ view: next });
            }}
          >
            {view === 'traces' ? <FoundTraces search={search} area={area} onChange={change} /> : <Comparison search={search} area={area} onChange={change} />}
          </Tabs>
        </Panel>
      </Sided>
    </Page>
  );
}

interface PartProps {
  search: TracesSearch;
  area: HeatMapArea | undefined;
  onChange: Change;
}

function SpansByDuration({ search, area, onChange }: PartProps) {
  const { query: range, live } = useRange();
  const answer = queries.useQuery('get', '/api/v1/apm/traces/heatmap', { params: { query: { ...range, ...spanQuery(search) } } }, live);
  const counted = search.kind === undefined ? 'requests' : 'spans';
  const empty = (
    <Empty title={`No ${counted} like that in this range`} height={MAP_HEIGHT + 30}>
      {counted === 'requests' ? 'Other spans may be: choose their kind above.' : 'Take a condition away above, or choose a longer range.'}
    </Empty>
  );
  return (
    <Answer query={answer} height={MAP_HEIGHT + 30} isEmpty={(map) => map.spans === 0} empty={empty}>
      {(map) => <DurationMap map={map} counted={counted} area={area} onChange={onChange} />}
    </Answer>
  );
}

function DurationMap({ map, counted, area, onChange }: { map: Heatmap; counted: string; area: HeatMapArea | undefined; onChange: Change }) {
  const shape = useMemo(
    () => ({ columns: map.columns.map(millis), rows: map.rows.map((row) => ({ min: row.min_duration_ms, max: row.max_duration_ms })), cells: map.cells }),
    [map],
  );
  return (
    <HeatMap
      title={`${counted === 'requests' ? 'Requests' : 'Spans'} by duration`}
      counted={counted}
      unit="ms"
      height={MAP_HEIGHT}
      columnMs={map.bucket_seconds * 1000}
      {...shape}
      selection={area}
      onSelect={(chosen) => {
        onChange({ area: writeArea(chosen) });
      }}
    />
  );
}

function AreaBar({ area, onChange }: { area: HeatMapArea; onChange: Change }) {
  const clock = useClock();
  const { setRange } = useRange();
  const navigate = route.useNavigate();
  const keep = () => {
    // One step of the history for both: the range, and the durations.
    void navigate({ search: (before) => ({ ...before, ...rangeBetween(area.from, area.to), min_ms: area.min, max_ms: area.max, area: undefined }) });
  };
  return (
    <div className={css.area} role="group" aria-label="Selected part">
      <p>
        Selected: <strong>{`${clock.short(area.from)} – ${clock.short(area.to)}`}</strong>, <strong>{`${format(area.min, 'ms')} – ${format(area.max, 'ms')}`}</strong>
      </p>
      <span className={css.buttons}>
        <Button onPress={() => { onChange({ view: 'compare' }); }}>Compare with the rest</Button>
        <Button onPress={keep}>Filter by it</Button>
        <Button onPress={() => { setRange(rangeBetween(area.from, area.to)); }}>Zoom to its time</Button>
        <Button kind="quiet" icon="close" aria-label="Clear the selection" onPress={() => { onChange({ area: undefined }); }} />
      </span>
    </div>
  );
}
