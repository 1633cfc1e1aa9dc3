import { describe, expect, it } from 'vitest';
import { readFault, readFiles } from './files';
import { lanesOf, marksOf } from './lanes';

const MINUTE = 60_000;
const BEGIN = Date.parse('2026-01-31T10:00:00Z');

function would(service: string, since: number, fired: number, resolved: number | null) {
  const at = (minute: number) => new Date(BEGIN + minute * MINUTE).toISOString();
  return { labels: { service }, value: 1, active_since: at(since), fired_at: at(fired), resolved_at: resolved === null ? null : at(resolved) };
}

describe('lanes of a backtest', () => {
  it('have the stretches of the same labels, and the longest first', () => {
    const lanes = lanesOf([would('cart', 0, 1, 2), would('cart', 6, 7, 8), would('checkout', 1, 2, null)], BEGIN, BEGIN + 10 * MINUTE);
    expect(lanes.map((lane) => [lane.labels.service, lane.stretches.length])).toEqual([
      ['checkout', 1],
      ['cart', 2],
    ]);
    expect(lanes[0]?.stretches[0]).toMatchObject({ pendingFrom: 0.1, firingFrom: 0.2, to: 1 });
  });

  it('stay within the time', () => {
    const [lane] = lanesOf([would('cart', -5, -4, 20)], BEGIN, BEGIN + 10 * MINUTE);
    expect(lane?.stretches[0]).toMatchObject({ pendingFrom: 0, firingFrom: 0, to: 1 });
  });

  it('have marks from begin to end', () => {
    expect(marksOf(0, 100, 4)).toEqual([0, 25, 50, 75, 100]);
  });
});

describe('faults of files', () => {
  it('have a place where they say one', () => {
    expect(readFault('line 2, column 14: there is no measure')).toEqual({ line: 2, column: 14, message: 'there is no measure' });
    expect(readFault('it is larger than 1 MiB')).toEqual({ message: 'it is larger than 1 MiB' });
  });

  it('are read from the answer of SQL', () => {
    const files = readFiles({ columns: [], rows: [['rules/a.yaml', ['line 1, column 2: wrong'], 0, null]] });
    expect(files).toEqual([{ file: 'rules/a.yaml', faults: [{ line: 1, column: 2, message: 'wrong' }] }]);
    expect(readFiles(undefined)).toEqual([]);
  });
});
