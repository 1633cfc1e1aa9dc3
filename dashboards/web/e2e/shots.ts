// Pictures of every page that the navigation leads to, and of the first thing on it: in light, dark and narrow.

import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type Browser, type Page } from '@playwright/test';
import { settled, signIn } from './account';

const FOLDER = process.env.SHOTS ?? join(tmpdir(), 'observatory-shots');
const LOOKS = [
  { name: 'light', colorScheme: 'light', viewport: { width: 1440, height: 900 } },
  { name: 'dark', colorScheme: 'dark', viewport: { width: 1440, height: 900 } },
  { name: 'narrow', colorScheme: 'light', viewport: { width: 420, height: 860 } },
] as const;

for (const look of LOOKS) {
  test(`pages, ${look.name}`, async ({ browser, baseURL }) => {
    test.setTimeout(600_000);
    mkdirSync(FOLDER, { recursive: true });
    await shootSignIn(browser, baseURL, look);
    const context = await browser.newContext({ baseURL, colorScheme: look.colorScheme, viewport: look.viewport });
    await signIn(context);
    const page = await context.newPage();
    await page.goto('/');
    await settled(page);
    const paths = await page.locator('nav a').evaluateAll((links) => links.map((link) => (link as HTMLAnchorElement).pathname));
    for (const path of paths) {
      await page.goto(path);
      await shoot(page, look.name, path);
      const thing = page.locator('[role="row"] a').first();
      if ((await thing.count()) === 0) continue;
      await thing.click();
      await settled(page);
      if (!paths.includes(new URL(page.url()).pathname)) await shoot(page, look.name, `${nameOf(path)}/one`);
    }
    await context.close();
  });
}

async function shootSignIn(browser: Browser, baseURL: string | undefined, look: (typeof LOOKS)[number]): Promise<void> {
  const page = await browser.newPage({ baseURL, colorScheme: look.colorScheme, viewport: look.viewport });
  await page.goto('/sign-in');
  await shoot(page, look.name, '/sign-in');
  await page.close();
}

async function shoot(page: Page, look: string, path: string): Promise<void> {
  await settled(page);
  await page.screenshot({ path: join(FOLDER, `${nameOf(path)}.${look}.png`), fullPage: true });
}

function nameOf(path: string): string {
  return path === '/' ? 'overview' : path.replace(/^\//, '').replaceAll('/', '-');
}
