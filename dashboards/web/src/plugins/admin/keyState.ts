// How a key is, and what of a form makes one.

import type { KeyView } from '../../api/schema';
import { ago } from '../../format/time';

export interface KeyState {
  state: 'active' | 'expired' | 'revoked';
  /** For the table: `active`, `expires in 3 d`, `replaced, ends in 1 d`. */
  told: string;
}

const SOON_MS = 14 * 86_400_000;

export function keyState({ revoked_at, expires_at, replaced_by }: KeyView, now = Date.now()): KeyState {
  if (revoked_at != null) return { state: 'revoked', told: `revoked ${ago(revoked_at, now)}` };
  if (expires_at == null) return { state: 'active', told: 'active' };
  const left = Date.parse(expires_at) - now;
  if (left <= 0) return { state: 'expired', told: `expired ${ago(expires_at, now)}` };
  if (replaced_by != null) return { state: 'active', told: `replaced, ends ${ago(expires_at, now)}` };
  return { state: 'active', told: left < SOON_MS ? `expires ${ago(expires_at, now)}` : 'active' };
}

/** Whether a new key can take its place: nothing comes after what has ended, and only one after each. */
export function isRotatable(key: KeyView, now = Date.now()): boolean {
  return key.replaced_by == null && keyState(key, now).state === 'active';
}

/** Networks as somebody writes them: with commas, spaces or lines between. */
export function networksOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((each) => each !== '');
}

/** So many days from now, as the API takes it; undefined for never. */
export function expiryOf(days: number | undefined, now = Date.now()): string | undefined {
  return days === undefined ? undefined : new Date(now + days * 86_400_000).toISOString();
}
