import { describe, expect, test } from 'vitest';
import type { TraceNode } from '../../api/schema';
import { parseArea, writeArea } from './area';
import { flameOf } from './flame';
import { serviceColours } from './serviceColours';
import { filtersOf, tracesSearch, withFilter, withFilters, writeValue, type SpanSearch } from './spanSearch';
import { failedAfter, foldedFrom, rowOf, ticksBetween, unfoldedTo, visibleRows } from './tree';

/** Spans from `[name, parent, self_ns]`, depth first. */
function tree(...spans: [string, number | null, number][]): TraceNode[] {
  const nodes = spans.map(([name, parent, self_ns], index): TraceNode => ({
    index, parent, name, self_ns, service: 'shop', kind: 'server', status_code: 'unset', span_id: String(index),
    depth: 0, children: 0, descendants: 0, events: 0, links: 0, start_ns: 0, duration_ns: self_ns, critical_ns: 0,
  }));
  for (const node of nodes) {
    for (let above = node.parent; above != null; above = nodes[above]?.parent) {
      const ancestor = nodes[above];
      if (ancestor === undefined) break;
      node.depth += 1;
      ancestor.descendants += 1;
      ancestor.children += Number(above === node.parent);
    }
  }
  return nodes;
}

const shop = tree(['GET /', null, 10], ['cart', 0, 20], ['redis', 1, 5], ['redis', 1, 7], ['pay', 0, 58]);

describe('rows of a trace', () => {
  test('failed spans are gone through one after the other, and from the last to the first', () => {
    const failed = shop.map((node): TraceNode => (node.index === 1 || node.index === 4 ? { ...node, status_code: 'error' } : node));

    expect([undefined, 1, 2, 4].map((from) => failedAfter(failed, from))).toEqual([1, 4, 4, 1]);
    expect(failedAfter(shop, undefined)).toBeUndefined();
  });

  test('what is below a folded span is not seen', () => {
    expect(visibleRows(shop, new Set())).toEqual([0, 1, 2, 3, 4]);
    expect(visibleRows(shop, new Set([1]))).toEqual([0, 1, 4]);
    expect(visibleRows(shop, foldedFrom(shop, 0))).toEqual([0]);
    expect(visibleRows(shop.slice(0, 3), new Set([1])), 'of a page that ends within the subtree').toEqual([0, 1]);
  });

  test('a span is found among the rows, and what hides it is unfolded', () => {
    expect(rowOf([0, 1, 4], 4)).toBe(2);
    expect(rowOf([0, 1, 4], 3)).toBe(-1);
    expect([...unfoldedTo(shop, new Set([0, 1, 4]), 3)]).toEqual([4]);
    const folded = new Set([4]);
    expect(unfoldedTo(shop, folded, 3)).toBe(folded);
  });

  test('the axis has round times', () => {
    expect(ticksBetween(0, 1000, 5)).toEqual([0, 200, 400, 600, 800]);
    expect(ticksBetween(130, 390, 3)).toEqual([200, 300]);
    expect(ticksBetween(0, 1, 5)).toEqual([0]);
  });
});

describe('the flame view', () => {
  test('calls of one kind are one frame, and its width is its time and all below', () => {
    const frames = flameOf(shop).map(({ name, depth, spans, left, width, longest }) => ({ name, depth, spans, left, width, longest }));
    expect(frames).toEqual([
      { name: 'GET /', depth: 0, spans: 1, left: 0, width: 1, longest: 0 },
      { name: 'pay', depth: 1, spans: 1, left: 0, width: 0.58, longest: 4 },
      { name: 'cart', depth: 1, spans: 1, left: 0.58, width: 0.32, longest: 1 },
      { name: 'redis', depth: 2, spans: 2, left: 0.58, width: 0.12, longest: 3 },
    ]);
  });

  test('a chain of twenty thousand spans is drawn', () => {
    const chain = Array.from({ length: 20_000 }, (_, index): TraceNode => ({ ...(shop[0] as TraceNode), index, parent: index === 0 ? null : index - 1 }));
    expect(flameOf(chain)).toHaveLength(20_000);
  });
});

test('colours stay with their services, and are different while there are some left', () => {
  const names = ['cart', 'catalog', 'checkout', 'gateway', 'payment', 'shipping', 'email', 'frontend'];
  const colours = serviceColours(names);
  expect(new Set(colours.values()).size).toBe(8);
  expect(serviceColours([...names].reverse())).toEqual(colours);
  expect(serviceColours(['cart', null, undefined]).size).toBe(2);
});

describe('what is searched', () => {
  test('chips say fields and attributes, and go back into the address', () => {
    const search = tracesSearch({ service: 'cart', status: 'error', kind: 'nonsense', attributes: '{"http.route":"/cart","shop.items":3,"id":"3"}', not_attributes: '["no object"]' });
    expect(search.kind).toBeUndefined();
    expect(search.not_attributes).toBeUndefined();
    const filters = filtersOf(search);
    expect(filters.map(({ key, value }) => `${key}=${value}`)).toEqual(['service=cart', 'status=error', 'http.route=/cart', 'shop.items=3', 'id="3"']);
    expect(withFilters(search, filters)).toEqual(search);
  });

  test('a further value of a key takes the place of the one before', () => {
    const cart: SpanSearch = { service: 'cart' };
    const search = withFilter(withFilter(cart, { key: 'service', value: 'pay', isNot: false }), { key: 'shop.vip', value: 'true', isNot: true });
    expect(search.service).toBe('pay');
    expect(search.not_attributes).toBe('{"shop.vip":true}');
  });

  test('values keep their types', () => {
    expect(['x', 3, true, '3', 'true', '-1', ''].map(writeValue)).toEqual(['x', '3', 'true', '"3"', '"true"', '"-1"', '']);
  });

  test('a part of the heat map is four numbers', () => {
    const area = { from: 1000, to: 2000, min: 0.5, max: 4 };
    expect(parseArea(writeArea(area))).toEqual(area);
    for (const wrong of ['', '1,2,3', '2,1,0,1', 'a,b,c,d', '1,2,3,4,5']) expect(parseArea(wrong)).toBeUndefined();
  });
});
