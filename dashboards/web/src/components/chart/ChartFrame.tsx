// What all charts have around them: a name, a legend, and the same as a table for who cannot see them.

import { useState, type ReactNode } from 'react';
import { Button } from '../Button';
import css from './ChartFrame.module.css';

export interface LegendEntry {
  name: string;
  /** The name, or as much of it as tells it from the others. */
  shown?: string;
  /** A token, as `--series-1`. */
  colour: string;
  isHidden?: boolean;
  onToggle?: () => void;
}

export interface ChartFrameProps {
  title: string;
  legend?: LegendEntry[];
  /** Beside the title, or below the chart in at most two lines. */
  legendPlace?: 'beside' | 'below';
  /** At the right end of the head. */
  actions?: ReactNode;
  height: number;
  children: ReactNode;
  /** The chart as a table; made when it is asked for. */
  table: () => ReactNode;
}

export function ChartFrame({ title, legend = [], legendPlace = 'beside', actions, height, children, table }: ChartFrameProps) {
  const [isTable, setTable] = useState(false);
  return (
    <figure className={css.frame} aria-label={title}>
      <figcaption className={css.head}>
        <span className={css.title}>{title}</span>
        {legendPlace === 'beside' ? <Legend entries={legend} place="beside" /> : <span className={css.space} />}
        <span className={css.tools}>
          <Button
            kind="quiet"
            icon={isTable ? 'chart' : 'table'}
            aria-label={isTable ? `${title} as a chart` : `${title} as a table`}
            onPress={() => {
              setTable(!isTable);
            }}
          />
          {actions}
        </span>
      </figcaption>
      <div style={{ height }} className={css.body}>
        {isTable ? table() : children}
      </div>
      {legendPlace === 'below' && legend.length > 0 && <Legend entries={legend} place="below" />}
    </figure>
  );
}

function Legend({ entries, place }: { entries: LegendEntry[]; place: 'beside' | 'below' }) {
  return (
    <ul className={css.legend} data-place={place}>
      {entries.map((entry) => (
        <li key={entry.name}>
          <LegendItem {...entry} />
        </li>
      ))}
    </ul>
  );
}

function LegendItem({ name, shown = name, colour, isHidden = false, onToggle }: LegendEntry) {
  const content = (
    <>
      <span className={css.swatch} style={{ background: `var(${colour})` }} />
      <span className={css.name} title={name}>
        {shown}
      </span>
    </>
  );
  if (onToggle === undefined) return <span className={css.entry}>{content}</span>;
  return (
    <button type="button" className={css.entry} aria-pressed={!isHidden} onClick={onToggle}>
      {content}
    </button>
  );
}
