import { expect, test } from 'vitest';
import { checksOf, pluginsOf, type Health } from './health';

const HEALTH: Health = {
  status: 'unhealthy',
  version: '0.1.0',
  timestamp: '2026-01-01T00:00:00Z',
  checks: { database: 'PostgreSQL is unavailable', data_plane: 'ok', redis: 'ok', news: 'ok' },
  details: { data_plane: { requests_waiting_for_the_store: 3 }, products: { apm: 'running', alerting: 'starts again in 4 s' } },
};

test('what fails comes first, and what is not known by name comes last', () => {
  expect(checksOf(HEALTH).map(({ name, isOk }) => [name, isOk])).toEqual([
    ['database', false],
    ['data_plane', true],
    ['redis', true],
    ['news', true],
  ]);
});

test('a check tells its reason, its figures and whether traffic is kept away', () => {
  const [database, plane] = checksOf(HEALTH);
  expect(database?.told).toBe('PostgreSQL is unavailable');
  expect(database?.decidesReadiness).toBe(false);
  expect(plane?.details).toBe('requests waiting for the store: 3');
  expect(plane?.decidesReadiness).toBe(true);
});

test('plugins are those of the process, with their state', () => {
  expect(pluginsOf(HEALTH)).toEqual([
    { name: 'apm', state: 'running' },
    { name: 'alerting', state: 'starts again in 4 s' },
  ]);
  expect(pluginsOf({ ...HEALTH, details: {} })).toEqual([]);
});
