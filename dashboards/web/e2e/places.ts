// Every page and what is on it, one after the other: for pictures, and for what has to hold everywhere.

import type { Page } from '@playwright/test';
import { settled, signIn } from './account';

/** An address, and what is done there before anything is looked at. In addresses `$name` is the first link of a list of `ONES`. */
type Place = string | [string, (page: Page) => Promise<void>];

const STATEMENT = encodeURIComponent(`SELECT time_bucket($interval, start_time) AS time, service_name, count(*) / $interval_seconds AS per_second
FROM spans
WHERE kind = 'server' AND start_time >= $from AND start_time < $to
GROUP BY 1, 2 ORDER BY 1, 2`);

const PLACES: Record<string, Place> = {
  ...Object.fromEntries(['executive', 'operations', 'product', 'technical'].map((name): [string, Place] => [`dashboard-${name}`, `/dashboards/${name}?from=now-1h`])),
  'dashboard-edited': '/dashboards/executive?from=now-1h&edit=true',
  ...Object.fromEntries(['errors', 'peers', 'versions'].map((tab): [string, Place] => [`service-${tab}`, `/services/checkout?tab=${tab}`])),
  'trace-waterfall': ['$trace', (page) => page.getByRole('button', { name: 'Next failed span' }).click()],
  ...Object.fromEntries(['flame', 'spans', 'logs'].map((view): [string, Place] => [`trace-${view}`, `$trace?view=${view}`])),
  'traces-filtered': '/traces?service=checkout&status=error&text=card',
  'traces-different': ['/traces?view=compare', chooseSlow],
  'logs-patterns': '/logs?view=patterns',
  'logs-line': ['/logs?severity=error', openLine],
  'metric-lines': '/metrics?metric=process.memory.usage&by=service.name',
  'metric-histogram': '/metrics?metric=http.server.request.duration',
  'map-node': '/map?node=service:checkout',
  'map-list': '/map?view=list',
  ...Object.fromEntries(['table', 'chart', 'plan'].map((view): [string, Place] => [`sql-${view}`, `/sql?sql=${STATEMENT}&view=${view}`])),
  'alerts-resolved': '/alerts?state=resolved',
  silences: '/alerts?state=silences',
  'rule-alerts': '$rule?tab=alerts',
  'rule-backtest': ['$rule?tab=backtest&since=1h', (page) => page.getByRole('button', { name: 'Try it on the past' }).click()],
  'rule-new': '/rules?template=error_rate',
  slo: '/slos/gateway-availability',
  account: '/account',
  ...Object.fromEntries(['flow', 'segments', 'maintenance'].map((view): [string, Place] => [`storage-${view}`, `/admin/storage?view=${view}`])),
  palette: ['/', async (page) => { await page.keyboard.press('Control+k'); await page.keyboard.type('che'); await page.getByRole('menuitem', { name: /checkout/ }).first().waitFor(); }],
  keys: ['/', (page) => page.keyboard.press('?')],
};

const ONES: Record<string, string> = { $trace: '/traces?service=checkout&status=error&sort=errors', $rule: '/rules' };

/** Goes to each place of which the pattern knows the name; needs nobody to be signed in yet. */
export async function* everyPlace(page: Page, only = /(?:)/): AsyncGenerator<string> {
  if (only.test('sign-in')) yield await come(page, 'sign-in', '/sign-in');
  await signIn(page.context());
  await promise(page);
  await page.goto('/');
  await settled(page);
  const paths = await page.locator('nav a').evaluateAll((links) => links.map((link) => (link as HTMLAnchorElement).pathname));
  for (const path of paths) {
    const name = path === '/' ? 'overview' : path.slice(1).replaceAll('/', '-');
    const [isWanted, isOneWanted] = [only.test(name), only.test(`${name}-one`)];
    if (isWanted) yield await come(page, name, path);
    else if (isOneWanted) await come(page, name, path);
    const one = isOneWanted ? await firstOf(page) : undefined;
    if (one !== undefined && !paths.includes(one)) yield await come(page, `${name}-one`, one);
  }
  for (const [name, place] of Object.entries(PLACES)) if (only.test(name)) yield await come(page, name, place);
}

async function come(page: Page, name: string, place: Place): Promise<string> {
  const [address, act] = typeof place === 'string' ? [place] : place;
  await page.goto(await resolved(page, address));
  await settled(page);
  if (act !== undefined) {
    await act(page);
    await settled(page);
  }
  return name;
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
async function promise(page: Page): Promise<void> {
  const context = page.context();
  const name = 'gateway-availability';
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
