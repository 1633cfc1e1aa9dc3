// Which incident is to be looked at first, and how long there is.

import type { IncidentView } from '../../../api/schema';
import { millis } from '../../../format/time';

/** Active ones first, then by priority, then the oldest of the active and the newest of those that are over. */
export function byUrgency(incidents: readonly IncidentView[]): IncidentView[] {
  return [...incidents].sort((one, other) => {
    if (one.is_active !== other.is_active) return one.is_active ? -1 : 1;
    if (!one.is_active) return millis(other.opened_at) - millis(one.opened_at);
    return one.priority.localeCompare(other.priority) || millis(one.opened_at) - millis(other.opened_at);
  });
}

type Counted = Pick<IncidentView, 'status' | 'is_active' | 'counts_from' | 'response_target_seconds' | 'resolution_target_seconds'>;

/** Until when something is promised, in milliseconds since 1970: an answer, and then the end. */
export function promiseOf(incident: Counted, now = Date.now()): { what: string; until: number; isLate: boolean } | undefined {
  if (!incident.is_active) return undefined;
  const from = millis(incident.counts_from);
  const isOpen = incident.status === 'open' && incident.response_target_seconds != null;
  const seconds = isOpen ? incident.response_target_seconds : incident.resolution_target_seconds;
  if (seconds == null) return undefined;
  const until = from + seconds * 1000;
  return { what: isOpen ? 'answer' : 'resolution', until, isLate: until < now };
}
