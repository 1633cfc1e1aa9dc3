import { expect, test } from 'vitest';
import { actionsOf, covers, permissionsOf, routesOf, rowsOf, standingOf, toggled } from './permissions';

test('permissions are those that the routes ask for, each once', () => {
  const description = {
    paths: {
      '/a': { get: { security: [{ caller: ['hub:people:read'] }] }, post: { security: [{ caller: ['hub:people:write'] }] } },
      '/b': { get: { security: [{ caller: ['hub:people:read'] }] }, put: { security: [{ caller: [] }] }, delete: { security: [{}] }, parameters: [] },
    },
  };
  expect(permissionsOf(description)).toEqual(['hub:people:read', 'hub:people:write']);
});

test('rows have what is known and what only a grant names, with stars first', () => {
  const products = rowsOf(['hub:people:read', 'hub:people:write', 'apm:services:read'], ['catalog:approvals:decide', '*:*:read']);

  expect(products.map(({ product }) => product)).toEqual(['*', 'apm', 'catalog', 'hub']);
  expect(products[3]).toEqual({
    product: 'hub',
    rows: [
      { resource: '*', actions: ['read', 'write', '*'] },
      { resource: 'people', actions: ['read', 'write', '*'] },
    ],
  });
  expect(actionsOf(products[2]?.rows ?? [])).toEqual(['decide', '*']);
});

test('a grant that another one holds is there by the wider one', () => {
  expect(standingOf(['hub:*:read'], 'hub:people:read')).toBe('wider');
  expect(standingOf(['hub:*:read', 'hub:people:read'], 'hub:people:read')).toBe('wider');
  expect(standingOf(['hub:people:read'], 'hub:people:read')).toBe('own');
  expect(standingOf(['hub:people:read'], 'hub:people:*')).toBe('none');
  expect(covers('*:*:*', 'hub:*:read')).toBe(true);
});

test('a wider grant takes the place of those it holds, and can be taken away again', () => {
  const wider = toggled(['apm:services:read', 'hub:people:read'], 'hub:*:read');

  expect(wider).toEqual(['apm:services:read', 'hub:*:read']);
  expect(toggled(wider, 'hub:*:read')).toEqual(['apm:services:read']);
});

test('routes of a plugin are counted by method, without those of others', () => {
  const read = { security: [{ caller: ['apm:slos:read'] }] };
  const paths = { '/api/v1/apm/slos': { get: read, post: read, parameters: [] }, '/api/v1/apmx/slos': { get: read } };
  expect(routesOf({ paths }, 'apm')).toBe(2);
});
