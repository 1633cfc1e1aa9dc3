// Asking in SQL, and dashboards: looked at and written.

import { expect, test } from '@playwright/test';
import { settled, signIn } from './account';

test.beforeEach(async ({ context }) => {
  await signIn(context);
});

test('a statement is asked, drawn, explained, and found again', async ({ page }) => {
  await page.goto(`/sql?sql=${encodeURIComponent('SELECT service_name, count(*) AS requests FROM spans GROUP BY 1')}`);
  await settled(page);
  await expect(page.getByRole('grid', { name: 'Rows' }).getByRole('row')).not.toHaveCount(1);

  await page.getByRole('tab', { name: 'Chart' }).click();
  await expect(page.getByRole('list', { name: 'service_name' })).toBeVisible();
  await page.getByRole('tab', { name: 'Plan' }).click();
  await expect(page.getByText('TableScan').first()).toBeVisible();
  await page.getByRole('tab', { name: 'History' }).click();
  await expect(page.getByRole('button', { name: /SELECT service_name/ }).first()).toBeVisible();
});

test('what is wrong with a statement is marked where it is', async ({ page }) => {
  await page.goto(`/sql?sql=${encodeURIComponent('SELECT name\nFROM spans WHERE nothing = 1')}`);

  await expect(page.getByRole('alert')).toContainText("'nothing'");
  await expect(page.getByTitle("column 'nothing' not found")).toBeVisible();
});

test('a dashboard is opened, chosen for, and led on from', async ({ page }) => {
  await page.goto('/dashboards');
  await page.getByRole('link', { name: 'Technical' }).click();
  await settled(page);
  await page.getByRole('button', { name: 'Service all' }).click();
  await page.getByRole('option', { name: 'cart' }).click();
  await expect(page).toHaveURL(/var\.service=cart/);
  await page.keyboard.press('Escape');

  await page.getByRole('button', { name: 'More of Operations' }).click();
  await page.getByRole('menuitem', { name: 'Open in SQL' }).click();
  await expect(page).toHaveURL(/\/sql\?/);
});

test('a dashboard is made, changed and removed', async ({ page }) => {
  const title = `Journey ${Date.now()}`;
  await page.goto('/dashboards');
  await page.getByRole('button', { name: 'New dashboard' }).click();
  await page.getByRole('textbox', { name: 'Title', exact: true }).fill(title);
  await page.getByRole('button', { name: 'Create' }).click();

  const editor = page.getByRole('textbox', { name: 'Dashboard as YAML' });
  await editor.getByText('time_series').dblclick();
  await page.keyboard.type('nothing');
  await expect(page.getByRole('list', { name: 'What is wrong' })).toContainText('`nothing` is none of what may stand here');
  await editor.getByText('nothing').dblclick();
  await page.keyboard.type('table');
  await expect(page.getByText('Nothing is wrong')).toBeVisible();
  await page.getByRole('button', { name: 'Save' }).click();

  await page.getByRole('button', { name: 'Close' }).click();
  await page.getByRole('button', { name: 'Remove' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await expect(page).toHaveURL(/\/dashboards$|\/dashboards\?/);
});
