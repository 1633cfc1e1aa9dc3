import { describe, expect, it } from 'vitest';
import type { IncidentView } from '../../../api/schema';
import { nameOf, targetOf, unitOf } from './figures';
import { byUrgency, promiseOf } from './urgency';

const OPENED = '2026-01-31T10:00:00Z';

function incident(number: string, priority: IncidentView['priority'], is_active: boolean, opened_at = OPENED): IncidentView {
  return { number, priority, is_active, opened_at } as IncidentView;
}

describe('incidents', () => {
  it('are in the order in which they need somebody', () => {
    const all = [
      incident('over', 'P1', false),
      incident('over later', 'P4', false, '2026-01-31T11:00:00Z'),
      incident('later', 'P2', true, '2026-01-31T11:00:00Z'),
      incident('sooner', 'P2', true),
      incident('worst', 'P1', true, '2026-01-31T12:00:00Z'),
    ];
    expect(byUrgency(all).map((each) => each.number)).toEqual(['worst', 'sooner', 'later', 'over later', 'over']);
  });

  it('promise an answer while they are open, and then their end', () => {
    const open = { status: 'open', is_active: true, counts_from: OPENED, response_target_seconds: 900, resolution_target_seconds: 14_400 } as const;
    const now = Date.parse('2026-01-31T10:20:00Z');
    expect(promiseOf(open, now)).toEqual({ what: 'answer', until: Date.parse('2026-01-31T10:15:00Z'), isLate: true });
    expect(promiseOf({ ...open, status: 'acknowledged' }, now)).toEqual({ what: 'resolution', until: Date.parse('2026-01-31T14:00:00Z'), isLate: false });
    expect(promiseOf({ ...open, status: 'resolved', is_active: false })).toBeUndefined();
    expect(promiseOf({ ...open, response_target_seconds: null, resolution_target_seconds: null })).toBeUndefined();
  });
});

describe('figures', () => {
  it('have units and targets in words', () => {
    const figure = { name: 'first_response_seconds', target: { below: 3600 } };
    expect([nameOf(figure), unitOf(figure), targetOf(figure.target, 's')]).toEqual(['First response', 's', 'target below 1\u00a0h']);
    expect(unitOf({ name: 'escalated_share', target: { below: 0.2 } })).toBe('share');
  });

  it('that are new are shown by their own name', () => {
    expect(nameOf({ name: 'pages_per_night', target: { below: 1 } })).toBe('pages per night');
  });
});
