// Who the tests are; a person of the server under test.

import AxeBuilder from '@axe-core/playwright';
import type { BrowserContext, Page } from '@playwright/test';

const email = process.env.OBSERVATORY_EMAIL ?? 'owner@localhost';

export function credentials(): { email: string; password: string } {
  const password = process.env.OBSERVATORY_PASSWORD;
  if (password === undefined) throw new Error('OBSERVATORY_PASSWORD has to be the password of OBSERVATORY_EMAIL (owner@localhost)');
  return { email, password };
}

/** Signs the browser in without the form. */
export async function signIn(context: BrowserContext): Promise<void> {
  const answer = await context.request.post('/api/v1/hub/session', { data: { ...credentials(), cookies: true } });
  if (!answer.ok()) throw new Error(`signing in failed: ${await answer.text()}`);
}

/** Until every answer is there and drawn. */
export async function settled(page: Page): Promise<void> {
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.waitForLoadState('networkidle');
  await page.locator('[aria-busy="true"]').first().waitFor({ state: 'detached' });
}

/** Faults of accessibility that are serious or worse: by all rules, or by these. */
export async function accessFaults(page: Page, rules?: string[]): Promise<string[]> {
  // Its other mode opens a page for each analysis, to look into frames of others; the app has none.
  const axe = new AxeBuilder({ page }).setLegacyMode(true);
  const { violations } = await (rules === undefined ? axe : axe.withRules(rules)).analyze();
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  return serious.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
}
