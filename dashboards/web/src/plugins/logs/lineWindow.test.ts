import { expect, test } from 'vitest';
import { lineAt, lineWindow, tops, USUAL_HEIGHT } from './lineWindow';

const keys = Array.from({ length: 1000 }, (_, at) => String(at));

test('lines that are not measured are as high as usual', () => {
  const all = tops(['a', 'b', 'c'], new Map([['b', 100]]));

  expect([...all]).toEqual([0, USUAL_HEIGHT, USUAL_HEIGHT + 100, 2 * USUAL_HEIGHT + 100]);
  expect(lineAt(all, USUAL_HEIGHT + 99)).toBe(1);
  expect(lineAt(all, USUAL_HEIGHT + 100)).toBe(2);
});

test('the window has what is in sight and a few beyond', () => {
  const all = tops(keys, new Map());

  const { first, last } = lineWindow(all, 500 * USUAL_HEIGHT, 10 * USUAL_HEIGHT);

  expect(first).toBeLessThan(500);
  expect(last).toBeGreaterThan(510);
  expect(last - first).toBeLessThan(40);
});

test('neither end is passed', () => {
  expect(lineWindow(tops(keys, new Map()), 0, 100).first).toBe(0);
  expect(lineWindow(tops(keys, new Map()), 1e9, 100).last).toBe(1000);
  expect(lineWindow(tops([], new Map()), 0, 100)).toEqual({ first: 0, last: 0 });
});
