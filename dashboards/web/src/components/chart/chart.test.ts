import { expect, test } from 'vitest';
import { timeLabels, within } from './axis';
import { stacked } from './stack';

test('series are added to those below, and what adds nothing is not drawn', () => {
  expect(stacked([[1, null, 3], [1, 2, null], [1, 0, 1]])).toEqual([[1, null, 3], [2, 2, null], [3, null, 4]]);
});

test('an axis says the day where it begins, and seconds where steps are short', () => {
  const midnight = Date.parse('2026-11-26T00:00:00Z') / 1000;
  expect(timeLabels([midnight - 900, midnight], 900, 'utc')).toEqual(['23:45', '26 Nov']);
  expect(timeLabels([midnight + 15], 15, 'utc')).toEqual(['00:00:15']);
  expect(timeLabels([midnight + 3600], 86_400, 'utc')).toEqual(['26 Nov']);
});

test('a label that the end of the axis would cut is left out', () => {
  expect(within(['16:30', '17:00'], [140, 295], 300)).toEqual(['16:30', '']);
});
