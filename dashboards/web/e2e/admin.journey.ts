// Who looks after a tenant: somebody is invited, gets other roles and is sent away; a key is made and revoked; the trail tells.

import { expect, test } from '@playwright/test';
import { signIn } from './account';

test('somebody is invited, kept out and removed, and the audit trail says so', async ({ page, context }) => {
  const email = `guest-${Date.now().toString(36)}@example.org`;
  await signIn(context);
  await page.goto('/admin/people');

  await page.getByRole('button', { name: 'Invite' }).click();
  await page.getByRole('dialog').getByLabel('E-mail').fill(email);
  await page.getByRole('dialog').getByRole('button', { name: 'Invite' }).click();
  await expect(page.getByRole('region', { name: 'One-time password' })).not.toBeEmpty();
  await page.getByRole('button', { name: 'I have kept it' }).click();
  await page.getByRole('link', { name: email }).click();

  await page.getByRole('button', { name: 'Actions' }).click();
  await page.getByRole('menuitem', { name: 'Suspend' }).click();
  await page.getByRole('button', { name: 'Suspend' }).click();
  await expect(page.getByRole('main').getByText('suspended', { exact: true })).toBeVisible();

  await page.getByRole('button', { name: 'Actions' }).click();
  await page.getByRole('menuitem', { name: 'Remove' }).click();
  const remove = page.getByRole('dialog').getByRole('button', { name: 'Remove' });
  await expect(remove).toBeDisabled();
  await page.getByLabel(/^Type/).fill(email);
  await remove.click();
  await expect(page).toHaveURL(/\/admin\/people$/);
  await expect(page.getByRole('link', { name: email })).toHaveCount(0);

  await page.goto(`/admin/audit?text=${email}`);
  const trail = page.getByRole('grid', { name: 'Audit trail' });
  await expect(trail).toContainText('person.removed');
  await expect(page.getByText('chain is whole')).toBeVisible();
  await trail.getByRole('link').first().click();
  await expect(page.getByRole('dialog', { name: /^Entry/ })).toContainText(email);
  await page.keyboard.press('Escape');
  await expect(page).not.toHaveURL(/entry=/);
});

test('a key is told once, rotated, and revoked after a question', async ({ page, context }) => {
  const name = `key-${Date.now().toString(36)}`;
  await signIn(context);
  await page.goto('/admin/keys');

  await page.getByRole('button', { name: 'Make a key' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Make it' }).click();
  const key = await page.getByRole('region', { name: 'Key', exact: true }).innerText();
  await expect(page.getByRole('region', { name: 'Settings of the exporter' })).toContainText(key);
  await page.getByRole('button', { name: 'I have kept it' }).click();

  await page.getByRole('button', { name: `Actions of ${name}` }).click();
  await page.getByRole('menuitem', { name: 'Rotate' }).click();
  await page.getByRole('button', { name: 'Rotate', exact: true }).click();
  const successor = page.getByRole('region', { name: 'Key', exact: true });
  await expect(successor).toHaveText(/^obs_/);
  await expect(successor).not.toHaveText(key);
  await page.getByRole('button', { name: 'I have kept it' }).click();
  const rows = page.getByRole('grid', { name: 'Keys' }).getByRole('row').filter({ hasText: name });
  await expect(rows).toHaveCount(2);
  await expect(rows.filter({ hasText: 'replaced' })).toHaveCount(1);

  for (const left of [1, 0]) {
    await rows.first().getByRole('button', { name: `Actions of ${name}` }).click();
    await page.getByRole('menuitem', { name: 'Revoke' }).click();
    await page.getByRole('button', { name: 'Revoke', exact: true }).click();
    await expect(rows).toHaveCount(left);
  }
});
