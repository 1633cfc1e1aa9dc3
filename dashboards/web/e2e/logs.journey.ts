// From a line to what it says, what was logged around it, and its pattern; from a metric to what it is made of.

import { expect, test } from '@playwright/test';
import { settled, signIn } from './account';

test.beforeEach(async ({ context }) => {
  await signIn(context);
});

test('a line tells all it says, and a field of it filters', async ({ page }) => {
  // Lines that belong to a trace: not all do.
  await page.goto('/logs?text=recommended&severity=info');
  await settled(page);
  const lines = page.getByRole('grid', { name: 'Log lines' });

  await lines.getByRole('row').first().focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/line=/);
  await page.getByRole('button', { name: 'Lines before and after' }).click();
  await expect(page.getByRole('region', { name: 'Lines before and after' }).getByRole('gridcell').first()).toBeVisible();
  await expect(page.getByRole('link', { name: 'Open its trace' })).toHaveAttribute('href', /\/traces\/[0-9a-f]{32}/);
  await page.getByRole('button', { name: /^Only service / }).click();

  await expect(page).toHaveURL(/service=[^&]+/);
  await expect(page).not.toHaveURL(/line=/);
  await page.getByRole('button', { name: /^Remove service=/ }).click();
  await expect(page).not.toHaveURL(/service=/);
  await page.goBack();
  await expect(page).toHaveURL(/service=[^&]+/);
});

test('words that mean nothing are told in the words of the server', async ({ page }) => {
  await page.goto('/logs');
  await page.getByLabel('Words of the body').fill('"open');
  await page.keyboard.press('Enter');

  await expect(page.getByRole('alert').first()).toContainText('not closed');
});

test('a pattern leads to its lines', async ({ page }) => {
  await page.goto('/logs?view=patterns');
  await page.getByRole('grid', { name: 'Patterns' }).getByRole('link').first().click();

  await expect(page).toHaveURL(/pattern=[0-9a-f]+/);
  await expect(page.getByRole('grid', { name: 'Log lines' }).getByRole('row').first()).toBeVisible();
});

test('a histogram is seen by function, by label and by size', async ({ page }) => {
  await page.goto('/metrics?type=histogram');
  await page.getByRole('grid', { name: 'Metrics' }).getByRole('link').first().click();
  await settled(page);

  await page.getByRole('button', { name: /^Group by$/ }).click();
  await page.getByRole('menuitem').first().click();
  await expect(page).toHaveURL(/by=/);
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: /Function/ }).click();
  await page.getByRole('option', { name: 'p95' }).click();

  await expect(page).toHaveURL(/function=p95/);
  const series = page.getByRole('grid', { name: 'Series' }).getByRole('button', { pressed: true });
  const before = await series.count();
  await series.first().click();
  await expect(series).toHaveCount(before - 1);
  await expect(page.getByRole('figure', { name: 'Values over time' })).toBeVisible();
});
