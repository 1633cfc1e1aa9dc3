// How the axis of time is written: as exact as its steps, with the day where it begins.

import type { Zone } from '../../preferences/preferences';

const DAY_SECONDS = 86_400;
const MINUTE_SECONDS = 60;

/** Labels of `seconds` since 1970 that are `step` seconds apart. */
export function timeLabels(seconds: readonly number[], step: number, zone: Zone): string[] {
  const timeZone = zone === 'utc' ? 'UTC' : undefined;
  const day = new Intl.DateTimeFormat('en-GB', { timeZone, day: 'numeric', month: 'short' });
  const clock = new Intl.DateTimeFormat('sv', { timeZone, timeStyle: step < MINUTE_SECONDS ? 'medium' : 'short' });
  return seconds.map((second) => {
    const time = new Date(second * 1000);
    const written = clock.format(time);
    const isDayStart = step >= DAY_SECONDS || /^00:00(:00)?$/.test(written);
    return isDayStart ? day.format(time) : written;
  });
}

/** In pixels: half of a letter. */
const HALF_LETTER = 3.2;

/** Labels as they fit before the `end` of the axis, in pixels; what would be cut off there is left out. */
export function within(labels: readonly string[], places: readonly number[], end: number): string[] {
  return labels.map((label, at) => ((places[at] ?? 0) + label.length * HALF_LETTER > end ? '' : label));
}
