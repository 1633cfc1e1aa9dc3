// From an alert to what it asked, to its incident and its rule; what is silenced, and what is promised.

import { expect, test } from '@playwright/test';
import { settled, signIn } from './account';


test('an alert leads to its rows, its statement and its rule', async ({ page, context }) => {
  await signIn(context);
  await page.goto('/alerts');
  await settled(page);
  await page.getByRole('grid', { name: 'Alerts of' }).first().getByRole('link').first().click();

  await expect(page).toHaveURL(/\/alerts\/[0-9a-f-]{36}/);
  await expect(page.getByRole('region', { name: 'What happened' })).toContainText('became true');
  await expect(page.getByRole('link', { name: 'Open in SQL' })).toHaveAttribute('href', /\/sql\?.*sql=.*as_of=/);
  await page.getByRole('link', { name: 'Rule', exact: true }).click();
  await expect(page).toHaveURL(/\/rules\//);
  await expect(page.getByText('Nothing is wrong with it.')).toBeVisible();
  await page.getByRole('tab', { name: 'Try on the past' }).click();
  await expect(page).toHaveURL(/tab=backtest/);
  await page.goBack();
  await page.goBack();
  await expect(page).toHaveURL(/\/alerts\//);
});

test('what is silenced is listed, and told again when the silence is ended', async ({ page, context }) => {
  await signIn(context);
  await page.goto('/alerts?state=silences');
  await page.getByRole('button', { name: 'Silence…' }).click();
  const why = `of a journey, ${Date.now()}`;
  await page.getByLabel('Alerts with all of these labels').fill('service=of-a-journey');
  await page.getByLabel('Why').fill(why);
  await page.getByRole('dialog').getByRole('button', { name: 'Silence' }).click();

  const row = page.getByRole('row').filter({ hasText: why });
  await expect(row).toContainText('active');
  await row.getByRole('button', { name: /^End/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'End it' }).click();
  await expect(row).toHaveCount(0);
});

test('an incident is opened, answered, resolved and reviewed', async ({ page, context }) => {
  await signIn(context);
  await page.goto('/incidents');
  await page.getByRole('button', { name: 'Open an incident' }).click();
  await page.getByLabel('What is wrong').fill('A journey of the web app');
  await page.getByRole('dialog').getByRole('button', { name: 'Open' }).click();

  await expect(page).toHaveURL(/\/incidents\/INC-\d+/);
  await page.getByRole('button', { name: 'Acknowledge' }).click();
  await expect(page.getByRole('region', { name: 'What happened' })).toContainText('Acknowledged');
  await page.getByRole('button', { name: 'Resolve…' }).click();
  await page.getByLabel('What was done').fill('It was walked to its end.');
  await page.getByRole('dialog').getByRole('button', { name: 'Resolve', exact: true }).click();
  await page.getByRole('button', { name: 'Review…' }).click();
  await page.getByLabel('Why it happened').fill('It was written so.');
  await page.getByRole('dialog').getByRole('button', { name: 'Write it down' }).click();
  await expect(page.getByRole('region', { name: 'How it is' })).toContainText('reviewed');
});

test('a rule with a fault says where it is, and is not made', async ({ page, context }) => {
  await signIn(context);
  await page.goto('/rules?template=error_rate');
  await page.getByRole('textbox', { name: 'Rule as YAML' }).fill('- name: Of a journey\n  condition: error_rat > 1%\n  severity: info\n');

  await expect(page.getByText(/^Line 2, column 14/)).toBeVisible();
  await page.getByRole('button', { name: 'Make it' }).click();
  await expect(page.getByRole('alert')).toContainText('error_rat');
});
