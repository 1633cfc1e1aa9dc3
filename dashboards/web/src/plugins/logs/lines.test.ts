import { expect, test } from 'vitest';
import type { LogLine } from '../../api/schema';
import { fieldsOf, keyed } from './lines';

const line = (time: string, body: string): LogLine => ({ time, body, severity_number: 9, attributes: {}, resource_attributes: {} });

test('lines that say just the same have keys of their own', () => {
  const keys = keyed([line('t', 'a'), line('t', 'a'), line('t', 'b'), line('u', 'a')]).map(({ key }) => key);

  expect(new Set(keys).size).toBe(4);
});

test('a key stays when further lines come behind', () => {
  const first = keyed([line('t', 'a')]);

  expect(keyed([line('t', 'a'), line('t', 'a')])[0]?.key).toBe(first[0]?.key);
});

test('values of fields are texts, by name', () => {
  expect(fieldsOf({ b: { c: 1 }, a: 'x', n: 3 })).toEqual([
    { name: 'a', value: 'x' },
    { name: 'b', value: '{"c":1}' },
    { name: 'n', value: '3' },
  ]);
});
