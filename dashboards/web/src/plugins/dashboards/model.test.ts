import { expect, test } from 'vitest';
import type { DashboardVariable } from '../../api/schema';
import { chosenOf, dashboardOf, filledIn, searchOf, workbenchSql } from './model';
import { Turns } from './turns';

const variable = (name: string, usual: string[] = []): DashboardVariable => ({ name, kind: 'list', default: usual, multi: true });

test('what a file leaves unsaid has its usual value', () => {
  const { rows, time } = dashboardOf({ name: 'a', title: 'A', rows: [{ panels: [{ title: 'P q', kind: 'stat', width: 4 }, { title: 'P q', kind: 'stat' }, { title: 'R', kind: 'stat' }] }] });

  expect(time).toBe('1h');
  expect(rows[0]?.height).toBe(6);
  expect(rows[0]?.panels.map(({ id, width }) => [id, width])).toEqual([['p-q', 4], ['p-q-2', 4], ['r', 4]]);
});

test('the address counts before what a dashboard chooses, and can choose all', () => {
  const variables = [variable('service', ['cart']), variable('host')];

  expect(chosenOf(variables, {})).toEqual({ service: ['cart'], host: [] });
  expect(chosenOf(variables, { 'var.service': [''], 'var.host': ['a', 'b'] })).toEqual({ service: [], host: ['a', 'b'] });
  expect(searchOf(variable('service', ['cart']), ['cart'])).toEqual({ 'var.service': undefined });
  expect(searchOf(variable('service', ['cart']), [])).toEqual({ 'var.service': [''] });
});

test('links lead to what is chosen', () => {
  const chosen = { service: ['a b', 'c'], host: [] };

  expect(filledIn('/traces?service=$service&host=$host&sort=slow', chosen)).toBe('/traces?service=a+b&service=c&sort=slow');
  expect(filledIn('/services/$service', chosen)).toBe('/services/a%20b');
  expect(filledIn('https://example.org/?q=$other', chosen)).toBe('https://example.org/?q=%24other');
});

test('a statement for the workbench has values in the place of names', () => {
  const asked = { from: '2026-01-01T00:00:00Z', to: '2026-01-01T01:00:00Z', interval_seconds: 60 };
  const sql = "SELECT '$from', $interval_seconds -- $to\nWHERE ($service_is_all OR s IN ($service)) AND t >= $from AND h = $host";

  expect(workbenchSql(sql, asked, { service: ["it's", 'x'], host: [] })).toBe(
    "SELECT '$from', cast(60 AS double) -- $to\nWHERE (false OR s IN ('it''s', 'x')) AND t >= timestamp '2026-01-01T00:00:00Z' AND h = NULL",
  );
});

test('only so many work at once, and who leaves takes no turn', async () => {
  const turns = new Turns(1);
  const never = new AbortController();
  const finish: (() => void)[] = [];
  const work = () => new Promise<string>((resolve) => finish.push(() => { resolve('done'); }));
  const left = new AbortController();

  const first = turns.take(work, never.signal);
  const second = turns.take(work, left.signal);
  const third = turns.take(work, never.signal);
  left.abort(new Error('left'));
  await expect(second).rejects.toThrow('left');
  expect(finish.length).toBe(1);
  finish[0]?.();
  await first;
  await Promise.resolve();
  expect(finish.length).toBe(2);
  finish[1]?.();
  await expect(third).resolves.toBe('done');
});
