// Pictures of every page and of what is on it: in light, dark and narrow. ONLY, a pattern of names, takes some of them.
// Small ones for the documents, in light and dark, go to IMAGES where that is said.

import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type Page } from '@playwright/test';
import { everyPlace } from './places';

const { IMAGES, SHOTS = join(tmpdir(), 'observatory-shots'), ONLY = '' } = process.env;
const WIDE = { width: 1440, height: 900 };
const LOOKS = [
  { name: 'light', colorScheme: 'light', viewport: WIDE },
  { name: 'dark', colorScheme: 'dark', viewport: WIDE },
  { name: 'narrow', colorScheme: 'light', viewport: { width: 420, height: 860 } },
] as const;
/** Of an image, by the page. */
const SCALE = 2 / 3;

for (const { name: look, ...screen } of IMAGES === undefined ? LOOKS : LOOKS.slice(0, 2)) {
  test(`pages, ${look}`, async ({ browser, baseURL }) => {
    test.setTimeout(900_000);
    mkdirSync(IMAGES ?? SHOTS, { recursive: true });
    const context = await browser.newContext({ baseURL, ...screen });
    const page = await context.newPage();
    for await (const name of everyPlace(page, new RegExp(ONLY))) {
      if (IMAGES !== undefined) writeFileSync(join(IMAGES, `${name}.${look}.webp`), await small(page));
      else await page.screenshot({ path: join(SHOTS, `${name}.${look}.png`), fullPage: true });
    }
    await context.close();
  });
}

/** What is in sight, as WebP, which Playwright itself does not write. */
async function small(page: Page): Promise<Buffer> {
  const browser = await page.context().newCDPSession(page);
  const clip = { x: 0, y: 0, ...WIDE, scale: SCALE };
  const { data } = await browser.send('Page.captureScreenshot', { format: 'webp', quality: 80, clip });
  return Buffer.from(data, 'base64');
}
