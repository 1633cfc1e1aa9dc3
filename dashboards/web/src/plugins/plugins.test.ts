import { expect, test, vi } from 'vitest';
import { pagesOf } from './page';

/** All there is of the app is loaded first. */
const LOADING_MS_MAX = 60_000;

async function loaded() {
  // The client of the API asks where the page is; nothing else does before something is drawn.
  vi.stubGlobal('window', { location: { origin: 'http://localhost', search: '' } });
  await import('../api/client');
  vi.unstubAllGlobals();
  return (await import('.')).plugins;
}

test('no two pages are opened by the same keys', { timeout: LOADING_MS_MAX }, async () => {
  const plugins = await loaded();

  const keys = plugins.flatMap((plugin) => plugin.navigation.flatMap((entry) => entry.keys ?? []));

  expect(keys.filter((each, at) => keys.indexOf(each) !== at)).toEqual([]);
});

test('pages are counted for the plugin of the server that answers them', { timeout: LOADING_MS_MAX }, async () => {
  const plugins = await loaded();
  const own = (name: string) => plugins.find((plugin) => plugin.name === name)?.routes.length ?? 0;

  expect(pagesOf(plugins, 'apm')).toBe(['apm', 'map', 'traces', 'logs', 'metrics', 'slo'].reduce((sum, name) => sum + own(name), 0));
  expect(pagesOf(plugins, 'alerting')).toBe(own('alerting'));
  expect(pagesOf(plugins, 'traces')).toBe(0);
});
