import { expect, test, vi } from 'vitest';
import { addressLink } from './link';

vi.stubGlobal('window', { location: { origin: 'http://localhost' } });

test('an address leads to its page, and no further than this app', () => {
  expect(addressLink('/logs?field=a&field=b&text=1#top')).toEqual({ to: '/logs', search: { field: ['a', 'b'], text: '1' }, hash: 'top' });
  expect(addressLink('//elsewhere.example/x').to).toBe('//elsewhere.example/x');
  expect(addressLink('//').to).toBe('//');
});
