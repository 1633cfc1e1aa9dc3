import { expect, test, vi } from 'vitest';

/** All there is of the app is loaded first. */
const LOADING_MS_MAX = 60_000;

test('no two pages are opened by the same keys', { timeout: LOADING_MS_MAX }, async () => {
  // The client of the API asks where the page is; nothing else does before something is drawn.
  vi.stubGlobal('window', { location: { origin: 'http://localhost', search: '' } });
  await import('../api/client');
  vi.unstubAllGlobals();
  const { plugins } = await import('.');

  const keys = plugins.flatMap((plugin) => plugin.navigation.flatMap((entry) => entry.keys ?? []));

  expect(keys.filter((each, at) => keys.indexOf(each) !== at)).toEqual([]);
});
