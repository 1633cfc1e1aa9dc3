// Times by the clock that one prefers: the browser's or UTC.

import { usePreferences, type Zone } from '../preferences/preferences';
import { duration } from './number';

export interface Clock {
  zone: Zone;
  /** `08:50:02`, with the day where it is not the day of `now`. */
  short: (time: TimeLike) => string;
  /** `08:50:02.729`, with the day where it is not the day of `now`. */
  precise: (time: TimeLike) => string;
  /** `2026-11-26 08:50:02.729` */
  full: (time: TimeLike) => string;
}

/** A time as the API writes it, or milliseconds since 1970. */
export type TimeLike = string | number;

/** The same object until the zone changes: what is drawn with it need not be drawn anew. */
export function useClock(): Clock {
  return CLOCKS[usePreferences().zone];
}

export function clockOf(zone: Zone, now: () => Date = () => new Date()): Clock {
  const timeZone = zone === 'utc' ? 'UTC' : undefined;
  // Swedish writes 2026-11-26 08:50:02, which sorts and which nobody mistakes.
  const day = new Intl.DateTimeFormat('sv', { timeZone, dateStyle: 'short' });
  const second = new Intl.DateTimeFormat('sv', { timeZone, timeStyle: 'medium' });
  const full = (time: TimeLike) => {
    const date = dateOf(time);
    return `${day.format(date)} ${second.format(date)}.${String(date.getMilliseconds()).padStart(3, '0')}`;
  };
  const short = (time: TimeLike) => {
    const date = dateOf(time);
    const isToday = day.format(date) === day.format(now());
    return isToday ? second.format(date) : `${day.format(date)} ${second.format(date)}`;
  };
  const precise = (time: TimeLike) => `${short(time)}.${String(dateOf(time).getMilliseconds()).padStart(3, '0')}`;
  return { zone, short, precise, full };
}

const CLOCKS: Record<Zone, Clock> = { local: clockOf('local'), utc: clockOf('utc') };

/** `12 s ago`; what is less than a second away is `now`. */
export function ago(time: TimeLike, now = Date.now()): string {
  const passed = now - dateOf(time).getTime();
  if (Math.abs(passed) < 1000) return 'now';
  const told = duration(Math.floor(Math.abs(passed) / 1000) * 1e9).split(' ')[0] ?? '';
  return passed > 0 ? `${told} ago` : `in ${told}`;
}

export function millis(time: TimeLike): number {
  return dateOf(time).getTime();
}

function dateOf(time: TimeLike): Date {
  return new Date(time);
}
