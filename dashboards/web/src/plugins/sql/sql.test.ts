import { expect, test } from 'vitest';
import { Failure } from '../../api/failure';
import { faultsOf, paramsOf, readAnswer } from './answer';
import { measure, nanosOf, stepsOf } from './plan';

test('integers beyond what scripts count to stay as they are', () => {
  const { rows } = readAnswer('{"columns":[{"name":"id","type":"ubigint"}],"rows":[\n[18446744073709551615],\n[7]\n],"elapsed_ms":1}', false);

  expect(rows).toEqual([['18446744073709551615'], [7]]);
});

test('of an answer that was cut all whole rows are kept', () => {
  const { rows, isCut } = readAnswer('{"columns":[],"rows":[\n["a"],\n["b"],\n["c', true);

  expect([rows, isCut]).toEqual([[['a'], ['b']], true]);
});

test('an error after the first row is told as one', () => {
  expect(() => readAnswer('{"columns":[],"rows":[\n[1]\n],"error":{"code":"memory_limit","message":"too much"}}', false)).toThrow('too much');
});

test('a fault stands where the server says', () => {
  const failure = new Failure(400, 'unknown_column', 'no column', undefined, { error: { code: 'unknown_column', message: 'no column', line: 3, column: 7 } });

  expect(faultsOf(failure)).toEqual([{ line: 3, column: 7, message: 'no column' }]);
  expect(faultsOf(new Failure(503, 'busy', 'busy'))).toEqual([]);
});

test('parameters are an array', () => {
  expect(paramsOf('["a", 1]')).toEqual(['a', 1]);
  expect(paramsOf(undefined)).toEqual([]);
  expect(() => paramsOf('{"a":1}')).toThrow('not a JSON array');
});

test('plans are read with their measures', () => {
  const steps = stepsOf(
    'AggregateExec: mode=Final, gby=[a@0 as a], metrics=[output_rows=11, elapsed_compute=70.63µs, files={a, b}]\n  FilterExec: a@0 >= 1, metrics=[output_rows=5.78 K]\n    EmptyExec, metrics=[]\n',
  );

  expect(steps.map(({ depth, operator, detail }) => [depth, operator, detail])).toEqual([
    [0, 'AggregateExec', 'mode=Final, gby=[a@0 as a]'],
    [1, 'FilterExec', 'a@0 >= 1'],
    [2, 'EmptyExec', ''],
  ]);
  expect(steps[0] && measure(steps[0], 'output_rows')).toBe('11');
  expect(steps[0]?.measures).toContainEqual(['files', '{a, b}']);
  expect(stepsOf('TableScan: spans projection=[a]')[0]).toMatchObject({ operator: 'TableScan', detail: 'spans projection=[a]' });
  expect([nanosOf('70.63µs'), nanosOf('1.5s'), nanosOf(undefined)]).toEqual([70_630, 1.5e9, 0]);
});
