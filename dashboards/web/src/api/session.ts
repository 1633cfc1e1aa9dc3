// The session of this browser: requests with its cookies, renewed before they lapse.
// A refresh token is good for one use, so all pages of the browser renew one after the other.

import { Failure, failureOf } from './failure';
import type { SessionAnswer } from './schema';

const RENEW_SECONDS_BEFORE = 60;
const GOOD_UNTIL = 'observatory.access_good_until';
const LOCK = 'observatory.session';

/** The tenant of this page, from its address. Another tenant is another page: nothing of one is shown in the other. */
export const tenant = new URLSearchParams(window.location.search).get('tenant') ?? undefined;

/** `fetch` for the API: with the session, the tenant, and the server's error thrown. */
export async function request(input: Request): Promise<Response> {
  if (isSignedIn() && accessGoodUntil() - RENEW_SECONDS_BEFORE * 1000 < Date.now()) await renew(accessGoodUntil());
  const seen = accessGoodUntil();
  let answer = await send(input.clone());
  if (answer.status === 401 && isSignedIn() && (await renew(seen))) answer = await send(input);
  if (!answer.ok) throw await failureOf(answer);
  return answer;
}

/** Remembers until when the access that was just given is good. */
export function keepAccess(session: SessionAnswer): void {
  localStorage.setItem(GOOD_UNTIL, String(Date.now() + session.expires_in * 1000));
}

/** Forgets the session in this browser, after the server did. */
export function forgetAccess(): void {
  localStorage.removeItem(GOOD_UNTIL);
}

function isSignedIn(): boolean {
  return csrfToken() !== undefined;
}

function accessGoodUntil(): number {
  return Number(localStorage.getItem(GOOD_UNTIL) ?? 0);
}

function csrfToken(): string | undefined {
  return /(?:^|; )observatory_csrf=([^;]+)/.exec(document.cookie)?.[1];
}

async function send(input: Request): Promise<Response> {
  const csrf = csrfToken();
  if (csrf !== undefined) input.headers.set('X-CSRF-Token', csrf);
  if (tenant !== undefined) input.headers.set('X-Observatory-Tenant', tenant);
  try {
    return await fetch(input);
  } catch (thrown) {
    if (input.signal.aborted) throw thrown;
    throw new Failure(0, 'unreachable', 'the server was not reached', 'see whether it runs, then try again');
  }
}

/** Renews the access, unless another page did since `seen`. False when the session is over. */
async function renew(seen: number): Promise<boolean> {
  return inTurn(async () => {
    if (accessGoodUntil() > seen) return true;
    const answer = await send(new Request('/api/v1/hub/session/refresh', { method: 'POST' }));
    if (answer.status === 401) return false;
    if (!answer.ok) throw await failureOf(answer);
    keepAccess((await answer.json()) as SessionAnswer);
    return true;
  });
}

let turn: Promise<unknown> = Promise.resolve();

/** One page of the browser after the other; over plain HTTP, where browsers give pages no locks, what this page renews. */
async function inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
  if ('locks' in navigator) return navigator.locks.request(LOCK, act);
  const mine = turn.then(act);
  turn = mine.catch(() => undefined);
  return mine;
}
