import { expect, test } from 'vitest';
import { flag, number, oneOf, parseSearch, stringifySearch, text, texts } from './search';

test('an id of digits stays what it is', () => {
  const search = parseSearch('?trace=00012345678901234567890123456789');

  expect(text(search.trace)).toBe('00012345678901234567890123456789');
});

test('what is written is read again', () => {
  const search = { service: 'check out', attribute: ['http.route=/cart', 'a=b&c'], page: 2, raw: true, none: undefined };

  const again = parseSearch(stringifySearch(search));

  expect(texts(again.attribute)).toEqual(search.attribute);
  expect(text(again.service)).toBe('check out');
  expect(number(again.page)).toBe(2);
  expect(flag(again.raw)).toBe(true);
  expect('none' in again).toBe(false);
});

test('what does not fit is as if it was not there', () => {
  expect(number('many')).toBeUndefined();
  expect(oneOf('sideways', ['up', 'down'])).toBeUndefined();
  expect(text('')).toBeUndefined();
  expect(texts([])).toBeUndefined();
});
