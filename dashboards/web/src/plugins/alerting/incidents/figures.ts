// Figures of incidents in words, each with its unit and what is better.

import type { Figure, Target } from '../../../api/schema';
import { format, type Unit } from '../../../format/number';

const NAMES: Record<string, string> = {
  first_response_seconds: 'First response',
  resolution_seconds_tier_1: 'Resolved by level 1 in',
  resolution_seconds_tier_2: 'Resolved above it in',
  satisfied_share: 'Satisfied',
  escalated_share: 'Escalated',
  resolved_share: 'Resolved',
};

/** A figure that this app does not know yet is shown by its own name. */
export function nameOf(figure: Figure): string {
  return NAMES[figure.name] ?? figure.name.replaceAll('_', ' ');
}

export function unitOf(figure: Figure): Unit {
  if (figure.name.includes('_seconds')) return 's';
  return figure.name.endsWith('_share') ? 'share' : 'number';
}

/** `below 1 h`, `above 90 %`. */
export function targetOf(target: Target, unit: Unit): string {
  return 'below' in target ? `target below ${format(target.below, unit)}` : `target above ${format(target.above, unit)}`;
}
