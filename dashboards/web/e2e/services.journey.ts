// From signing in to one service, by mouse and by keyboard, with the address saying where one is.

import { expect, test } from '@playwright/test';
import { credentials, settled, signIn } from './account';

test('who signs in sees the services, and one of them', async ({ page }) => {
  const { email, password } = credentials();
  await page.goto('/services?from=now-3h');
  await expect(page).toHaveURL(/\/sign-in/);

  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();

  await expect(page).toHaveURL(/\/services\?from=now-3h/);
  const first = page.getByRole('grid', { name: 'Services' }).getByRole('link').first();
  const name = await first.innerText();
  await first.click();
  await expect(page.getByRole('heading', { level: 1 })).toContainText(name);
  await expect(page).toHaveURL(/from=now-3h/);
  await page.getByRole('tab', { name: 'Errors' }).click();
  await expect(page).toHaveURL(/tab=errors/);
  await page.goBack();
  await page.goBack();
  await expect(page.getByRole('grid', { name: 'Services' })).toBeVisible();
});

test('a wrong password is told in the words of the server', async ({ page }) => {
  await page.goto('/sign-in');
  await page.getByLabel('E-mail').fill('nobody@example.org');
  await page.getByLabel('Password').fill('not the password');
  await page.getByRole('button', { name: 'Sign in' }).click();

  await expect(page.getByRole('alert')).not.toBeEmpty();
});

test('a drag over a chart is the range of all of them, and back leaves it', async ({ page, context }) => {
  await signIn(context);
  await page.goto('/');
  await settled(page);
  const box = await page.locator('.u-over').first().boundingBox();
  if (box === null) throw new Error('the chart has no place');

  await page.mouse.move(box.x + box.width * 0.3, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.6, box.y + 40, { steps: 5 });
  await page.mouse.up();

  await expect(page).toHaveURL(/from=20.*Z&to=20.*Z/);
  await page.goBack();
  await expect(page.getByRole('button', { name: 'Last hour' })).toBeVisible();
});

test('everything is reached by the keyboard', async ({ page, context }) => {
  await signIn(context);
  await page.goto('/');
  await settled(page);

  await page.keyboard.press('Control+k');
  await page.keyboard.type('servi');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/services/);
  await settled(page);
  await page.getByRole('grid', { name: 'Services' }).getByRole('row').nth(1).focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/services\/[^?]+/);
  await page.keyboard.press('g');
  await page.keyboard.press('o');
  await expect(page.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible();
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keys' })).toBeVisible();
});

test('two pages whose access has expired renew it one after the other', async ({ page, context }) => {
  await signIn(context);
  await context.clearCookies({ name: 'observatory_access' });
  const other = await context.newPage();

  await Promise.all([page.goto('/services'), other.goto('/services')]);

  await expect(page.getByRole('grid', { name: 'Services' })).toBeVisible();
  await expect(other.getByRole('grid', { name: 'Services' })).toBeVisible();
});

test('who signs out is out', async ({ page, context }) => {
  await signIn(context);
  await page.goto('/services');

  await page.getByRole('button', { name: /^Account and preferences/ }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();

  await expect(page).toHaveURL(/\/sign-in/);
  await page.goto('/services');
  await expect(page).toHaveURL(/\/sign-in/);
});
