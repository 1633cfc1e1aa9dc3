// Asking in SQL, and dashboards: looked at and written.

import { expect, test, type Locator } from '@playwright/test';
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

test('a statement over the range of the page is written, drawn, zoomed into, and the same as a panel', async ({ page }) => {
  const title = `Ranged ${Date.now()}`;
  await page.goto('/sql');
  await settled(page);
  await page.getByRole('textbox', { name: 'SQL statement' }).click();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.insertText("SELECT time_bucket($interval, start_time) AS time, count(*) AS requests FROM spans WHERE kind = 'server' AND start_time < $to AND start_time >= ");
  await page.keyboard.type('$f');
  await page.getByRole('option').filter({ hasText: 'start of the range' }).click();
  await page.keyboard.insertText(' GROUP BY 1 ORDER BY 1');
  await expect(page.getByRole('button', { name: 'Last hour' })).toBeVisible();
  await expect(page.getByText('Nothing is asked yet')).toBeVisible();

  await page.getByRole('button', { name: 'Run', exact: true }).click();
  const told = page.getByText(/^[\d,]+ rows? in .* over .*\d – .*\d/);
  await expect(told).toBeVisible();
  const overAnHour = await told.innerText();
  await page.getByRole('tab', { name: 'Chart' }).click();
  await zoomInto(page.getByRole('figure', { name: 'time and requests' }).locator('.u-over'));
  await expect(page).toHaveURL(/from=20.*Z&to=20.*Z/);
  await expect(told).toBeVisible();
  await expect(told).not.toHaveText(overAnHour);

  await page.getByRole('button', { name: 'Pin to a dashboard' }).click();
  const dialog = page.getByRole('dialog', { name: 'Pin to a dashboard' });
  await dialog.getByRole('button', { name: /Dashboard$/ }).click();
  await page.getByRole('option', { name: 'A new one' }).click();
  await dialog.getByRole('textbox', { name: 'Its title' }).fill(title);
  await dialog.getByRole('textbox', { name: 'Title of the panel' }).fill('Requests');
  await dialog.getByRole('button', { name: /Shown as$/ }).click();
  await page.getByRole('option', { name: 'Lines over time' }).click();
  await dialog.getByRole('button', { name: 'Pin', exact: true }).click();
  await expect(page).toHaveURL(/\/dashboards\/ranged-\d+\?.*from=20.*Z/);
  await page.reload();
  await expect(page.getByRole('figure', { name: 'Requests' }).locator('.u-over')).toBeVisible();

  await page.getByRole('button', { name: 'Remove' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await expect(page).toHaveURL(/\/dashboards$|\/dashboards\?/);
});

/** Drags over the middle of a chart. */
async function zoomInto(chart: Locator): Promise<void> {
  await chart.scrollIntoViewIfNeeded();
  const box = await chart.boundingBox();
  if (box === null) throw new Error('the chart has no place');
  const [mouse, y] = [chart.page().mouse, box.y + box.height / 2];
  await mouse.move(box.x + box.width * 0.3, y);
  await mouse.down();
  await mouse.move(box.x + box.width * 0.9, y, { steps: 5 });
  await mouse.up();
}

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
