import { expect, test } from 'vitest';
import type { SessionView } from '../../api/schema';
import { allPages, LISTED_MAX, openOnes } from './lists';

test('a list is read to its end, each page behind the one before', async () => {
  const asked: (string | undefined)[] = [];
  const all = await allPages((after) => {
    asked.push(after);
    return Promise.resolve(after === undefined ? { items: [1, 2], next: 'b' } : { items: [3], next: null });
  });

  expect(all).toEqual([1, 2, 3]);
  expect(asked).toEqual([undefined, 'b']);
});

test('a list without an end is left at its limit', async () => {
  const page = Array.from({ length: 1000 }, (_, at) => at);
  expect(await allPages(() => Promise.resolve({ items: page, next: 'more' }))).toHaveLength(LISTED_MAX);
});

test('sessions that ended or expired are not open, and the one that asks comes first', () => {
  const session = (id: string, more: Partial<SessionView>): SessionView => ({
    id,
    person: 'p',
    method: 'password',
    started_at: '2026-01-01T00:00:00Z',
    refreshed_at: '2026-01-01T00:00:00Z',
    expires_at: '2026-02-01T00:00:00Z',
    is_current: false,
    ...more,
  });
  const sessions = [
    session('ended', { ended_at: '2026-01-02T00:00:00Z' }),
    session('expired', { expires_at: '2026-01-03T00:00:00Z' }),
    session('older', {}),
    session('newer', { refreshed_at: '2026-01-04T00:00:00Z' }),
    session('this', { is_current: true }),
  ];

  expect(openOnes(sessions, Date.parse('2026-01-10T00:00:00Z')).map(({ id }) => id)).toEqual(['this', 'newer', 'older']);
});
