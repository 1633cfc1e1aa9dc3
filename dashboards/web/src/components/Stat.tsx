// One figure: its name, its value, and how it compares with before.

import type { ReactNode } from 'react';
import { count, format, share, type Unit } from '../format/number';
import css from './Stat.module.css';

/** From here on a change is told as a multiple: nobody reads 900 percent. */
const MANY_TIMES = 9;

interface StatProps {
  label: string;
  value: number | null | undefined;
  unit: Unit;
  /** The same in the range before. */
  before?: number | null | undefined;
  /** Which way is better; without it, neither is. */
  better?: 'lower' | 'higher';
  /** Draws the figure as something that is wrong. */
  isWrong?: boolean;
  /** A link to what explains it. */
  action?: ReactNode;
}

export function Stat({ label, value, unit, before, better, isWrong = false, action }: StatProps) {
  return (
    <div className={css.stat}>
      <dt className={css.label}>{label}</dt>
      <dd className={css.value} data-wrong={isWrong}>
        {format(value, unit)}
      </dd>
      <dd className={css.note}>{action ?? <Change value={value} before={before} better={better} />}</dd>
    </div>
  );
}

/** Figures side by side. */
export function Stats({ children }: { children: ReactNode }) {
  return <dl className={css.stats}>{children}</dl>;
}

function Change({ value, before, better }: Pick<StatProps, 'value' | 'before' | 'better'>) {
  if (value == null || before == null) return null;
  if (before === 0) return <span>{value === 0 ? 'as before' : 'none before'}</span>;
  const change = value / before - 1;
  const isManyTimes = change >= MANY_TIMES;
  if (Math.abs(change) < 0.005) return <span>as before</span>;
  const isBetter = change < 0 === (better === 'lower');
  const judgement = better === undefined ? undefined : isBetter ? 'better' : 'worse';
  return (
    <span data-judgement={judgement} className={css.change}>
      {isManyTimes ? `${count(Math.round(value / before))}× what it was` : `${change > 0 ? '+' : '−'}${share(Math.abs(Math.round(change * 1000) / 1000))} to before`}
    </span>
  );
}
