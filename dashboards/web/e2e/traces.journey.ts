// From many traces to what is wrong in one span, by mouse and keyboard, and along the service map.

import { expect, test, type Page } from '@playwright/test';
import { settled, signIn } from './account';

test.beforeEach(async ({ context }) => {
  await signIn(context);
});

test('a part of the heat map narrows the traces down, and can be compared with the rest', async ({ page }) => {
  test.setTimeout(180_000);
  await page.goto('/traces');
  await settled(page);
  const box = await page.locator('canvas').first().boundingBox();
  if (box === null) throw new Error('the heat map has no place');

  await page.mouse.move(box.x + box.width * 0.6, box.y + 10);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width - 10, box.y + box.height * 0.5, { steps: 5 });
  await page.mouse.up();

  await expect(page).toHaveURL(/area=/);
  await expect(page.getByRole('group', { name: 'Selected part' })).toBeVisible();
  await page.getByRole('button', { name: 'Compare with the rest' }).click();
  await expect(page).toHaveURL(/view=compare/);
  await expect(page.getByText('A click on a value filters by it.').or(page.getByText('Nothing differs by more than chance'))).toBeVisible({ timeout: 90_000 });
  await page.getByRole('button', { name: 'Clear the selection' }).click();
  await expect(page).not.toHaveURL(/area=/);
});

test('conditions are in the address, and their chips take them away', async ({ page }) => {
  await page.goto('/traces?service=checkout&status=error');
  await settled(page);

  await expect(page.getByRole('button', { name: 'Remove status=error' })).toBeVisible();
  await page.getByRole('combobox', { name: /Spans where/ }).fill('http.route!=/nowhere');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/not_attributes=/);
  // What could be added next is in the way.
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Remove status=error' }).click();
  await expect(page).not.toHaveURL(/status=error/);
  await page.goBack();
  await expect(page).toHaveURL(/status=error/);
});

test('the tree of a trace is walked by the keyboard, and the address says which span is looked at', async ({ page }) => {
  await openTrace(page);
  const tree = page.getByRole('treegrid', { name: 'Spans' });
  const rows = tree.getByRole('row');
  const all = await rows.count();

  await tree.locator('[data-node="0"]').focus();
  await page.keyboard.press('ArrowDown');
  await expect(page).toHaveURL(/span=[0-9a-f]{16}/);
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowLeft');
  await expect(rows).toHaveCount(2);
  await page.keyboard.press('ArrowRight');
  await expect(rows).toHaveCount(all);
  await expect(page.getByRole('complementary', { name: 'Span' })).toBeVisible();

  await page.getByRole('link', { name: /^Traces with / }).first().click();
  await expect(page).toHaveURL(/\/traces\?.*attributes=/);
});

test('a trace is seen as a flame graph, as a table and as logs', async ({ page }) => {
  await openTrace(page);
  await page.getByRole('tab', { name: 'Flame' }).click();
  await expect(page.getByRole('figure', { name: 'Time by calls' })).toBeVisible();
  await page.getByRole('tab', { name: 'Spans' }).click();
  await page.getByRole('grid', { name: 'Spans' }).getByRole('link').first().click();
  await expect(page).toHaveURL(/view=spans/);
  await expect(page).toHaveURL(/span=/);
  await page.getByRole('tab', { name: 'Logs' }).click();
  await expect(page.getByRole('link', { name: 'Open among all log records' })).toBeVisible();
});

test('the map leads from a service to what is downstream of it, and to its traces', async ({ page }) => {
  await page.goto('/map');
  await settled(page);
  await page.locator('.react-flow__node', { hasText: 'checkout' }).first().click();
  await expect(page).toHaveURL(/node=service/);
  await expect(page.getByText('What is downstream of')).toBeVisible();

  await page.getByRole('tab', { name: /List of calls/ }).click();
  await page.getByRole('grid', { name: 'Calls' }).getByRole('link').first().click();
  await expect(page).toHaveURL(/\/traces\?/);
});

async function openTrace(page: Page): Promise<void> {
  await page.goto('/traces?service=checkout&sort=errors');
  await settled(page);
  await page.getByRole('grid', { name: 'Traces' }).getByRole('link').first().click();
  await expect(page).toHaveURL(/\/traces\/[0-9a-f]{32}/);
  await settled(page);
}
