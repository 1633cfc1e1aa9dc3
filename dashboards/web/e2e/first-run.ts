// The first minutes of a new server: the one-time password, the demo at the press of a button, the first trace.

import { expect, test } from '@playwright/test';
import { credentials, settled } from './account';

/** Told once at the first start of a server. */
const ONE_TIME = process.env.OBSERVATORY_ONE_TIME_PASSWORD;

test('from the first sign-in to the first trace', async ({ page }) => {
  test.skip(ONE_TIME === undefined, 'only a server that was never signed in to has a one-time password');
  test.setTimeout(180_000);
  const { email, password } = credentials();
  await page.goto('/sign-in');
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(ONE_TIME ?? '');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByLabel('New password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();

  await page.getByRole('link', { name: 'Send telemetry' }).first().click();
  await expect(page.getByText('Waiting for the first telemetry.')).toBeVisible();
  await page.getByRole('button', { name: 'Play the demo' }).click();
  await expect(page.getByText(/^The shop is open/)).toBeVisible();
  await expect(page.getByText(/^Heard of \d+ services/)).toBeVisible({ timeout: 60_000 });

  await page.getByRole('grid', { name: 'Services that were heard of' }).getByRole('link').first().click();
  await page.getByRole('navigation', { name: /^More of/ }).getByRole('link', { name: 'Traces' }).click();
  await settled(page);
  await page.getByRole('grid', { name: 'Traces' }).getByRole('link').first().click();
  await expect(page.getByRole('treegrid', { name: 'Spans' })).toBeVisible();

  // For the journeys that follow: until the past of the shop is written and the present is as it comes.
  const heardOf = async () => {
    const answer = await page.request.get('/api/v1/apm/services?from=now-1m');
    return ((await answer.json()) as { services: unknown[] }).services.length;
  };
  await expect.poll(heardOf, { timeout: 120_000 }).toBeGreaterThan(8);
});
