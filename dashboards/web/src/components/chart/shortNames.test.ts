import { expect, test } from 'vitest';
import { shortNames } from './shortNames';

test('the end that all names have is left out', () => {
  expect(shortNames(['worker-0.eu.shop.internal', 'worker-1.eu.shop.internal'])).toEqual(['worker-0', 'worker-1']);
  expect(shortNames(['a.eu.shop', 'b.us.shop'])).toEqual(['a.eu', 'b.us']);
});

test('names that have no such end stay whole', () => {
  expect(shortNames(['cart', 'checkout'])).toEqual(['cart', 'checkout']);
  expect(shortNames(['worker-0.shop', 'shop'])).toEqual(['worker-0.shop', 'shop']);
  expect(shortNames(['.shop', 'a.shop'])).toEqual(['.shop', 'a.shop']);
  expect(shortNames(['alone.shop'])).toEqual(['alone.shop']);
  expect(shortNames([])).toEqual([]);
});

test('versions stay whole', () => {
  expect(shortNames(['1.4.0', '2.4.0'])).toEqual(['1.4.0', '2.4.0']);
});
