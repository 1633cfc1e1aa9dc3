// Pictures of every page and of what is on it: in light, dark and narrow. ONLY, a pattern of names, takes some of them.

import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type BrowserContext, type Page } from '@playwright/test';
import { settled, signIn } from './account';

const FOLDER = process.env.SHOTS ?? join(tmpdir(), 'observatory-shots');
const ONLY = new RegExp(process.env.ONLY ?? '');
const LOOKS = [
  { name: 'light', colorScheme: 'light', viewport: { width: 1440, height: 900 } },
  { name: 'dark', colorScheme: 'dark', viewport: { width: 1440, height: 900 } },
  { name: 'narrow', colorScheme: 'light', viewport: { width: 420, height: 860 } },
] as const;

/** An address, and what is done there before the picture is taken. In addresses `$name` is the first link of a list of `ONES`. */
type Shot = string | [string, (page: Page) => Promise<void>];

const STATEMENT = encodeURIComponent(
  "SELECT date_bin(INTERVAL '1 minute', start_time) AS time, service_name, count(*) AS requests, quantile(duration_ns, 0.95) AS p95_ns FROM spans WHERE kind = 'server' AND start_time > now() - INTERVAL '20 minutes' GROUP BY 1, 2 ORDER BY 1, 2",
);

const SHOTS: Record<string, Shot> = {
  ...Object.fromEntries(['executive', 'operations', 'product', 'technical'].map((name): [string, Shot] => [`dashboard-${name}`, `/dashboards/${name}?from=now-1h`])),
  'dashboard-edited': '/dashboards/executive?from=now-1h&edit=true',
  ...Object.fromEntries(['errors', 'peers', 'versions'].map((tab): [string, Shot] => [`service-${tab}`, `/services/checkout?tab=${tab}`])),
  'trace-waterfall': ['$trace', (page) => page.getByRole('button', { name: 'Next failed span' }).click()],
  ...Object.fromEntries(['flame', 'spans', 'logs'].map((view): [string, Shot] => [`trace-${view}`, `$trace?view=${view}`])),
  'traces-filtered': '/traces?service=checkout&status=error&text=card',
  'traces-different': ['/traces?view=compare', chooseSlow],
  'logs-patterns': '/logs?view=patterns',
  'logs-line': ['/logs?severity=error', openLine],
  'metric-lines': '/metrics?metric=process.memory.usage&by=service.name',
  'metric-histogram': '/metrics?metric=http.server.request.duration',
  'map-node': '/map?node=service:checkout',
  'map-list': '/map?view=list',
  ...Object.fromEntries(['table', 'chart', 'plan'].map((view): [string, Shot] => [`sql-${view}`, `/sql?sql=${STATEMENT}&view=${view}`])),
  'alerts-resolved': '/alerts?state=resolved',
  silences: '/alerts?state=silences',
  'rule-alerts': '$rule?tab=alerts',
  'rule-backtest': ['$rule?tab=backtest&since=1h', (page) => page.getByRole('button', { name: 'Try it on the past' }).click()],
  'rule-new': '/rules?template=error_rate',
  slo: '/slos/pictures-availability',
  account: '/account',
  ...Object.fromEntries(['flow', 'segments', 'maintenance'].map((view): [string, Shot] => [`storage-${view}`, `/admin/storage?view=${view}`])),
  palette: ['/', async (page) => { await page.keyboard.press('Control+k'); await page.keyboard.type('che'); await page.getByRole('menuitem', { name: /checkout/ }).first().waitFor(); }],
  keys: ['/', (page) => page.keyboard.press('?')],
};

const ONES: Record<string, string> = { $trace: '/traces?service=checkout&status=error&sort=errors', $rule: '/rules' };

for (const look of LOOKS) {
  test(`pages, ${look.name}`, async ({ browser, baseURL }) => {
    test.setTimeout(900_000);
    mkdirSync(FOLDER, { recursive: true });
    const context = await browser.newContext({ baseURL, colorScheme: look.colorScheme, viewport: look.viewport });
    const page = await context.newPage();
    if (ONLY.test('sign-in')) await shoot(page, look.name, 'sign-in', '/sign-in');
    await signIn(context);
    await promise(context);
    await page.goto('/');
    await settled(page);
    const paths = await page.locator('nav a').evaluateAll((links) => links.map((link) => (link as HTMLAnchorElement).pathname));
    for (const path of paths) {
      const name = path === '/' ? 'overview' : path.slice(1).replaceAll('/', '-');
      if (!ONLY.test(name)) continue;
      await shoot(page, look.name, name, path);
      const one = await firstOf(page);
      if (one !== undefined && !paths.includes(one)) await shoot(page, look.name, `${name}-one`, one);
    }
    for (const [name, shot] of Object.entries(SHOTS).filter(([name]) => ONLY.test(name))) await shoot(page, look.name, name, shot);
    await context.close();
  });
}

async function shoot(page: Page, look: string, name: string, shot: Shot): Promise<void> {
  const [address, act] = typeof shot === 'string' ? [shot] : shot;
  await page.goto(await resolved(page, address));
  await settled(page);
  await act?.(page);
  await settled(page);
  await page.screenshot({ path: join(FOLDER, `${name}.${look}.png`), fullPage: true });
}

async function resolved(page: Page, address: string): Promise<string> {
  const list = ONES[/^\$\w+/.exec(address)?.[0] ?? ''];
  if (list === undefined) return address;
  await page.goto(list);
  await settled(page);
  return address.replace(/^\$\w+/, (await firstOf(page)) ?? list);
}

/** Where the first row of a list leads. */
async function firstOf(page: Page): Promise<string | undefined> {
  const link = page.locator('[role="row"] a').first();
  return (await link.count()) === 0 ? undefined : link.evaluate((each) => (each as HTMLAnchorElement).pathname);
}

/** An SLO, where there is none of this name yet. */
async function promise(context: BrowserContext): Promise<void> {
  const name = 'pictures-availability';
  const known = await context.request.get(`/api/v1/apm/slos/${name}`);
  if (known.ok()) return;
  const csrf = (await context.cookies()).find((cookie) => cookie.name === 'observatory_csrf')?.value ?? '';
  const data = { name, service: 'gateway', objective: 99, window_days: 7, owner: 'shop', indicator: { kind: 'availability' } };
  const made = await context.request.post('/api/v1/apm/slos', { data, headers: { 'x-csrf-token': csrf } });
  if (!made.ok()) throw new Error(`no SLO was made: ${await made.text()}`);
}

async function chooseSlow(page: Page): Promise<void> {
  const box = await page.locator('canvas').first().boundingBox();
  if (box === null) return;
  await page.mouse.move(box.x + box.width * 0.7, box.y + 10);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width - 10, box.y + box.height * 0.4, { steps: 5 });
  await page.mouse.up();
}

async function openLine(page: Page): Promise<void> {
  await page.getByRole('grid', { name: 'Log lines' }).getByRole('row').first().focus();
  await page.keyboard.press('Enter');
}
