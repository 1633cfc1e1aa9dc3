import { expect, test } from 'vitest';
import { columnOf } from './columnOf';

test('names of columns say their unit', () => {
  expect(columnOf({ name: 'p95_ms' })).toEqual({ name: 'p95', unit: 'ms' });
  expect(columnOf({ name: 'duration_ns' })).toEqual({ name: 'Duration', unit: 'ns' });
  expect(columnOf({ name: 'per_second' })).toEqual({ name: 'Per second', unit: 'per_second' });
  expect(columnOf({ name: 'orders' }, 'EUR')).toEqual({ name: 'Orders', unit: 'in EUR' });
});
