import { expect, test } from 'vitest';
import { timeLabels } from './axis';
import { stacked } from './stack';

test('series are added to those below, and gaps add nothing', () => {
  expect(stacked([[1, null, 3], [1, 2, null]])).toEqual([[1, 0, 3], [2, 2, 3]]);
});

test('an axis says the day where it begins, and seconds where steps are short', () => {
  const midnight = Date.parse('2026-11-26T00:00:00Z') / 1000;
  expect(timeLabels([midnight - 900, midnight], 900, 'utc')).toEqual(['23:45', '26 Nov']);
  expect(timeLabels([midnight + 15], 15, 'utc')).toEqual(['00:00:15']);
  expect(timeLabels([midnight + 3600], 86_400, 'utc')).toEqual(['26 Nov']);
});
