import { expect, test } from 'vitest';
import { layoutOf, type Call } from './mapLayout';
import { colourOf, linesOf } from './values';

const call = (source: string, target: string, kind = 'service'): Call => ({ source, target, kind, calls: 1, errorShare: null, note: '' });

test('callers stand before those whom they call, also in a circle', () => {
  const { nodes, layers } = layoutOf([call('gateway', 'cart'), call('gateway', 'checkout'), call('checkout', 'cart'), call('cart', 'redis', 'database'), call('cart', 'gateway')]);
  const layer = (name: string) => nodes.find((node) => node.name === name)?.layer ?? -1;

  expect(layer('gateway')).toBeLessThan(layer('checkout'));
  expect(layer('checkout')).toBeLessThan(layer('cart'));
  expect(layer('cart')).toBeLessThan(layer('redis'));
  expect(layers).toBe(4);
  expect(nodes.find((node) => node.name === 'redis')?.kind).toBe('database');
});

test('nothing and what calls itself are laid out, too', () => {
  expect(layoutOf([])).toEqual({ nodes: [], layers: 0, rows: 0 });
  expect(layoutOf([call('a', 'a')]).nodes).toMatchObject([{ name: 'a', layer: 0 }]);
});

test('a value has the level of the last threshold that it reached', () => {
  const thresholds = [{ at: 0, level: 'critical' as const }, { at: 0.9, level: 'warning' as const }, { at: 0.99, level: 'ok' as const }];

  expect([0.5, 0.95, 0.999, -1, null].map((value) => colourOf(value, thresholds))).toEqual(['--error', '--warning', '--good', undefined, undefined]);
  expect(linesOf({ id: 'a', title: 'A', kind: 'time_series', width: 1, legend: true, thresholds }).map((line) => line.value)).toEqual([0.9]);
});
