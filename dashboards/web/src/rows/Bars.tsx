// A bar for each name along the axis, its series on top of each other or side by side.

import { format, type Unit } from '../format/number';
import { seriesColour } from '../components/chart/colours';
import css from './rows.module.css';
import type { Folded } from './fold';

interface BarsProps {
  title: string;
  folded: Folded;
  unit: Unit;
  isStacked?: boolean;
  /** A token for a value; that of its series where none is said. */
  colourOf?: (value: number) => string | undefined;
  hasLegend?: boolean;
}

export function Bars({ title, folded, unit, isStacked = false, colourOf, hasLegend = true }: BarsProps) {
  const sums = folded.names.map((_, at) => folded.series.reduce((sum, { values }) => sum + Math.max(0, values[at] ?? 0), 0));
  const single = folded.series.flatMap(({ values }) => values.map((value) => value ?? 0));
  const most = Math.max(unit === 'share' ? 1 : 0, ...(isStacked ? sums : single)) || 1;
  return (
    <>
      {hasLegend && folded.series.length > 1 && <Legend folded={folded} />}
      <ul className={css.bars} aria-label={title}>
        {folded.names.map((name, at) => (
          <li key={name} className={css.bar}>
            <span className={css.barName} title={name}>
              {name === '' ? title : name}
            </span>
            <span className={css.tracks} data-stacked={isStacked}>
              {folded.series.map((series, index) => {
                const value = series.values[at] ?? null;
                if (value === null) return null;
                return (
                  <span key={series.name} className={css.track} title={`${series.name}: ${format(value, unit)}`} style={isStacked ? { width: `${(100 * Math.max(0, value)) / most}%` } : undefined}>
                    <span className={css.fill} style={{ width: isStacked ? '100%' : `${(100 * Math.max(0, value)) / most}%`, background: `var(${colourOf?.(value) ?? seriesColour(index)})` }} />
                  </span>
                );
              })}
            </span>
            <span className={css.barValue}>{isStacked || folded.series.length === 1 ? format(sums[at], unit) : folded.series.map(({ values }) => format(values[at], unit)).join(' · ')}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

function Legend({ folded }: { folded: Folded }) {
  return (
    <ul className={css.legend} aria-label="Series">
      {folded.series.map(({ name }, at) => (
        <li key={name}>
          <span className={css.swatch} style={{ background: `var(${seriesColour(at)})` }} />
          {name}
        </li>
      ))}
    </ul>
  );
}
