// How the values of a panel are written and judged.

import type { Panel, Threshold } from '../../../api/schema';
import { fixed, format, unitOf } from '../../../format/number';

const TONES = { ok: '--good', warning: '--warning', critical: '--error' } as const;

/** A token for the level that a value has reached; undefined below the first threshold. */
export function colourOf(value: number | null | undefined, thresholds: readonly Threshold[] = []): string | undefined {
  if (value === null || value === undefined) return undefined;
  const reached = thresholds.filter(({ at }) => value >= at).at(-1);
  return reached === undefined ? undefined : TONES[reached.level];
}

/** Lines of a chart; what is as it should be needs none, nor does the end of the axis. */
export function linesOf({ thresholds = [] }: Panel) {
  return thresholds.flatMap(({ at, level }) => (level === 'ok' || at === 0 ? [] : [{ name: level, value: at, colour: TONES[level] }]));
}

export function written(value: number | null | undefined, panel: Panel): string {
  const unit = unitOf(panel.unit);
  return panel.decimals == null ? format(value, unit) : fixed(value, unit, panel.decimals);
}
