import { expect, test } from 'vitest';
import { filled, namesIn } from './names';
import { unfitFor } from './pinned';
import { millisOf, timesOf } from './times';

const NOW = Date.parse('2026-01-01T00:00:00Z');

const names = (sql: string) => namesIn(sql).map(({ name }) => name);

test('names are found where they stand, each as often as it is there', () => {
  expect(namesIn('t >= $from AND t < $to OR a = $1')).toEqual([{ name: 'from', at: 5 }, { name: 'to', at: 19 }, { name: '1', at: 30 }]);
  expect(names('time_bucket($interval,t),$interval_seconds-$interval')).toEqual(['interval', 'interval_seconds', 'interval']);
  expect(names("'it''s'||$from")).toEqual(['from']);
  expect(names('1 - 1 / $from -- $to\n, $to')).toEqual(['from', 'to']);
});

test('names in texts, quoted names and comments are none', () => {
  for (const sql of ["'$from''$to'", '"$from"', '1 - 1 -- $from', '/* $a /* $b */ $c */ 1', "'$from", '/* $from', '$$ $from $$', '$a$ $from $$ $a$', '$$ $from']) {
    expect(names(sql), sql).toEqual([]);
  }
});

test('what stands for a name takes its place, and others stay', () => {
  expect(filled("$a, '$a', $b $a", (name) => (name === 'a' ? 'x' : undefined))).toBe("x, '$a', $b x");
});

test('parameters of a number cannot be pinned, names can', () => {
  expect(unfitFor('SELECT 1 WHERE a = $1', '', '')).toContain('no parameters');
  expect(unfitFor("SELECT '$1' WHERE t >= $from -- $2", '', '')).toBeUndefined();
});

test('intervals are those of the server', () => {
  const seconds = (from: string, to: string, intervals: number) => timesOf({ from, to }, intervals, NOW).interval_seconds;

  // The cases of `Times::read` in dashboards/src/times.rs.
  expect(seconds('now-1h', 'now', 60)).toBe(60);
  expect(seconds('2025-12-31T00:00:00Z', '2026-01-01T00:00:00Z', 100)).toBe(900);
  expect(seconds('now-400d', 'now', 1)).toBe(7 * 86_400);
  expect(seconds('now-1h', 'now', 240)).toBe(15);
  expect(seconds('2025-12-31T23:00:00Z', '2026-01-01T00:00:00.000000001Z', 240)).toBe(30);
});

test('times are exact, and those that no panel takes are refused', () => {
  const times = timesOf({ from: '2025-12-31T23:59:59.123456789Z', to: 'now' }, 240, NOW);

  expect([times.from, times.to]).toEqual([1_767_225_599_123_456_789n, 1_767_225_600_000_000_000n]);
  expect(millisOf(times.from)).toBe(1_767_225_599_123);
  expect(() => timesOf({ from: 'yesterday', to: 'now' }, 240, NOW)).toThrow("starts at 'yesterday'");
  expect(() => timesOf({ from: 'now', to: 'now-1h' }, 240, NOW)).toThrow('not before its end');
  expect(() => timesOf({ from: 'now-401d', to: 'now' }, 240, NOW)).toThrow('longer than 400 days');
});
