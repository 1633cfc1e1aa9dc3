import { expect, test } from 'vitest';
import { attributesOf, parseFilter, wantedOf, writeFilter } from './filters';

test('a filter that is written is read again', () => {
  for (const text of ['http.route=/cart', 'http.route!=/cart', 'query=a=b']) {
    const filter = parseFilter(text);
    expect(filter && writeFilter(filter)).toBe(text);
  }
  expect(parseFilter('http.route')).toBeUndefined();
  expect(parseFilter('=x')).toBeUndefined();
});

test('values keep their type, and quotes make texts of them', () => {
  const filters = ['shop.vip=true', 'http.status=503', 'zip="00501"', 'order=00501', 'region!=eu'].flatMap((text) => parseFilter(text) ?? []);

  expect(attributesOf(filters)).toEqual({
    attributes: '{"shop.vip":true,"http.status":503,"zip":"00501","order":"00501"}',
    not_attributes: '{"region":"eu"}',
  });
});

test('first the key is completed, then its value', () => {
  expect(wantedOf('http.r')).toMatchObject({ words: 'http.r', isValue: false });
  expect(wantedOf('http.route = /c')).toMatchObject({ key: 'http.route', words: '/c', isValue: true });
});
