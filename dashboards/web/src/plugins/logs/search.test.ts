import { expect, test } from 'vitest';
import { chipsOf, isFiltered, logSearch, searchOf, wantedOf } from './search';

test('chips say what the address says, and the other way round', () => {
  const search = logSearch({ service: 'cart', trace_id: 'ab', attributes: '{"http.route":"/cart","retry":3}' });

  expect(chipsOf(search).map(({ key, value }) => `${key}=${value}`)).toEqual(['service=cart', 'trace_id=ab', 'http.route=/cart', 'retry=3']);
  expect(searchOf(chipsOf(search))).toMatchObject({ service: 'cart', trace_id: 'ab', attributes: '{"http.route":"/cart","retry":3}' });
});

test('of two values of one field the last is meant', () => {
  const chips = [
    { key: 'service', value: 'cart', isNot: false },
    { key: 'service', value: 'checkout', isNot: false },
  ];

  expect(searchOf(chips).service).toBe('checkout');
});

test('how lines are shown is not asked of the server', () => {
  const search = logSearch({ view: 'live', wrap: 'true', sort: 'newest', line: 'x', text: 'refused' });

  expect(search).toMatchObject({ view: 'live', wrap: true, sort: undefined });
  expect(wantedOf(search)).toMatchObject({ text: 'refused' });
  expect(wantedOf(search)).not.toHaveProperty('view');
  expect(isFiltered(search)).toBe(true);
  expect(isFiltered(logSearch({ view: 'live' }))).toBe(false);
});

test('what is no JSON is no filter', () => {
  expect(chipsOf(logSearch({ attributes: '{"a":' }))).toEqual([]);
});
