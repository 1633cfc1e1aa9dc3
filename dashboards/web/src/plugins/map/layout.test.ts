import { describe, expect, test } from 'vitest';
import { edgeWidth, layoutOf, NODE_HEIGHT } from './layout';

describe('the layout of the map', () => {
  const ids = ['gateway', 'cart', 'catalog', 'redis'];
  const edges = [
    { source: 'gateway', target: 'cart' },
    { source: 'gateway', target: 'catalog' },
    { source: 'cart', target: 'redis' },
    { source: 'redis', target: 'redis' },
    { source: 'cart', target: 'gone' },
  ];

  test('callers stand left of what they call, and no two nodes overlap', () => {
    const places = layoutOf(ids, edges);
    const x = (id: string) => places.get(id)?.x ?? Number.NaN;
    const y = (id: string) => places.get(id)?.y ?? Number.NaN;
    expect(x('gateway')).toBeLessThan(x('cart'));
    expect(x('cart')).toBeLessThan(x('redis'));
    expect(Math.abs(y('cart') - y('catalog'))).toBeGreaterThanOrEqual(NODE_HEIGHT);
  });

  test('another order of the same calls is the same map', () => {
    expect(layoutOf([...ids].reverse(), [...edges].reverse())).toEqual(new Map([...layoutOf(ids, edges)].reverse()));
  });

  test('calls in a circle are drawn', () => {
    const places = layoutOf(['a', 'b'], [{ source: 'a', target: 'b' }, { source: 'b', target: 'a' }]);
    expect(places.size).toBe(2);
  });
});

test('the busiest edge is the widest, and none is invisible', () => {
  expect(edgeWidth(1000, 1000)).toBe(6);
  expect(edgeWidth(0, 1000)).toBe(1);
  expect(edgeWidth(10, 1000)).toBeGreaterThan(1);
  expect(edgeWidth(10, 1000)).toBeLessThan(edgeWidth(100, 1000));
});
