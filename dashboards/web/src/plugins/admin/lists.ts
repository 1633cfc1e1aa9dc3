// Lists of the hub: read page after page, and what of them is shown.

import type { SessionView } from '../../api/schema';

/** Items that are asked for at once. */
export const PAGE = 1000;
/** A list goes no further: who has more looks for them in SQL. */
export const LISTED_MAX = 20_000;

interface PageOf<Item> {
  items: Item[];
  next?: string | null | undefined;
}

/** All items of a list that comes in pages, up to `LISTED_MAX`. */
export async function allPages<Item>(read: (after: string | undefined) => Promise<PageOf<Item>>): Promise<Item[]> {
  const all: Item[] = [];
  let after: string | undefined;
  do {
    const { items, next } = await read(after);
    all.push(...items);
    after = next ?? undefined;
  } while (after !== undefined && all.length < LISTED_MAX);
  return all;
}

/** Sessions that have neither ended nor expired: the one that asks, then those that were used last. */
export function openOnes(sessions: readonly SessionView[], now = Date.now()): SessionView[] {
  const open = sessions.filter((session) => session.ended_at == null && Date.parse(session.expires_at) > now);
  return open.sort((one, other) => Number(other.is_current) - Number(one.is_current) || Date.parse(other.refreshed_at) - Date.parse(one.refreshed_at));
}
