// Pictures of every page and of what is on it: in light, dark and narrow. ONLY, a pattern of names, takes some of them.

import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from '@playwright/test';
import { everyPlace } from './places';

const FOLDER = process.env.SHOTS ?? join(tmpdir(), 'observatory-shots');
const LOOKS = [
  { name: 'light', colorScheme: 'light', viewport: { width: 1440, height: 900 } },
  { name: 'dark', colorScheme: 'dark', viewport: { width: 1440, height: 900 } },
  { name: 'narrow', colorScheme: 'light', viewport: { width: 420, height: 860 } },
] as const;

for (const { name: look, ...screen } of LOOKS) {
  test(`pages, ${look}`, async ({ browser, baseURL }) => {
    test.setTimeout(900_000);
    mkdirSync(FOLDER, { recursive: true });
    const context = await browser.newContext({ baseURL, ...screen });
    const page = await context.newPage();
    for await (const name of everyPlace(page, new RegExp(process.env.ONLY ?? ''))) {
      await page.screenshot({ path: join(FOLDER, `${name}.${look}.png`), fullPage: true });
    }
    await context.close();
  });
}
