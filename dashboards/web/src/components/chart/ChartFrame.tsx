// What all charts have around them: a name, a legend, and the same as a table for who cannot see them.

import { useState, type ReactNode } from 'react';
import { Button } from '../Button';
import css from './ChartFrame.module.css';

export interface LegendEntry {
  name: string;
  /** A token, as `--series-1`. */
  colour: string;
  isHidden?: boolean;
  onToggle?: () => void;
}

interface ChartFrameProps {
  title: string;
  legend?: LegendEntry[];
  height: number;
  children: ReactNode;
  /** The chart as a table; made when it is asked for. */
  table: () => ReactNode;
}

export function ChartFrame({ title, legend = [], height, children, table }: ChartFrameProps) {
  const [isTable, setTable] = useState(false);
  return (
    <figure className={css.frame} aria-label={title}>
      <figcaption className={css.head}>
        <span className={css.title}>{title}</span>
        <ul className={css.legend}>
          {legend.map((entry) => (
            <li key={entry.name}>
              <LegendItem {...entry} />
            </li>
          ))}
        </ul>
        <Button
          kind="quiet"
          icon={isTable ? 'chart' : 'table'}
          aria-label={isTable ? `${title} as a chart` : `${title} as a table`}
          onPress={() => {
            setTable(!isTable);
          }}
        />
      </figcaption>
      <div style={{ height }} className={css.body}>
        {isTable ? table() : children}
      </div>
    </figure>
  );
}

function LegendItem({ name, colour, isHidden = false, onToggle }: LegendEntry) {
  const content = (
    <>
      <span className={css.swatch} style={{ background: `var(${colour})` }} />
      {name}
    </>
  );
  if (onToggle === undefined) return <span className={css.entry}>{content}</span>;
  return (
    <button type="button" className={css.entry} aria-pressed={!isHidden} onClick={onToggle}>
      {content}
    </button>
  );
}
