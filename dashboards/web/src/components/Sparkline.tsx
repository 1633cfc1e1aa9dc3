// The course of a few numbers in the space of a word: bars from nothing to the highest. Its numbers are told beside it.

import css from './Sparkline.module.css';

interface SparklineProps {
  values: readonly number[];
  /** A token, as `--error`. */
  colour?: string;
}

const HEIGHT = 20;

export function Sparkline({ values, colour = '--accent' }: SparklineProps) {
  const most = Math.max(1, ...values);
  return (
    <svg className={css.line} viewBox={`0 0 ${values.length} ${HEIGHT}`} preserveAspectRatio="none" style={{ color: `var(${colour})` }} aria-hidden="true" focusable="false">
      {values.map((value, at) => {
        const height = value === 0 ? 0 : Math.max(1, (HEIGHT * value) / most);
        return <rect key={at} x={at} y={HEIGHT - height} width="0.8" height={height} />;
      })}
    </svg>
  );
}
