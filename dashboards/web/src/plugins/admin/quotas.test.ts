import { expect, test } from 'vitest';
import { quotasOf } from './quotas';

test('points of the three metrics become one row, the most used first', () => {
  const row = (name: string, tenant: string, value: number) => ({ name: `observatory.quota.${name}`, tenant, quota: 'bytes_per_day', value });
  const quotas = quotasOf([row('used', 'acme', 10), row('limit', 'acme', 100), row('used', 'globex', 90), row('limit', 'globex', 100), row('refused', 'globex', 3)]);

  expect(quotas).toEqual([
    { tenant: 'globex', quota: 'bytes_per_day', used: 90, limit: 100, refused: 3, share: 0.9 },
    { tenant: 'acme', quota: 'bytes_per_day', used: 10, limit: 100, refused: undefined, share: 0.1 },
  ]);
});
