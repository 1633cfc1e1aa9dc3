import { expect, test } from 'vitest';
import type { KeyView } from '../../api/schema';
import { expiryOf, isRotatable, keyState, networksOf } from './keyState';

const NOW = Date.parse('2026-01-10T00:00:00Z');
const key = (more: Partial<KeyView>): KeyView => ({ id: 'k', name: 'collector', roles: [], allowed_from: [], made_by: 'ann', made_at: '2026-01-01T00:00:00Z', ...more });

test('a key is active until it expires or is revoked, whichever is first', () => {
  expect(keyState(key({}), NOW).state).toBe('active');
  expect(keyState(key({ expires_at: '2026-03-01T00:00:00Z' }), NOW).told).toBe('active');
  expect(keyState(key({ expires_at: '2026-01-13T00:00:00Z' }), NOW).told).toMatch(/^expires in 3/);
  expect(keyState(key({ expires_at: '2026-01-10T00:00:00Z' }), NOW).state).toBe('expired');
  expect(keyState(key({ expires_at: '2026-01-02T00:00:00Z', revoked_at: '2026-01-09T00:00:00Z' }), NOW).state).toBe('revoked');
});

test('a key that was rotated tells when it ends, and is not rotated again', () => {
  const replaced = key({ expires_at: '2026-01-11T00:00:00Z', replaced_by: 'other' });

  expect(keyState(replaced, NOW).told).toMatch(/^replaced, ends in 1/);
  expect([isRotatable(replaced, NOW), isRotatable(key({}), NOW), isRotatable(key({ revoked_at: '2026-01-09T00:00:00Z' }), NOW)]).toEqual([false, true, false]);
});

test('networks may be written in any of the usual ways', () => {
  expect(networksOf(' 10.1.0.0/16, 10.2.0.0/16\n::1/128 ')).toEqual(['10.1.0.0/16', '10.2.0.0/16', '::1/128']);
  expect(networksOf('')).toEqual([]);
});

test('an expiry is days from now', () => {
  expect(expiryOf(1, NOW)).toBe('2026-01-11T00:00:00.000Z');
  expect(expiryOf(undefined, NOW)).toBeUndefined();
});
