// The answer as a chart of the columns that are chosen.

import { getRouteApi } from '@tanstack/react-router';
import { useMemo } from 'react';
import { Chart } from '../../components/chart/Chart';
import { Select } from '../../components/fields';
import { Empty } from '../../components/states';
import { exact } from '../../format/number';
import { useRange } from '../../range/useRange';
import { Bars } from '../../rows/Bars';
import { columnsOf, fold, withGaps, type Folded } from '../../rows/fold';
import { isNumeric, type Rows } from '../../rows/rows';
import { millisOf } from '../dashboards/times';
import type { SqlAnswer } from './answer';
import css from './sql.module.css';

const route = getRouteApi('/app/sql');
const NONE = '(none)';
const ALL = '(all)';
const BARS_MAX = 200;
const MARKS = [
  { value: 'line', name: 'Lines' },
  { value: 'area', name: 'Stacked bars' },
  { value: 'bar', name: 'Bars' },
] as const;

export function ResultChart({ answer }: { answer: SqlAnswer }) {
  const { x, y, series, mark = 'line' } = route.useSearch();
  const folded = useMemo(() => fold(answer, { x, y, series }), [answer, x, y, series]);
  return (
    <>
      <Choices answer={answer} isOverTime={folded.times !== undefined} />
      <div className={css.chart}>
        {folded.series.length === 0 ? (
          <Empty title="There are no numbers to draw" height={200}>
            A chart needs a column of numbers: count(*), avg(…), a duration.
          </Empty>
        ) : folded.times !== undefined ? (
          <OverTime answer={answer} folded={folded} mark={mark} />
        ) : (
          <ManyBars folded={folded} isStacked={mark === 'area'} />
        )}
        {folded.seriesLeftOut > 0 && <p className={css.told}>The first {exact(folded.series.length)} series are drawn; {exact(folded.seriesLeftOut)} others are not. Choose another column for “Series by”.</p>}
      </div>
    </>
  );
}

/** Of a statement that names a range: all of it, as a panel would draw it, and a drag chooses another. */
function OverTime({ answer: { times }, folded, mark }: { answer: SqlAnswer; folded: Folded; mark: 'line' | 'area' | 'bar' }) {
  const { zoom } = useRange();
  const ranged = useMemo(() => (times === undefined ? undefined : { from: millisOf(times.from), to: millisOf(times.to) }), [times]);
  const spread = useMemo(() => (times === undefined || ranged === undefined ? folded : withGaps(folded, times.interval_seconds * 1000, ranged.from, ranged.to)), [folded, times, ranged]);
  const series = useMemo(() => spread.series.map(({ name, values }) => ({ name, values, kind: mark === 'line' ? ('line' as const) : ('bars' as const) })), [spread, mark]);
  const title = `${folded.x} and ${series.length === 1 ? (series[0]?.name ?? '') : 'series'}`;
  return <Chart title={title} times={spread.times ?? []} series={series} unit="number" isStacked={mark === 'area'} height={360} {...ranged} {...(ranged === undefined ? {} : { onZoom: zoom })} />;
}

function ManyBars({ folded, isStacked }: { folded: ReturnType<typeof fold>; isStacked: boolean }) {
  const first = { ...folded, names: folded.names.slice(0, BARS_MAX), series: folded.series.map(({ name, values }) => ({ name, values: values.slice(0, BARS_MAX) })) };
  return (
    <>
      <Bars title={folded.x} folded={first} unit="number" isStacked={isStacked} />
      {folded.names.length > BARS_MAX && <p className={css.told}>The first {BARS_MAX} of {folded.names.length} are drawn.</p>}
    </>
  );
}

function Choices({ answer, isOverTime }: { answer: Rows; isOverTime: boolean }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const used = columnsOf(answer, search);
  const nameAt = (place: number) => answer.columns[place]?.name ?? NONE;
  const choice = (name: string) => ({ value: name, name });
  const names = answer.columns.map((column) => choice(column.name));
  const choose = (chosen: Partial<typeof search>) => void navigate({ search: (before) => ({ ...before, ...chosen }), replace: true });
  return (
    <div className={css.choices}>
      <Select label="Along" value={nameAt(used.x)} choices={used.x < 0 ? [choice(NONE), ...names] : names} onChange={(x) => { choose({ x }); }} />
      <Select
        label="Values"
        value={search.y?.[0] ?? ALL}
        choices={[{ value: ALL, name: 'All numbers' }, ...answer.columns.filter(isNumeric).map((column) => choice(column.name))]}
        onChange={(y) => { choose({ y: y === ALL ? undefined : [y] }); }}
      />
      <Select label="Series by" value={nameAt(used.series)} choices={[choice(NONE), ...names]} onChange={(series) => { choose({ series: series === NONE ? undefined : series }); }} />
      <Select label="Drawn as" value={search.mark ?? 'line'} choices={isOverTime ? MARKS : [{ value: 'line', name: 'Bars' }, { value: 'area', name: 'Stacked bars' }]} onChange={(mark) => { choose({ mark }); }} />
    </div>
  );
}
