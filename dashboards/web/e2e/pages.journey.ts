// What holds on every page: no serious fault of accessibility in light and dark, nothing in the console, nothing that jumps.

import { expect, test, type Page } from '@playwright/test';
import { accessFaults } from './account';
import { everyPlace } from './places';

/** Of the window, by which things move that nobody has touched; more counts as bad (web.dev, Cumulative Layout Shift). */
const SHIFT_MAX = 0.1;

declare global {
  interface Window {
    shifts: { by: number; what: string }[];
  }
}

// A record of all pages would take longer than the pages do.
test.use({ trace: 'off' });

test('every page is accessible, quiet and still', async ({ page }) => {
  test.setTimeout(900_000);
  const faults: string[] = [];
  page.on('console', (message) => { if (message.type() === 'error') faults.push(`${page.url()} says: ${message.text()}`); });
  page.on('pageerror', (error) => faults.push(`${page.url()} throws: ${error.message}`));
  await page.addInitScript(countShifts);

  for await (const name of everyPlace(page)) {
    const { shifted, what } = await page.evaluate(() => ({ shifted: window.shifts.reduce((sum, { by }) => sum + by, 0), what: window.shifts.map(({ what: each }) => each) }));
    if (shifted > SHIFT_MAX) faults.push(`${name} jumps by ${shifted.toFixed(2)}: ${what.join(' ')}`);
    faults.push(...(await inBothLooks(page)).map((fault) => `${name}: ${fault}`));
  }

  expect(faults).toEqual([]);
});

async function inBothLooks(page: Page): Promise<string[]> {
  const light = await accessFaults(page);
  await page.emulateMedia({ colorScheme: 'dark' });
  const dark = await accessFaults(page, ['color-contrast']);
  await page.emulateMedia({ colorScheme: 'light' });
  return [...light, ...dark.map((fault) => `dark ${fault}`)];
}

/** In the page, before anything of it is there. */
function countShifts(): void {
  type Shift = PerformanceEntry & { value: number; hadRecentInput: boolean; sources: { node: Node | null }[] };
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources } of list.getEntries() as Shift[]) {
      const what = sources.map(({ node }) => (node instanceof Element ? node.outerHTML : (node?.textContent ?? '')).slice(0, 120)).join(' ');
      if (!hadRecentInput) window.shifts.push({ by: value, what });
    }
  }).observe({ type: 'layout-shift', buffered: true });
}
