// Panels of one number: as a figure, or as a gauge between its ends.

import type { Panel } from '../../../api/schema';
import { columnsOf } from '../../../rows/fold';
import { numberOf, type Rows } from '../../../rows/rows';
import css from '../dashboards.module.css';
import { PanelHead } from '../PanelHead';
import type { DrawnPanel } from './series';
import { colourOf, written } from './values';

export function StatPanel({ panel, answer, actions }: DrawnPanel) {
  const value = figureOf(panel, answer);
  const colour = colourOf(value, panel.thresholds);
  return (
    <>
      <PanelHead panel={panel} actions={actions} />
      <div className={css.figure}>
        <p className={css.number} style={colour === undefined || colour === '--good' ? undefined : { color: `var(${colour})` }}>
          {written(value, panel)}
        </p>
        {panel.description != null && <p className={css.note}>{panel.description}</p>}
      </div>
    </>
  );
}

const RADIUS = 52;
const STROKE = 11;

export function GaugePanel({ panel, answer, actions }: DrawnPanel) {
  const value = figureOf(panel, answer);
  const end = endOf(panel, value ?? 0);
  const part = Math.min(1, Math.max(0, (value ?? 0) / end));
  return (
    <>
      <PanelHead panel={panel} actions={actions} />
      <div className={css.gauge} title={panel.description ?? undefined}>
        <svg viewBox="0 0 128 76" role="img" aria-label={`${panel.title}: ${written(value, panel)}`}>
          <path d={arc(1)} stroke="var(--pressed)" strokeWidth={STROKE} fill="none" />
          {value !== null && part > 0 && <path d={arc(part)} stroke={`var(${colourOf(value, panel.thresholds) ?? '--accent'})`} strokeWidth={STROKE} fill="none" />}
          <text x="64" y="64" textAnchor="middle" className={css.gaugeNumber}>
            {written(value, panel)}
          </text>
        </svg>
      </div>
    </>
  );
}

/** From the left end over the top, so much of the half circle. */
function arc(part: number): string {
  const angle = Math.PI * (1 - part);
  const [x, y] = [64 + RADIUS * Math.cos(angle), 66 - RADIUS * Math.sin(angle)];
  return `M${64 - RADIUS} 66A${RADIUS} ${RADIUS} 0 0 1 ${x.toFixed(2)} ${y.toFixed(2)}`;
}

/** Shares end at one; all else a quarter beyond its last threshold, or where the value is. */
function endOf({ unit, thresholds = [] }: Panel, value: number): number {
  const last = thresholds.at(-1)?.at ?? 0;
  return unit === 'share' ? 1 : Math.max(last * 1.25, value, Number.MIN_VALUE);
}

/** That of the first row. */
function figureOf(panel: Panel, answer: Rows): number | null {
  const [y] = columnsOf(answer, panel).y;
  return y === undefined ? null : numberOf(answer.rows[0]?.[y]);
}
