// Two tenants in two browsers: whatever one looks at, nothing of the other is there.
// A server keeps its tenants, so those of an earlier run are used again.

import { expect, test, type APIRequestContext, type Browser, type BrowserContext, type Page } from '@playwright/test';
import { credentials, settled } from './account';

/** Where telemetry goes over HTTP; without it, only what the hub knows is looked at. */
const OTLP = process.env.OBSERVATORY_OTLP;
const PASSWORD = 'two tenants never meet';

interface Tenant {
  name: string;
  email: string;
  context: BrowserContext;
  page: Page;
}

test('two tenants never see each other', async ({ browser, playwright, baseURL }) => {
  test.setTimeout(180_000);
  const server = await playwright.request.newContext({ baseURL });
  const run = Date.now().toString(36);
  const left = await tenant('journey-left', server, browser, baseURL);
  const right = await tenant('journey-right', server, browser, baseURL);

  for (const { name, page, context } of [left, right]) {
    const key = await makeKey(page, `${name}-${run}`);
    if (OTLP !== undefined) await send(context.request, key, `shop-of-${name}`);
  }

  for (const [one, other] of [
    [left, right],
    [right, left],
  ] as const) {
    await one.page.goto('/admin/keys');
    await expect(one.page.getByRole('grid', { name: 'Keys' })).toContainText(`${one.name}-${run}`);
    await expectNothingOf(other, one.page);

    await one.page.goto('/admin/people');
    await expect(one.page.getByRole('link', { name: one.email })).toBeVisible();
    await expectNothingOf(other, one.page);

    await one.page.goto('/admin/audit');
    await expect(one.page.getByRole('grid', { name: 'Audit trail' })).toContainText('key.made');
    await expectNothingOf(other, one.page);
    await expect(one.page.getByRole('link', { name: 'Tenants' })).toHaveCount(0);

    if (OTLP !== undefined) {
      await one.page.goto('/services');
      await expect(one.page.getByRole('link', { name: `shop-of-${one.name}` })).toBeVisible();
      await expectNothingOf(other, one.page);
    }

    // Naming the other tenant in the address is refused, and shows nothing of it.
    const refused = one.page.waitForResponse((answer) => answer.url().includes('/api/v1/hub/me') && answer.status() === 403);
    await one.page.goto(`/admin/keys?tenant=${other.name}`);
    await refused;
    await expect(one.page.getByRole('alert').first()).toBeVisible();
    await expect(one.page.getByRole('grid')).toHaveCount(0);
  }
  await left.context.close();
  await right.context.close();
  await server.dispose();
});

/** The tenant with its owner signed in, in a browser of its own. */
async function tenant(name: string, server: APIRequestContext, browser: Browser, baseURL: string | undefined): Promise<Tenant> {
  const email = `owner@${name}.example`;
  const session = await server.post('/api/v1/hub/session', { data: credentials() });
  const { access_token: token } = (await session.json()) as { access_token: string };
  const headers = { Authorization: `Bearer ${token}` };
  const known = await server.get(`/api/v1/hub/tenants/${name}`, { headers });
  if (known.status() === 404) {
    const made = await server.post('/api/v1/hub/tenants', { data: { name, owner: email }, headers });
    expect(made.status(), await made.text()).toBe(201);
    const { one_time_password: once } = (await made.json()) as { one_time_password: string };
    const first = await server.post('/api/v1/hub/session', { data: { tenant: name, email, password: once, new_password: PASSWORD } });
    expect(first.ok(), await first.text()).toBe(true);
  }
  const context = await browser.newContext({ baseURL });
  const page = await context.newPage();
  await page.goto('/sign-in');
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('button', { name: new RegExp(`tenant ${name}$`) })).toBeVisible();
  return { name, email, context, page };
}

/** By the page, as people do; the key is told once. */
async function makeKey(page: Page, name: string): Promise<string> {
  await page.goto('/admin/keys');
  await settled(page);
  await page.getByRole('button', { name: 'Make a key' }).click();
  await page.getByRole('dialog').getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Make it' }).click();
  const key = await page.getByRole('region', { name: 'Key', exact: true }).innerText();
  expect(key).toMatch(/^obs_/);
  await page.getByRole('button', { name: 'I have kept it' }).click();
  return key;
}

async function expectNothingOf(other: Tenant, page: Page): Promise<void> {
  await settled(page);
  await expect(page.getByText(other.name)).toHaveCount(0);
}

/** A request that the service answered, as spans of OTLP. */
async function send(request: APIRequestContext, key: string, service: string): Promise<void> {
  const now = BigInt(Date.now()) * 1_000_000n;
  const hex = (digits: number) => Array.from({ length: digits }, () => Math.floor(Math.random() * 16).toString(16)).join('');
  const span = { traceId: hex(32), spanId: hex(16), name: 'GET /', kind: 2, startTimeUnixNano: String(now - 20_000_000n), endTimeUnixNano: String(now) };
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: service } }] };
  const answer = await request.post(`${OTLP ?? ''}/v1/traces`, { headers: { Authorization: `Bearer ${key}` }, data: { resourceSpans: [{ resource, scopeSpans: [{ spans: [span] }] }] } });
  expect(answer.ok(), await answer.text()).toBe(true);
}
