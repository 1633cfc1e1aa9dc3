// Lines as they arrive. What was told and not yet shown waits while somebody reads; neither grows without end.

import { api } from '../../api/client';
import { failureFrom, type Failure } from '../../api/failure';
import type { LogLine } from '../../api/schema';
import { EventReader, type ServerEvent } from './events';
import { keyed, type KeyedLine } from './lines';
import type { LogWanted } from './search';

/** Lines that are kept to look at, and as many that wait; the oldest go. */
export const LINES_KEPT_MAX = 2000;
const SHOWN_EVERY_MS = 200;
const RETRY_MS = [1000, 2000, 5000, 10_000];

export interface TailState {
  status: 'connecting' | 'following' | 'waiting';
  lines: readonly KeyedLine[];
  /** Told while nothing new was shown. */
  waiting: readonly KeyedLine[];
  /** That the server left out because they were too many for a second. */
  leftOut: number;
  /** That went by before they could be read; `isLeast` when there were more. */
  missed: number;
  isLeast: boolean;
  /** Older ones that were let go here. */
  dropped: number;
  /** Why nothing is followed just now. */
  failure: Failure | undefined;
}

export const NOTHING: TailState = { status: 'connecting', lines: [], waiting: [], leftOut: 0, missed: 0, isLeast: false, dropped: 0, failure: undefined };

/** The state when `event` came. */
export function heard(state: TailState, event: ServerEvent, seen?: Map<string, number>): TailState {
  switch (event.name) {
    case 'logs':
      return { ...state, waiting: [...state.waiting, ...keyed(JSON.parse(event.data) as LogLine[], seen)] };
    case 'left_out':
      return { ...state, leftOut: state.leftOut + (JSON.parse(event.data) as { lines: number }).lines };
    case 'missed': {
      const { lines, is_least } = JSON.parse(event.data) as { lines: number; is_least: boolean };
      return { ...state, missed: state.missed + lines, isLeast: state.isLeast || is_least };
    }
    default:
      return state;
  }
}

/** Shows what waits, unless it is held; both are kept within their bounds. */
export function settled(state: TailState, isHeld: boolean): TailState {
  const lines = isHeld ? state.lines : [...state.lines, ...state.waiting];
  const waiting = isHeld ? state.waiting : [];
  const over = Math.max(0, lines.length - LINES_KEPT_MAX) + Math.max(0, waiting.length - LINES_KEPT_MAX);
  if (isHeld && over === 0) return state;
  return { ...state, lines: lines.slice(-LINES_KEPT_MAX), waiting: waiting.slice(-LINES_KEPT_MAX), dropped: state.dropped + over };
}

/** Follows what `wanted` says from now on. */
export class Tail {
  private state = NOTHING;
  private isHeld = false;
  private stopping = new AbortController();
  private readonly listeners = new Set<() => void>();
  /** Numbers lines that say the same; of those that are gone, too. */
  private readonly seen = new Map<string, number>();
  private timer: number | undefined;

  constructor(private readonly wanted: LogWanted) {}

  readonly get = (): TailState => this.state;

  readonly listen = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Begins, or begins again after it was stopped or gave up. */
  start(): void {
    this.stop();
    this.stopping = new AbortController();
    this.set({ ...this.state, status: 'connecting', failure: undefined });
    void this.run(this.stopping.signal);
  }

  hold(isHeld: boolean): void {
    this.isHeld = isHeld;
    this.set(settled(this.state, isHeld));
  }

  clear(): void {
    this.set({ ...NOTHING, status: this.state.status, failure: this.state.failure });
  }

  stop(): void {
    this.stopping.abort();
    window.clearTimeout(this.timer);
    this.timer = undefined;
  }

  private async run(signal: AbortSignal): Promise<void> {
    for (let failures = 0; ; failures += 1) {
      const failure = await this.follow(signal);
      if (isOver(signal)) return;
      // Nobody knows what arrives until it is followed again, nor what the answer had not told yet.
      if (this.state.status === 'following') this.set({ ...this.state, isLeast: true });
      this.set({ ...this.state, status: failure === undefined ? 'connecting' : 'waiting', failure });
      // What cannot be meant will not be meant the next time.
      if (failure !== undefined && !failure.isPassing) return;
      // The server ends each answer after an hour, which is no failure.
      if (failure === undefined) failures = 0;
      await pause(RETRY_MS[Math.min(failures, RETRY_MS.length - 1)] ?? 0, signal);
      if (isOver(signal)) return;
    }
  }

  /** Until the answer ends; what it ended with, where that is a failure. */
  private async follow(signal: AbortSignal): Promise<Failure | undefined> {
    try {
      const { data } = await api.GET('/api/v1/apm/logs/tail', { params: { query: this.wanted }, parseAs: 'stream', signal });
      if (data == null) return undefined;
      this.set({ ...this.state, status: 'following', failure: undefined });
      const reader = new EventReader();
      const decoder = new TextDecoder();
      const stream = data.getReader();
      for (let piece = await stream.read(); !piece.done; piece = await stream.read()) {
        for (const event of reader.push(decoder.decode(piece.value, { stream: true }))) this.hear(event);
      }
      return undefined;
    } catch (thrown) {
      return failureFrom(thrown);
    }
  }

  /** Many events may come in a moment; they are shown together. */
  private hear(event: ServerEvent): void {
    this.state = heard(this.state, event, this.seen);
    this.timer ??= window.setTimeout(() => {
      this.timer = undefined;
      if (this.seen.size > 4 * LINES_KEPT_MAX) this.seen.clear();
      this.set({ ...settled(this.state, this.isHeld) });
    }, SHOWN_EVERY_MS);
  }

  private set(state: TailState): void {
    this.state = state;
    for (const listener of this.listeners) listener();
  }
}

function isOver(signal: AbortSignal): boolean {
  return signal.aborted;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = window.setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      window.clearTimeout(timer);
      resolve();
    });
  });
}
