// Values over time. Smooth with 100 000 points: they are drawn on a canvas, and only when they change.

import { useEffect, useRef, useState } from 'react';
import 'uplot/dist/uPlot.min.css';
import { useClock } from '../../format/time';
import { DataTable, type Column } from '../DataTable';
import css from './Chart.module.css';
import { ChartFrame, type ChartFrameProps } from './ChartFrame';
import { seriesColour, useShownTheme } from './colours';
import { draw, type Plot } from './plot';
import { shortNames } from './shortNames';

export type { Exemplar, Plot, Series, Threshold } from './plot';

interface ChartProps extends Plot, Pick<ChartFrameProps, 'legendPlace' | 'actions'> {
  height?: number;
  isLegendHidden?: boolean;
  /** Names of series that are not drawn, where the page has a legend of its own. */
  hidden?: ReadonlySet<string>;
}

/** Pass the same `times` and `series` until they change: they are drawn anew when they are others. */
export function Chart({ height = 180, legendPlace = 'beside', actions, isLegendHidden = false, hidden: given, ...plot }: ChartProps) {
  const [own, setHidden] = useState<ReadonlySet<string>>(new Set());
  const hidden = given ?? own;
  const toggle = (name: string) => {
    const next = new Set(hidden);
    if (!next.delete(name)) next.add(name);
    setHidden(next);
  };
  const short = shortNames(plot.series.map(({ name }) => name));
  const legend = plot.series.map((each, at) => ({
    name: each.name,
    shown: short[at] ?? each.name,
    colour: each.colour ?? seriesColour(at),
    isHidden: hidden.has(each.name),
    onToggle: () => {
      toggle(each.name);
    },
  }));
  return (
    <ChartFrame
      title={plot.title}
      legend={given === undefined && plot.series.length > 1 && !isLegendHidden ? legend : []}
      legendPlace={legendPlace}
      actions={actions}
      height={height}
      table={() => <PlotTable plot={plot} height={height} />}
    >
      <Canvas plot={plot} height={height} hidden={hidden} />
    </ChartFrame>
  );
}

function Canvas({ plot, height, hidden }: { plot: Plot; height: number; hidden: ReadonlySet<string> }) {
  const place = useRef<HTMLDivElement>(null);
  const clock = useClock();
  const theme = useShownTheme();
  const latest = useRef({ plot, clock });
  useEffect(() => {
    latest.current = { plot, clock };
  });
  const { times, series, unit, from, to, thresholds, exemplars } = plot;
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const { chart, tooltip } = draw(latest.current.plot, element, height, hidden, latest.current.clock);
    const resize = new ResizeObserver(() => {
      chart.setSize({ width: element.clientWidth, height });
    });
    resize.observe(element);
    return () => {
      resize.disconnect();
      chart.destroy();
      tooltip.remove();
    };
  }, [times, series, unit, from, to, thresholds, exemplars, height, hidden, clock.zone, theme]);
  return <div ref={place} className={css.canvas} role="img" aria-label={`${plot.title}; there is a table of it, too`} />;
}

interface PlotRow {
  time: number;
  values: (number | null | undefined)[];
}

function PlotTable({ plot, height }: { plot: Plot; height: number }) {
  const rows: PlotRow[] = plot.times.map((time, at) => ({ time, values: plot.series.map((each) => each.values[at]) }));
  return <DataTable label={plot.title} rows={rows} columns={columnsOf(plot)} keyOf={(row) => String(row.time)} height={height} />;
}

function columnsOf(plot: Plot): Column<PlotRow>[] {
  const values = plot.series.map((each, at): Column<PlotRow> => ({ id: `${at} ${each.name}`, name: each.name, unit: plot.unit, value: (row) => row.values[at] }));
  return [{ id: 'time', name: 'Time', unit: 'time', value: (row) => row.time }, ...values];
}
