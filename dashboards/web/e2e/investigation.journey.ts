// What people come for: from something that is wrong to why it is, in a few clicks; and from a question to a dashboard and to a rule.

import { expect, test, type Page } from '@playwright/test';
import { settled, signIn } from './account';

test.beforeEach(async ({ context }) => {
  await signIn(context);
});

test('the slow statement behind a slow page is four clicks away', async ({ page }) => {
  await page.goto('/services?from=now-15m');
  await settled(page);

  await page.getByRole('grid', { name: 'Services' }).getByRole('link', { name: 'catalog', exact: true }).click();
  await settled(page);
  await page.getByRole('grid', { name: 'Operations' }).getByRole('link').first().click();
  await settled(page);
  await page.getByRole('grid', { name: 'Traces' }).getByRole('link').first().click();
  const tree = page.getByRole('treegrid', { name: 'Spans' });
  await tree.getByRole('row').filter({ hasText: 'SELECT products' }).first().click();

  const span = page.getByRole('complementary', { name: 'Span' });
  await expect(span).toContainText('FROM products WHERE');
  await expect(span).toContainText('postgresql');
});

test('from the link of an alert to the exception that caused it', async ({ page }) => {
  await page.goto('/alerts');
  await settled(page);
  await page.getByRole('grid', { name: 'Alerts of High Error Rate' }).getByRole('link', { name: /^service=/ }).first().click();

  await page.getByRole('grid', { name: 'The rows behind it' }).getByRole('link').first().click();
  await expect(page).toHaveURL(/\/traces\/[0-9a-f]{32}/);
  await page.getByRole('button', { name: 'Next failed span' }).click();
  await expect(page.getByRole('complementary', { name: 'Span' })).toContainText('exception');
  await page.getByRole('tab', { name: /^Logs/ }).click();
  await expect(page.getByRole('grid', { name: 'Log records of the trace' }).getByRole('row').first()).toBeVisible();
});

test('a statement is written, drawn, pinned to a dashboard, and there after a reload', async ({ page }) => {
  const title = `Pinned ${Date.now()}`;
  await page.goto('/sql');
  await settled(page);
  await write(page, 'SQL statement', "SELECT date_bin(INTERVAL '1 minute', start_time) AS time, count(*) AS requests FROM spans WHERE start_time > now() - INTERVAL '20 minutes' GROUP BY 1 ORDER BY 1");
  await page.keyboard.press('Control+Enter');
  await expect(page.getByRole('grid', { name: 'Rows' }).getByRole('row').nth(1)).toBeVisible();
  await page.getByRole('tab', { name: 'Chart' }).click();
  await expect(page.locator('.u-over')).toBeVisible();

  await page.getByRole('button', { name: 'Pin to a dashboard' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Its title').fill(title);
  await dialog.getByLabel('Title of the panel').fill('Requests of a journey');
  await dialog.getByRole('button', { name: 'Pin' }).click();

  await expect(page).toHaveURL(/\/dashboards\/pinned-/);
  await page.reload();
  await expect(page.getByRole('heading', { level: 1, name: title })).toBeVisible();
  await expect(page.getByRole('region', { name: 'Requests of a journey' }).getByRole('grid').getByRole('row').nth(1)).toBeVisible();
});

test('a rule is written, tried on the past, fires, and is silenced', async ({ page }) => {
  test.setTimeout(180_000);
  const name = `Journey ${Date.now()}`;
  await page.goto('/rules?template=error_rate');
  await settled(page);
  await write(page, 'Rule as YAML', `- {name: ${name}, condition: error_rate > 0.1%, over: 5m, interval: 5s, severity: info}`);
  await page.getByRole('button', { name: /Over$/ }).click();
  await page.getByRole('option', { name: 'the last hour' }).click();
  await page.getByRole('button', { name: 'Try it on the past' }).click();
  await expect(page.getByRole('region', { name: `Trial of ${name}` }).getByRole('grid').getByRole('row').nth(1)).toBeVisible({ timeout: 60_000 });
  await page.getByRole('button', { name: 'Make it' }).click();
  await expect(page).toHaveURL(/\/rules\/Journey/);

  await page.getByRole('tab', { name: /^Alerts/ }).click();
  const alerts = page.getByRole('grid', { name: `Alerts of ${name}` });
  await expect(alerts).toContainText('service=payment', { timeout: 90_000 });
  await alerts.getByRole('link', { name: 'service=payment' }).click();
  await expect(page.getByRole('region', { name: 'What is so' })).toContainText('firing');
  await page.getByRole('button', { name: 'Silence…' }).click();
  await page.getByLabel('Why').fill('A journey has seen it.');
  await page.getByRole('dialog').getByRole('button', { name: 'Silence' }).click();
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await page.goto('/alerts?state=silences');
  await expect(page.getByRole('row').filter({ hasText: 'A journey has seen it.' }).first()).toContainText('active');
});

async function write(page: Page, label: string, text: string): Promise<void> {
  await page.getByRole('textbox', { name: label }).click();
  await page.keyboard.press('Control+a');
  await page.keyboard.insertText(text);
}
