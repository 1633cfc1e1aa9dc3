import { describe, expect, it } from 'vitest';
import type { AlertView } from '../../../api/schema';
import { traceOf } from '../elsewhere';
import { byRule, mentions } from './groups';
import { matchersOf, readMatchers } from './matchers';
import { unitOf } from './units';

function alert(rule: string, severity: AlertView['severity'], labels: Record<string, string> = {}): AlertView {
  return { id: rule, rule, severity, labels, active_since: '2026-01-31T10:00:00Z', annotations: {}, fingerprint: '', state: 'firing', traces: [] };
}

describe('matchers', () => {
  it('are of the rule and all labels, quoted', () => {
    expect(matchersOf({ rule: 'Slow "API"', labels: { service: 'cart' } })).toEqual(['rule="Slow \\"API\\""', 'service="cart"']);
  });

  it('leave out what would not fit in a line', () => {
    expect(matchersOf({ rule: 'Slow', labels: { text: 'a\nb' } })).toEqual(['rule="Slow"']);
  });

  it('are read from lines', () => {
    expect(readMatchers(' a=b \n\nc=~"d.*"\n')).toEqual(['a=b', 'c=~"d.*"']);
  });
});

describe('alerts', () => {
  it('stand below their rules, critical ones first, in the order of the server', () => {
    const groups = byRule([alert('b', 'warning'), alert('a', 'critical'), alert('c', 'warning'), alert('b', 'warning')]);
    expect(groups.map((group) => [group.rule, group.alerts.length])).toEqual([
      ['a', 1],
      ['b', 2],
      ['c', 1],
    ]);
  });

  it('are found by rule and labels, all words', () => {
    const slow = alert('API Slow', 'info', { service: 'cart' });
    expect(mentions(slow, 'slow service=ca')).toBe(true);
    expect(mentions(slow, 'slow checkout')).toBe(false);
    expect(mentions(slow, '')).toBe(true);
  });
});

describe('units', () => {
  it('follow the measure', () => {
    expect(unitOf('- name: a\n  condition: p95_response_time > 150ms\n')).toBe('ms');
    expect(unitOf('- name: a\n  condition: "error_rate > 1%"\n')).toBe('share');
    expect(unitOf('- name: a\n  condition: request_rate > 1\n')).toBe('per_second');
    expect(unitOf('- name: a\n  condition: db_connection_failed\n')).toBe('count');
  });

  it('are plain numbers where nothing is said', () => {
    expect(unitOf('- name: a\n  sql: select 1 as value\n')).toBe('number');
  });
});

describe('links', () => {
  it('to traces are those of the app', () => {
    const id = '8bd8d2ab2fff10e5fbc200185ef3d013';
    expect(traceOf(`/api/v1/apm/traces/${id}`)).toBe(id);
    expect(traceOf(`https://observatory.example.org/traces/${id}`)).toBe(id);
    expect(traceOf('https://wiki.example.org/traces')).toBeUndefined();
  });
});
