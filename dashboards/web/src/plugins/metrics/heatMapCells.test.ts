import { expect, test } from 'vitest';
import { cellsOf, rowsOf } from './heatMapCells';

const rows = [
  { lower: null, upper: 0.1, counts: [0, 2] },
  { lower: 0.1, upper: 0.5, counts: [1, 0] },
  { lower: 0.5, upper: null, counts: [0, 3] },
];

test('rows without a bound reach to 0 and without end', () => {
  expect(rowsOf(rows)).toEqual([{ min: 0, max: 0.1 }, { min: 0.1, max: 0.5 }, { min: 0.5, max: Infinity }]);
  expect(rowsOf([{ lower: null, upper: -1, counts: [] }])).toEqual([{ min: -1, max: -1 }]);
});

test('cells are what was counted', () => {
  expect(cellsOf(rows)).toEqual([
    { column: 1, row: 0, count: 2, errors: 0 },
    { column: 0, row: 1, count: 1, errors: 0 },
    { column: 1, row: 2, count: 3, errors: 0 },
  ]);
});
