// What an SLO says, in words and figures.

import type { Indicator, SloState, SloView } from '../../api/schema';
import type { Tone } from '../../components/Badge';
import { format } from '../../format/number';

export const STATE_TONES: Record<SloState, Tone> = { ok: 'good', ticket: 'warning', page: 'error', no_data: 'plain' };
export const STATE_NAMES: Record<SloState, string> = { ok: 'fine', ticket: 'burns slowly', page: 'burns fast', no_data: 'no data' };

/** From here on, more digits tell how near to an objective a share is. */
const NEAR = 0.99;

/** `77.9 %`, but `99.951 %`. */
export function precise(share: number | null | undefined): string {
  if (share == null || share < NEAR) return format(share, 'share');
  return `${String(Number((share * 100).toFixed(4)))}\u00a0%`;
}

export function promiseOf(indicator: Indicator): string {
  switch (indicator.kind) {
    case 'availability':
      return `requests${ofWhat(indicator)} without an error`;
    case 'latency':
      return `requests${ofWhat(indicator)} within ${format(indicator.threshold_ms, 'ms')}`;
    case 'freshness':
      return `minutes whose last ${indicator.signal} are at most ${format(indicator.max_age_seconds, 's')} old`;
    case 'sql':
      return 'events that a statement calls good';
  }
}

function ofWhat({ operation, environment }: { operation?: string | null; environment?: string | null }): string {
  return `${operation == null ? '' : ` ${operation}`}${environment == null ? '' : ` in ${environment}`}`;
}

/** The largest burn of the shortest row: how fast it burns now. */
export function burnNow(slo: Pick<SloView, 'burns'>): number | undefined {
  return slo.burns[0]?.long_burn ?? undefined;
}

/** How much of the bar is filled, 0 to 1; what is overspent has none left. */
export function leftOf({ budget }: Pick<SloView, 'budget'>): number {
  return Math.min(1, Math.max(0, budget.left_share ?? 0));
}
