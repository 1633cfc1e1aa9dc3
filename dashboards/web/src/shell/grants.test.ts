import { expect, test } from 'vitest';
import { allows } from './grants';

test('a star stands for every part in its place and for no other', () => {
  expect(allows(['*:*:*'], 'apm:services:read')).toBe(true);
  expect(allows(['apm:*:read'], 'apm:services:read')).toBe(true);
  expect(allows(['apm:*:read'], 'apm:services:write')).toBe(false);
  expect(allows(['hub:people:read'], 'apm:services:read')).toBe(false);
  expect(allows([], 'apm:services:read')).toBe(false);
});
