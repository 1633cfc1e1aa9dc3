import { expect, test } from 'vitest';
import { columnsOf, fold, withGaps } from './fold';
import { isNumeric, nested, numberOf, type Rows } from './rows';

const column = (name: string, type: string) => ({ name, type });
const OVER_TIME: Rows = {
  columns: [column('time', 'timestamp'), column('service', 'text'), column('requests', 'bigint')],
  rows: [
    ['2026-01-01T00:01:00Z', 'cart', 2],
    ['2026-01-01T00:00:00Z', 'cart', 1],
    ['2026-01-01T00:00:00Z', 'web', 5],
  ],
};

test('the first time is the axis, the first text tells series apart, numbers are drawn', () => {
  expect(columnsOf(OVER_TIME, {})).toEqual({ x: 0, y: [2], series: 1 });
  expect(fold(OVER_TIME, {})).toMatchObject({
    times: [Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 1, 0, 1)],
    series: [
      { name: 'cart', values: [1, 2] },
      { name: 'web', values: [5, null] },
    ],
  });
});

test('without a time the axis is the first text, and each column of numbers is a series', () => {
  const rows: Rows = { columns: [column('route', 'text'), column('now', 'double'), column('before', 'double')], rows: [['/b', 3, 1], ['/a', 1, null]] };

  expect(fold(rows, {})).toMatchObject({ x: 'route', times: undefined, names: ['/b', '/a'], series: [{ name: 'now', values: [3, 1] }, { name: 'before', values: [1, null] }] });
});

test('what is said of columns counts before what fits', () => {
  const rows: Rows = { columns: [column('host', 'text'), column('state', 'text'), column('n', 'uinteger')], rows: [['a', 'run', 1], ['a', 'sleep', 2]] };

  expect(fold(rows, { x: 'state', series: 'host' }).series).toEqual([{ name: 'a', values: [1, 2] }]);
  expect(fold(rows, { x: 'host', series: 'state', y: ['n'] }).series.map((each) => each.name)).toEqual(['run', 'sleep']);
});

test('of many series the first are drawn, and the others are counted', () => {
  const rows: Rows = { columns: [column('time', 'timestamp'), column('id', 'text'), column('n', 'bigint')], rows: Array.from({ length: 250 }, (_, at) => ['2026-01-01T00:00:00Z', `id ${at}`, at]) };

  const { series, seriesLeftOut } = fold(rows, {});

  expect([series.length, series[99]?.values, seriesLeftOut]).toEqual([100, [99], 150]);
});

test('intervals without a row are gaps', () => {
  const start = Date.UTC(2026, 0, 1);

  const filled = withGaps(fold(OVER_TIME, {}), 60_000, start - 90_000, start + 180_000);

  expect(filled.times).toEqual([-1, 0, 1, 2].map((minute) => start + minute * 60_000));
  expect(filled.series[0]?.values).toEqual([null, 1, 2, null]);
});

test('types of SQL are told apart', () => {
  expect(['bigint', 'ubigint', 'integer', 'uinteger', 'double', 'decimal(20,0)', 'smallint'].every((type) => isNumeric(column('x', type)))).toBe(true);
  expect(['text', 'interval', 'ubigint[]', 'timestamp', 'binary'].some((type) => isNumeric(column('x', type)))).toBe(false);
  expect(numberOf('18446744073709551615')).toBe(18446744073709552000);
  expect(numberOf('NaN')).toBeNull();
});

test('JSON is spread over lines, texts that only begin like it are left alone', () => {
  expect(nested('{"a":1}')).toBe('{\n  "a": 1\n}');
  expect(nested('[x')).toBeUndefined();
  expect(nested([1])).toBe('[\n  1\n]');
});
