// When alerts would have been pending and firing, laid out on lanes: one for each set of labels.

import type { WouldFire } from '../../../api/schema';
import { millis } from '../../../format/time';

export interface Stretch {
  /** Shares of the whole time, 0 to 1. */
  pendingFrom: number;
  firingFrom: number;
  to: number;
  alert: WouldFire;
}

export interface Lane {
  labels: Record<string, string>;
  stretches: Stretch[];
  /** Share of the time in which it would have fired. */
  firing: number;
}

/** The lanes that fire longest come first. */
export function lanesOf(alerts: readonly WouldFire[], from: number, to: number): Lane[] {
  const lanes = new Map<string, Lane>();
  const place = (time: number) => Math.min(1, Math.max(0, (time - from) / Math.max(1, to - from)));
  for (const alert of alerts) {
    const key = JSON.stringify(Object.entries(alert.labels).sort());
    const lane = lanes.get(key) ?? { labels: alert.labels, stretches: [], firing: 0 };
    const stretch = {
      pendingFrom: place(millis(alert.active_since)),
      firingFrom: place(millis(alert.fired_at)),
      to: alert.resolved_at == null ? 1 : place(millis(alert.resolved_at)),
      alert,
    };
    lane.stretches.push(stretch);
    lane.firing += stretch.to - stretch.firingFrom;
    lanes.set(key, lane);
  }
  return [...lanes.values()].sort((one, other) => other.firing - one.firing);
}

/** Times for the marks below, at whole shares of the time. */
export function marksOf(from: number, to: number, parts: number): number[] {
  return Array.from({ length: parts + 1 }, (_, at) => from + ((to - from) * at) / parts);
}
