import { expect, test } from 'vitest';
import { faultOf, rangeBetween, relativeName, timeOf, widened } from './range';

const NOW = Date.parse('2026-11-26T12:00:00Z');

test('times are read as the API reads them', () => {
  expect(timeOf('now', NOW)).toBe(NOW);
  expect(timeOf('now-90s', NOW)).toBe(NOW - 90_000);
  expect(timeOf('now-2w', NOW)).toBe(NOW - 14 * 86_400_000);
  expect(timeOf('2026-11-26T11:00:00Z', NOW)).toBe(NOW - 3_600_000);
  expect(timeOf('yesterday', NOW)).toBeUndefined();
  expect(timeOf('now-1y', NOW)).toBeUndefined();
});

test('a range that ends before it starts is refused', () => {
  expect(faultOf({ from: 'now', to: 'now-1h' })).toContain('before');
  expect(faultOf({ from: 'x', to: 'now' })).toContain('start');
  expect(faultOf({ from: 'now-1h', to: 'now' })).toBeUndefined();
});

test('a drag in either direction is a range of at least a second', () => {
  expect(rangeBetween(NOW, NOW - 60_000)).toEqual({ from: '2026-11-26T11:59:00.000Z', to: '2026-11-26T12:00:00.000Z' });
  expect(rangeBetween(NOW, NOW + 10).to).toBe('2026-11-26T12:00:01.000Z');
});

test('a wider range does not reach into the future', () => {
  expect(widened({ from: 'now-1h', to: 'now' }, NOW)).toEqual({
    from: '2026-11-26T10:00:00.000Z',
    to: '2026-11-26T12:00:00.000Z',
  });
});

test('relative ranges have names', () => {
  expect(relativeName({ from: 'now-1h', to: 'now' })).toBe('Last hour');
  expect(relativeName({ from: 'now-45m', to: 'now' })).toBe('Last 45 minutes');
  expect(relativeName({ from: 'now-2h', to: 'now-1h' })).toBeUndefined();
});
