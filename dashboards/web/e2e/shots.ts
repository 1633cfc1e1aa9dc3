// Pictures of every page and of what is on it: in light, dark and narrow. ONLY, a pattern of names, takes some of them.
// With IMAGES, a folder, they are small ones for the documents, in light and dark, of what docs/web-app.md shows.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type Page } from '@playwright/test';
import { everyPlace } from './places';

const { IMAGES, SHOTS = join(tmpdir(), 'observatory-shots') } = process.env;
const ONLY = process.env.ONLY ?? (IMAGES === undefined ? '' : documented());
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

/** The names in the document, as a pattern. */
function documented(): string {
  const names = readFileSync('../../docs/web-app.md', 'utf8').matchAll(/images\/([\w-]+)\.light\.webp/g);
  return `^(${[...new Set([...names].map(([, name]) => name))].join('|')})$`;
}

/** What is in sight, as WebP, which Playwright itself does not write. */
async function small(page: Page): Promise<Buffer> {
  const browser = await page.context().newCDPSession(page);
  const clip = { x: 0, y: 0, ...WIDE, scale: SCALE };
  const { data } = await browser.send('Page.captureScreenshot', { format: 'webp', quality: 80, clip });
  return Buffer.from(data, 'base64');
}
