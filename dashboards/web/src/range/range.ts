// A range of time as the address and the API say it: `now-15m`, or a time of its own.

export interface Range {
  from: string;
  to: string;
}

/** The range where the address says none; the API's own. */
export const USUAL_RANGE: Range = { from: 'now-1h', to: 'now' };

export const RELATIVE_RANGES: { from: string; name: string }[] = [
  { from: 'now-5m', name: 'Last 5 minutes' },
  { from: 'now-15m', name: 'Last 15 minutes' },
  { from: 'now-1h', name: 'Last hour' },
  { from: 'now-3h', name: 'Last 3 hours' },
  { from: 'now-12h', name: 'Last 12 hours' },
  { from: 'now-1d', name: 'Last day' },
  { from: 'now-2d', name: 'Last 2 days' },
  { from: 'now-7d', name: 'Last 7 days' },
  { from: 'now-30d', name: 'Last 30 days' },
];

const UNITS: Record<string, { ms: number; name: string }> = {
  s: { ms: 1000, name: 'second' },
  m: { ms: 60_000, name: 'minute' },
  h: { ms: 3_600_000, name: 'hour' },
  d: { ms: 86_400_000, name: 'day' },
  w: { ms: 604_800_000, name: 'week' },
};

/** Milliseconds since 1970 of a time as the API takes it; undefined for what is none. */
export function timeOf(text: string, now = Date.now()): number | undefined {
  const wanted = text.trim();
  if (wanted === 'now') return now;
  const [, amount, unit] = /^now-(\d+)([smhdw])$/.exec(wanted) ?? [];
  if (amount !== undefined && unit !== undefined) return now - Number(amount) * (UNITS[unit]?.ms ?? 0);
  const time = /^\d{4}-\d\d-\d\d/.test(wanted) ? Date.parse(wanted) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}

/** Why nothing can be asked of `range`; undefined when it is fine. */
export function faultOf({ from, to }: Range): string | undefined {
  const [start, end] = [timeOf(from), timeOf(to)];
  if (start === undefined) return 'The start is not a time: write 2026-01-31T10:00:00Z or now-15m.';
  if (end === undefined) return 'The end is not a time: write 2026-01-31T10:00:00Z or now.';
  return start < end ? undefined : 'The start has to be before the end.';
}

/** From one point in time to another, as a drag over a chart says it. At least a second. */
export function rangeBetween(fromMs: number, toMs: number): Range {
  const start = Math.floor(Math.min(fromMs, toMs));
  const end = Math.max(Math.ceil(Math.max(fromMs, toMs)), start + 1000);
  return { from: new Date(start).toISOString(), to: new Date(end).toISOString() };
}

/** The range of three times the length around the middle, and not beyond now. */
export function widened(range: Range, now = Date.now()): Range {
  const [start, end] = [timeOf(range.from, now), timeOf(range.to, now)];
  if (start === undefined || end === undefined) return USUAL_RANGE;
  const length = end - start;
  return rangeBetween(start - length, Math.min(end + length, now));
}

/** A relative range that ends now in words; undefined for all others. */
export function relativeName({ from, to }: Range): string | undefined {
  if (to !== 'now') return undefined;
  const listed = RELATIVE_RANGES.find((each) => each.from === from);
  if (listed !== undefined) return listed.name;
  const [, amount, unit] = /^now-(\d+)([smhdw])$/.exec(from) ?? [];
  const name = UNITS[unit ?? '']?.name;
  if (amount === undefined || name === undefined) return undefined;
  return `Last ${amount} ${name}${amount === '1' ? '' : 's'}`;
}
