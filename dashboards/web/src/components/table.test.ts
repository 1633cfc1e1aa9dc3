import { expect, test } from 'vitest';
import { ROW_HEIGHT, rowWindow, topFor } from './rowWindow';
import { sortedBy, timeOf } from './sorting';

test('rows without a value come last in either order', () => {
  const rows = [{ v: 2 }, { v: null }, { v: 10 }];

  expect(sortedBy(rows, (row) => row.v, false).map((row) => row.v)).toEqual([2, 10, null]);
  expect(sortedBy(rows, (row) => row.v, true).map((row) => row.v)).toEqual([10, 2, null]);
});

test('texts with numbers are sorted as people count', () => {
  expect(sortedBy(['pod-10', 'pod-2'], (row) => row, false)).toEqual(['pod-2', 'pod-10']);
});

test('times are sorted as they pass, however many digits they have', () => {
  const rows = ['2026-11-26T08:50:02.5Z', '2026-11-26T08:50:02.45Z', '', '2026-11-26T08:50:02Z'];

  expect(sortedBy(rows, timeOf((row) => row), false).map((row) => row.slice(17))).toEqual(['02Z', '02.45Z', '02.5Z', '']);
});

test('only rows in sight are drawn', () => {
  const seen = rowWindow(100_000, 3200, 320);

  expect(seen.first).toBeLessThanOrEqual(100);
  expect(seen.last).toBeGreaterThanOrEqual(110);
  expect(seen.last - seen.first).toBeLessThan(40);
  expect(seen.offset).toBe(seen.first * ROW_HEIGHT);
});

test('the last of a million rows is at the end of the scroll bar', () => {
  const view = 320;
  const { height } = rowWindow(1_000_000, 0, view);

  const end = rowWindow(1_000_000, height - view, view);

  expect(height).toBeLessThanOrEqual(10_000_000);
  expect(end.last).toBe(1_000_000);
  const lastRowTop = end.offset + (999_999 - end.first) * ROW_HEIGHT;
  expect(lastRowTop + ROW_HEIGHT).toBeCloseTo(height, 3);
});

test('a row is brought into sight with as little scrolling as it takes', () => {
  expect(topFor(5, 100, 0, 320)).toBe(0);
  expect(topFor(10, 100, 0, 320)).toBe(ROW_HEIGHT);
  expect(topFor(0, 100, 640, 320)).toBe(0);
});
