import { expect, test } from 'vitest';
import { allows, may } from './grants';

test('a star stands for every part in its place and for no other', () => {
  expect(allows(['*:*:*'], 'apm:services:read')).toBe(true);
  expect(allows(['apm:*:read'], 'apm:services:read')).toBe(true);
  expect(allows(['apm:*:read'], 'apm:services:write')).toBe(false);
  expect(allows(['hub:people:read'], 'apm:services:read')).toBe(false);
  expect(allows([], 'apm:services:read')).toBe(false);
});

test('what concerns all tenants is for those of the tenant system only', () => {
  expect(may({ grants: ['*:*:*'], home: 'system' }, 'server:tenants:write')).toBe(true);
  expect(may({ grants: ['*:*:*'], home: 'acme' }, 'server:tenants:write')).toBe(false);
  expect(may({ grants: ['*:*:*'], home: 'acme' }, 'hub:people:write')).toBe(true);
});
