import { describe, expect, test } from 'vitest';
import { spread } from './json';
import { bytes, count, duration, exact, fixed, format, rate, share, unitOf } from './number';
import { ago, clockOf } from './time';

const plain = (text: string) => text.replaceAll('\u00a0', ' ');

describe('durations', () => {
  test.each([
    [0, '0'],
    [870, '870 ns'],
    [12_345, '12.3 µs'],
    [3_653_631, '3.65 ms'],
    [999_600_000, '1 s'],
    [1_317_011_455, '1.32 s'],
    [59_960_000_000, '1 min'],
    [125e9, '2 min 5 s'],
    [3 * 3600e9 + 12 * 60e9, '3 h 12 min'],
    [4 * 86_400e9 + 3600e9 * 2, '4 d 2 h'],
    [-1_500_000, '-1.5 ms'],
  ])('%d ns is %s', (ns, expected) => {
    expect(plain(duration(ns))).toBe(expected);
  });
});

describe('numbers', () => {
  test('counts are whole until they are long', () => {
    expect(count(9999)).toBe('9,999');
    expect(count(12_345)).toBe('12.3K');
    expect(exact(1_234_567)).toBe('1,234,567');
  });

  test('shares have three digits, and what is small is not nothing', () => {
    expect(plain(share(0.035698))).toBe('3.57 %');
    expect(plain(share(0.000412))).toBe('0.04 %');
    expect(plain(share(0.00001))).toBe('<0.01 %');
    expect(plain(share(0))).toBe('0 %');
  });

  test('rates are told in the unit that leaves something to read', () => {
    expect(rate(2.0052)).toBe('2.01/s');
    expect(rate(0.055)).toBe('0.055/s');
    expect(rate(0.002)).toBe('0.12/min');
    expect(rate(0.0001)).toBe('0.36/h');
    expect(rate(0)).toBe('0/s');
  });

  test('bytes go up by thousands', () => {
    expect(plain(bytes(999))).toBe('999 B');
    expect(plain(bytes(1_234_567))).toBe('1.23 MB');
    expect(plain(format(2500, 'bytes_per_second'))).toBe('2.5 kB/s');
  });

  test('what is not there is a dash', () => {
    expect(format(null, 'ms')).toBe('–');
    expect(format(Number.NaN, 'count')).toBe('–');
  });
});

describe('times', () => {
  const clock = clockOf('utc', () => new Date('2026-11-26T12:00:00Z'));

  test('a time of today has no date', () => {
    expect(clock.short('2026-11-26T08:50:02.72989702Z')).toBe('08:50:02');
    expect(clock.short('2026-11-25T08:50:02Z')).toBe('2026-11-25 08:50:02');
  });

  test('a full time has milliseconds', () => {
    expect(clock.full('2026-11-26T08:50:02.72989702Z')).toBe('2026-11-26 08:50:02.729');
  });

  test('how long ago is told by the largest unit', () => {
    const now = Date.parse('2026-11-26T12:00:00Z');
    expect(plain(ago('2026-11-26T11:59:48Z', now))).toBe('12 s ago');
    expect(plain(ago('2026-11-26T09:59:00Z', now))).toBe('2 h ago');
    expect(plain(ago('2026-11-26T12:05:00Z', now))).toBe('in 5 min');
  });
});

test('units of metrics and dashboards are read, others stand behind the number', () => {
  expect(format(1536, unitOf('By'))).toBe('1.54\u00a0kB');
  expect(format(12_345, unitOf('EUR'))).toBe('€12.3K');
  expect(format(-2, unitOf('EUR'))).toBe('-€2');
  expect(format(3, unitOf('{message}'))).toBe('3\u00a0message');
  expect(format(0.25, unitOf('/min'))).toBe('0.25/min');
});

test('digits after the point are as many as are wanted', () => {
  expect(fixed(0.99912, 'share', 3)).toBe('99.912\u00a0%');
  expect(fixed(12_345.6, unitOf('EUR'), 0)).toBe('€12,346');
  expect(fixed(3, 'per_second', 1)).toBe('3.0/s');
  expect(fixed(null, 'ms', 0)).toBe('–');
});

test('JSON is spread over lines, anything else stays', () => {
  expect(spread('{"a":[1]}')).toBe('{\n  "a": [\n    1\n  ]\n}');
  expect(spread('{not json')).toBe('{not json');
  expect(spread('12')).toBe('12');
});
