import { expect, test } from 'vitest';
import { countsQuestion, entriesQuestion, facetsOf, toggledAmong } from './audit';

const RANGE = { from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' };

test('what somebody filters by is given as parameters and never written into the statement', () => {
  const { sql, params } = entriesQuestion({ who: ["o'hara", 'ann'], action: ['key.made'], text: '50%_' }, RANGE);

  expect(sql).toContain('who_name in ($3, $4) and action in ($5) and (subject ilike $6');
  expect(sql).not.toContain('hara');
  expect(params).toEqual([{ time: RANGE.from }, { time: RANGE.to }, "o'hara", 'ann', 'key.made', String.raw`%50\%\_%`]);
});

test('counts are of the range and the text alone', () => {
  expect(countsQuestion({ who: ['ann'] }, RANGE).params).toHaveLength(2);
});

test('each field is counted among what the other one is filtered by', () => {
  const counts = [
    { who_name: 'ann', action: 'key.made', count: 2 },
    { who_name: 'ann', action: 'key.revoked', count: 1 },
    { who_name: 'bob', action: 'key.made', count: 5 },
  ];
  const [who, what] = facetsOf(counts, { who: ['ann'] });

  expect(who?.values).toEqual([
    { value: 'bob', count: 5 },
    { value: 'ann', count: 3 },
  ]);
  expect(what?.values).toEqual([
    { value: 'key.made', count: 2 },
    { value: 'key.revoked', count: 1 },
  ]);
});

test('a value is added, and taken away by the next click', () => {
  expect(toggledAmong(undefined, 'a')).toEqual(['a']);
  expect(toggledAmong(['a'], 'b')).toEqual(['a', 'b']);
  expect(toggledAmong(['a'], 'a')).toBeUndefined();
});

test('a range up to now is the same question however often a page is drawn', () => {
  const range = { from: 'now-1h', to: 'now' };
  expect(entriesQuestion({}, range).params).toEqual([{ time: 'now-1h' }, { time: 'now' }]);
});
