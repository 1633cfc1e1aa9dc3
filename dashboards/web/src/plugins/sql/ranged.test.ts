import { expect, test } from 'vitest';
import { askedOf, bound, isRanged, placed } from './ranged';

const TIMES = { from: 1n, to: 60_000_000_001n, interval_seconds: 5 };
const HOUR = { from: '2026-01-01T00:00:00Z', to: '2026-01-01T01:00:00Z' };

test('names become parameters behind those of the statement, and each value is sent once', () => {
  const { sql, params } = bound('SELECT time_bucket($interval, t) FROM s WHERE a = $1 AND t >= $from AND t < $to AND u >= $from', ['x'], TIMES);

  expect(sql).toBe(
    'SELECT time_bucket(cast($2 AS interval), t) FROM s WHERE a = $1 AND t >= to_timestamp_nanos(cast($3 AS bigint)) AND t < to_timestamp_nanos(cast($4 AS bigint)) AND u >= to_timestamp_nanos(cast($3 AS bigint))',
  );
  expect(params).toEqual(['x', '5 seconds', '1', '60000000001']);
  expect(bound('$interval_seconds, $range_seconds', [], TIMES)).toEqual({ sql: 'cast($1 AS double), cast($2 AS double)', params: [5, 60] });
});

test('a statement without names is asked as it is', () => {
  const sql = "SELECT '$from', constructor -- $to\nWHERE a = $1 AND b = $constructor";

  expect(isRanged(sql)).toBe(false);
  expect(askedOf({ sql, params: '[1]' }, HOUR)).toEqual({ statement: { sql, params: [1] }, times: undefined });
});

test('the range is that of the page, and relative to the time that is meant', () => {
  const sql = 'SELECT $from';

  expect(askedOf({ sql }, HOUR).statement.params).toEqual(['1767225600000000000']);
  expect(askedOf({ sql }, HOUR).times?.interval_seconds).toBe(15);
  expect(askedOf({ sql, as_of: '2026-01-01T01:00:00Z' }, { from: 'now-1h', to: 'now' }).statement).toMatchObject({ params: ['1767225600000000000'], as_of: '2026-01-01T01:00:00Z' });
});

test('no parameter is given for a name by hand, and none has the value of one', () => {
  expect(() => askedOf({ sql: 'SELECT $from', params: '{"from": 1}' }, HOUR)).toThrow('not a JSON array');
  expect(() => askedOf({ sql: 'SELECT $from, $2', params: '[1]' }, HOUR)).toThrow('parameter $2 has no value');
});

test('a fault is where it was written', () => {
  const written = { sql: "SELECT nothing\nFROM s WHERE a = $1 AND t >= $from AND t < $to AND wrong", params: '["x"]' };
  const sent = bound(written.sql, ['x'], TIMES).sql;
  const lineOf = (sql: string, line: number) => sql.split('\n')[line - 1] ?? '';
  const check = (line: number, part: string, expected = part) => {
    const column = lineOf(sent, line).indexOf(part) + 1;
    expect(placed({ line, column, message: '' }, written)).toEqual({ line, column: lineOf(written.sql, line).indexOf(expected) + 1, message: '' });
  };

  check(1, 'nothing');
  check(2, 'a = $1');
  check(2, 'wrong');
  check(2, 'bigint', '$from');
});
