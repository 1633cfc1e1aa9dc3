import { describe, expect, it } from 'vitest';
import type { SloView } from '../../api/schema';
import { NEW_SLO, textsOf, wantedOf } from './form';
import { leftOf, precise, promiseOf } from './slo';

const SLO: SloView = {
  name: 'checkout-latency',
  service: 'checkout',
  description: '',
  owner: 'shop',
  objective: 99.95,
  window_days: 7,
  bad_events_min: 3,
  indicator: { kind: 'latency', threshold_ms: 500, operation: 'POST /checkout', environment: null },
  version: 4,
  generation: 1,
  state: 'ok',
  budget: { bad: 1, good: 9, valid: 10, total_bad: 2, left_bad: 1, left_share: 0.5 },
  burns: [],
  warnings: [],
};

describe('the form of an SLO', () => {
  it('says what the SLO says, and keeps what it has no field for', () => {
    const { indicator, bad_events_min, version, objective } = wantedOf(textsOf(SLO), SLO);
    expect({ indicator, bad_events_min, version, objective }).toEqual({ indicator: SLO.indicator, bad_events_min: 3, version: 4, objective: 99.95 });
  });

  it('says what its kind needs and nothing else', () => {
    expect(wantedOf({ ...NEW_SLO, kind: 'freshness' }).indicator).toEqual({ kind: 'freshness', signal: 'spans', max_age_seconds: 120 });
    expect(wantedOf(NEW_SLO)).not.toHaveProperty('version');
  });
});

describe('figures of an SLO', () => {
  it('tell shares from objectives of many digits', () => {
    expect(precise(0.99951)).toBe('99.951\u00a0%');
    expect(precise(0.778761)).toBe('77.9\u00a0%');
    expect(precise(null)).toBe('–');
  });

  it('have no budget left when it is overspent', () => {
    expect(leftOf(SLO)).toBe(0.5);
    expect(leftOf({ budget: { ...SLO.budget, left_share: -48 } })).toBe(0);
  });

  it('say what was promised', () => {
    expect(promiseOf(SLO.indicator)).toBe('requests POST /checkout within 500\u00a0ms');
  });
});
