import { expect, test } from 'vitest';
import { figuresOf, functionsOf, isMeasured, kindOf, peaksOf, seriesName, unitName, unitOf, unitWord } from './measures';
import { chipsOf, filterOf, toggledLabel } from './search';

const sent = (type: string, temporality: string | null, monotonic: boolean | null) => kindOf({ type, temporality, monotonic, series: 1 });

test('what points mean is as the server has it', () => {
  expect(sent('gauge', null, null)).toBe('level');
  expect(sent('sum', 'cumulative', false)).toBe('level');
  expect(sent('sum', 'cumulative', true)).toBe('counter');
  expect(sent('sum', 'delta', false)).toBe('counter');
  expect(sent('summary', null, null)).toBe('distribution');
  expect(functionsOf('level')[0]).toBe('avg');
  expect(functionsOf('counter')[0]).toBe('rate');
});

test('the unit follows the function', () => {
  expect(unitOf('http.server.request.duration', 's', 'distribution', 'p95')).toBe('s');
  expect(unitOf('http.server.request.duration', 's', 'distribution', 'rate')).toBe('per_second');
  expect(unitOf('http.server.request.duration', 's', 'distribution', 'increase')).toBe('count');
  expect(unitOf('network.io', 'By', 'counter', 'rate')).toBe('bytes_per_second');
  expect(unitOf('network.io', 'By', 'counter', 'increase')).toBe('bytes');
  expect(unitOf('process.cpu.time', 's', 'counter', 'rate')).toBe('number');
  expect(unitOf('process.cpu.utilization', '1', 'level', 'avg')).toBe('share');
  expect(unitOf('queue.length', '{message}', 'level', 'max')).toBe('number');
  expect([unitName('{message}'), unitName('EUR'), unitName('By'), unitName(null)]).toEqual(['message', 'EUR', undefined, undefined]);
  expect([unitWord('{message}'), unitWord('By'), unitWord('s'), unitWord('1'), unitWord(null)]).toEqual(['message', 'bytes', 'seconds', undefined, undefined]);
});

test('exemplars stand beside values, and not beside rates', () => {
  expect(isMeasured('distribution', 'p99')).toBe(true);
  expect(isMeasured('distribution', 'rate')).toBe(false);
  expect(isMeasured('counter', 'increase')).toBe(false);
});

test('of many exemplars the largest of each bucket is drawn', () => {
  const points = [
    { time: 100, value: 1 },
    { time: 900, value: 5 },
    { time: 950, value: 3 },
    { time: 1100, value: 2 },
  ];

  expect(peaksOf(points, 1000).map(({ value }) => value)).toEqual([5, 2]);
});

test('figures leave out what is not there', () => {
  expect(figuresOf([null, 1, 3, null])).toEqual({ min: 1, avg: 2, max: 3, last: 3 });
  expect(figuresOf([null])).toEqual({ min: undefined, avg: undefined, max: undefined, last: undefined });
});

test('a series is named by its labels, in the order of the question', () => {
  const series = { labels: { a: '1', b: null }, values: [] };

  expect(seriesName(series, ['b', 'a'], 'all')).toBe('(none) · 1');
  expect(seriesName(series, [], 'all')).toBe('all');
});

test('filters and labels go into the address and back', () => {
  expect(chipsOf(filterOf([{ key: 'a', value: '200' }, { key: 'b', value: '(none)' }])).map(({ key, value }) => [key, value])).toEqual([['a', '200'], ['b', '(none)']]);
  expect(filterOf([{ key: 'b', value: '(none)' }])).toBe('{"b":null}');
  expect(toggledLabel('a,b', 'a')).toBe('b');
  expect(toggledLabel('a', 'a')).toBeUndefined();
  expect(toggledLabel('a,b,c,d', 'e')).toBe('b,c,d,e');
});
