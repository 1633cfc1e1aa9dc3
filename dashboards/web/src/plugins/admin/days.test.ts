import { expect, test } from 'vitest';
import { bytesByDay } from './days';

test('days stand one beside the other, with the largest table first and none left out between', () => {
  const { times, series } = bytesByDay([
    { day: '2026-01-01T00:00:00Z', table_name: 'logs', bytes: 5 },
    { day: '2026-01-20T00:00:00Z', table_name: 'logs', bytes: 7 },
    { day: '2026-01-20T00:00:00Z', table_name: 'spans', bytes: 100 },
  ]);

  expect(times).toHaveLength(20);
  expect(series.map(({ name }) => name)).toEqual(['spans', 'logs']);
  expect(series[1]?.values[0]).toBe(5);
  expect(series[1]?.values[1]).toBe(0);
  expect(series[1]?.values[19]).toBe(7);
});

test('few days do not fill the chart', () => {
  expect(bytesByDay([{ day: '2026-01-20T00:00:00Z', table_name: 'logs', bytes: 7 }]).times).toHaveLength(14);
});
