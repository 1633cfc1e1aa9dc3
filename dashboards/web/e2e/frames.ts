// How long frames take where there is much to draw: a table of a million rows that scrolls, a chart of 100 000 points under the mouse.

import { expect, test, type Page } from '@playwright/test';
import { settled, signIn } from './account';

const STEPS = 120;
const ROWS = "SELECT value AS n, value % 97 AS remainder, concat('row ', value) AS text FROM generate_series(1, 1000000)";
const POINTS = "SELECT to_timestamp(1700000000 + value * 10) AS time, sin(value / 500.0) * 100 + value % 7 AS waves FROM generate_series(1, 100000)";

test.describe.configure({ timeout: 300_000 });

test.beforeEach(async ({ context }) => {
  await signIn(context);
});

test('a table of a million rows scrolls', async ({ page }) => {
  await ask(page, ROWS, 'table');
  const table = page.getByRole('grid', { name: 'Rows' });
  await expect(table).toHaveAttribute('aria-rowcount', '1000001');
  await table.hover();

  await report(page, 'table, 1 000 000 rows, 1 000 px a step', async () => {
    await page.mouse.wheel(0, 1000);
  });
  await report(page, 'the same, to anywhere at once', async (step) => {
    await table.evaluate((element, part) => {
      element.scrollTop = element.scrollHeight * part;
    }, ((step * 37) % STEPS) / STEPS);
  });
});

test('a chart of a hundred thousand points follows the mouse', async ({ page }) => {
  await ask(page, POINTS, 'chart');
  const box = await page.locator('.u-over').first().boundingBox();
  if (box === null) throw new Error('the chart has no place');

  await report(page, 'chart, 100 000 points, under the mouse', async (step) => {
    await page.mouse.move(box.x + (box.width * (step + 0.5)) / STEPS, box.y + box.height / 2);
  });
  const editor = page.getByRole('textbox', { name: 'SQL statement' });
  await editor.click();
  await report(page, 'typing a statement beside it', async () => {
    await page.keyboard.type('-');
  });
});

async function ask(page: Page, sql: string, view: string): Promise<void> {
  await page.goto(`/sql?view=${view}&sql=${encodeURIComponent(sql)}`);
  await settled(page);
}

/** Times between frames while something is done in each. */
async function report(page: Page, what: string, act: (step: number) => Promise<void>): Promise<void> {
  await page.evaluate(() => {
    const frames: number[] = [];
    let last = performance.now();
    const next = (now: number) => {
      frames.push(now - last);
      last = now;
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
    Object.assign(window, { frames });
  });
  for (let step = 0; step < STEPS; step += 1) {
    await act(step);
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
  const frames = await page.evaluate(() => (window as unknown as { frames: number[] }).frames);
  frames.sort((left, right) => left - right);
  const at = (part: number) => (frames[Math.min(frames.length - 1, Math.floor(frames.length * part))] ?? 0).toFixed(1);
  const late = frames.filter((frame) => frame > 50).length;
  console.log(`${what}: ${frames.length} frames, p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms, ${late} longer than 50 ms`);
}
