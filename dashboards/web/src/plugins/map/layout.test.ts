import { describe, expect, test } from 'vitest';
import { curve, edgeWidth, layoutOf, NODE_WIDTH } from './layout';

describe('the layout of the map', () => {
  const ids = ['gateway', 'cart', 'catalog', 'redis'];
  const edges = [
    { source: 'gateway', target: 'cart' },
    { source: 'gateway', target: 'catalog' },
    { source: 'cart', target: 'redis' },
    { source: 'redis', target: 'redis' },
    { source: 'cart', target: 'gone' },
  ];

  test('callers stand above what they call, and no two nodes overlap', () => {
    const { nodes: places, edges: lines } = layoutOf(ids, edges);
    const x = (id: string) => places.get(id)?.x ?? Number.NaN;
    const y = (id: string) => places.get(id)?.y ?? Number.NaN;
    expect(y('gateway')).toBeLessThan(y('cart'));
    expect(y('cart')).toBeLessThan(y('redis'));
    expect(Math.abs(x('cart') - x('catalog'))).toBeGreaterThanOrEqual(NODE_WIDTH);
    expect([...lines.keys()], 'of both ends, and not to itself').toEqual(['gateway > cart', 'gateway > catalog', 'cart > redis']);
  });

  test('another order of the same calls is the same map', () => {
    expect(layoutOf([...ids].reverse(), [...edges].reverse())).toEqual(layoutOf(ids, edges));
  });

  test('calls in a circle are drawn', () => {
    const { nodes, edges: lines } = layoutOf(['a', 'b'], [{ source: 'a', target: 'b' }, { source: 'b', target: 'a' }]);
    expect([nodes.size, lines.size]).toEqual([2, 2]);
  });
});

test('a curve goes from the first point to the last', () => {
  expect(curve([{ x: 0, y: 0 }, { x: 10, y: 0 }])).toBe('M0,0 L10,0');
  expect(curve([{ x: 0, y: 0 }, { x: 10, y: 5 }, { x: 20, y: 5 }, { x: 30, y: 0 }])).toBe('M0,0 Q10,5 15,5 Q20,5 30,0');
  expect(curve([])).toBe('');
});

test('the busiest edge is the widest, and none is invisible', () => {
  expect(edgeWidth(1000, 1000)).toBe(6);
  expect(edgeWidth(0, 1000)).toBe(1);
  expect(edgeWidth(10, 1000)).toBeGreaterThan(1);
  expect(edgeWidth(10, 1000)).toBeLessThan(edgeWidth(100, 1000));
});
