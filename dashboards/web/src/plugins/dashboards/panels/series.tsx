// Panels that draw values along an axis: lines, bars, heat maps.

import { useMemo, type ReactNode } from 'react';
import type { Panel, PanelAnswer } from '../../../api/schema';
import { Chart } from '../../../components/chart/Chart';
import { HeatMap, type HeatMapShape } from '../../../components/chart/HeatMap';
import { shortNames } from '../../../components/chart/shortNames';
import { unitOf } from '../../../format/number';
import { millis } from '../../../format/time';
import { useRange } from '../../../range/useRange';
import { Bars } from '../../../rows/Bars';
import { columnsOf, fold, withGaps, type Folded } from '../../../rows/fold';
import { isNumeric, numberOf, textOf } from '../../../rows/rows';
import { useAsking } from '../asking';
import css from '../dashboards.module.css';
import { PanelHead } from '../PanelHead';
import { colourOf, linesOf } from './values';

export interface DrawnPanel {
  panel: Panel;
  answer: PanelAnswer;
  /** In pixels, of all of it. */
  height: number;
  /** At the right end of the head. */
  actions: ReactNode;
}

const HEAD_HEIGHT = 30;
const LEGEND_HEIGHTS = { one: 24, two: 40 };
/** In pixels, about: of a letter, of what stands around a name, of a twelfth of the page. */
const LETTER = 6.5;
const AROUND = 28;
const TWELFTH = 80;

export function TimeSeries({ panel, answer, height, actions }: DrawnPanel) {
  const folded = useFolded(panel, answer);
  const { zoom } = useRange();
  const { name } = useAsking();
  const isStacked = panel.stack === true;
  const isBars = isStacked || panel.kind === 'bar';
  const thresholds = useMemo(() => linesOf(panel), [panel]);
  const series = useMemo(() => folded.series.map((each) => ({ ...each, kind: isBars ? ('bars' as const) : ('line' as const) })), [folded, isBars]);
  const legendHeight = panel.legend && series.length > 1 ? legendHeightOf(panel, series) : 0;
  return (
    <Chart
      title={panel.title}
      times={folded.times ?? []}
      series={series}
      unit={unitOf(panel.unit)}
      isStacked={isStacked}
      from={millis(answer.from)}
      to={millis(answer.to)}
      thresholds={thresholds}
      sync={`dashboard ${name}`}
      onZoom={zoom}
      actions={actions}
      isLegendHidden={!panel.legend}
      legendPlace="below"
      height={height - HEAD_HEIGHT - legendHeight}
    />
  );
}

function legendHeightOf({ width }: Panel, series: readonly { name: string }[]): number {
  const long = shortNames(series.map(({ name }) => name)).reduce((sum, name) => sum + name.length * LETTER + AROUND, 0);
  return long < width * TWELFTH ? LEGEND_HEIGHTS.one : LEGEND_HEIGHTS.two;
}

function useFolded(panel: Panel, answer: PanelAnswer): Folded {
  return useMemo(() => {
    const folded = fold(answer, panel);
    const gapped = withGaps(folded, answer.interval_seconds * 1000, millis(answer.from), millis(answer.to));
    // A metric that is not told apart is called what the panel is.
    const [only] = gapped.series;
    return only !== undefined && gapped.series.length === 1 && only.name === 'value' ? { ...gapped, series: [{ ...only, name: panel.title }] } : gapped;
  }, [panel, answer]);
}

export function BarPanel(drawn: DrawnPanel) {
  const { panel, answer, actions } = drawn;
  const folded = useMemo(() => fold(answer, panel), [answer, panel]);
  if (folded.times !== undefined) return <TimeSeries {...drawn} />;
  const colour = panel.thresholds === undefined || panel.thresholds.length === 0 ? undefined : (value: number) => colourOf(value, panel.thresholds);
  return (
    <>
      <PanelHead panel={panel} actions={actions} />
      <div className={css.scrolled} tabIndex={-1}>
        <Bars title={panel.title} folded={folded} unit={unitOf(panel.unit)} isStacked={panel.stack === true} {...(colour === undefined ? {} : { colourOf: colour })} hasLegend={panel.legend} />
      </div>
    </>
  );
}

export function HeatMapPanel({ panel, answer, height, actions }: DrawnPanel) {
  const shape = useMemo(() => heatMapOf(panel, answer), [panel, answer]);
  const { zoom } = useRange();
  const isOverTime = shape.columnNames === undefined;
  return (
    <HeatMap
      title={panel.title}
      {...shape}
      actions={actions}
      height={height - HEAD_HEIGHT}
      {...(isOverTime ? { onSelect: ({ from, to }: { from: number; to: number }) => { zoom(from, to); } } : {})}
    />
  );
}

/** Rows of numbers are ranges from one to the next, the lowest at the bottom; names stand as they come, the first at the top. */
function heatMapOf(panel: Panel, answer: PanelAnswer): HeatMapShape & { counted: string } {
  const said = columnsOf(answer, panel);
  // A series of numbers is none that would be found by itself.
  const series = said.series >= 0 ? said.series : answer.columns.findIndex((column, place) => place !== said.x && isNumeric(column));
  const y = said.y.find((place) => place !== series) ?? -1;
  const isOfNumbers = answer.columns[series] !== undefined && isNumeric(answer.columns[series]);
  const shape = { x: answer.columns[said.x]?.name, y: [answer.columns[y]?.name ?? ''], series: answer.columns[series]?.name };
  const folded = fold(answer, shape);
  const spread = folded.times === undefined ? folded : withGaps(folded, answer.interval_seconds * 1000, millis(answer.from), millis(answer.to));
  const ordered = isOfNumbers ? [...spread.series].sort((one, other) => Number(one.name) - Number(other.name)) : spread.series.toReversed();
  const lows = ordered.map(({ name }) => numberOf(name) ?? 0);
  const rows = ordered.map(({ name }, at) => {
    const min = lows[at] ?? 0;
    return isOfNumbers ? { min, max: lows[at + 1] ?? min + (min - (lows[at - 1] ?? min / 2)) * 2 } : { min: at, max: at + 1, name: textOf(name) };
  });
  const cells = ordered.flatMap(({ values }, row) => values.flatMap((value, column) => (value === null || value === 0 ? [] : [{ column, row, count: value, errors: 0 }])));
  return {
    columns: spread.times ?? spread.names.map((_, at) => at),
    columnMs: spread.times === undefined ? 1 : answer.interval_seconds * 1000,
    ...(spread.times === undefined ? { columnNames: spread.names } : {}),
    rows,
    cells,
    unit: isOfNumbers ? unitOf(panel.unit) : 'number',
    ...(isOfNumbers || panel.unit == null ? {} : { cellUnit: unitOf(panel.unit) }),
    counted: answer.columns[y]?.name ?? 'values',
  };
}
