// Numbers as people read them: three digits that matter, and the unit beside them.

const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const SPACE = '\u00a0';
const NONE = '–';
const CURRENCIES: Record<string, string> = { EUR: '€', USD: '$', GBP: '£', JPY: '¥', INR: '₹' };

/** What a number counts or measures; the server says milliseconds, nanoseconds and shares from 0 to 1. `in EUR` is money, any other text behind `in ` stands behind the number. */
export type Unit = 'count' | 'number' | 'share' | 'per_second' | 'bytes' | 'bytes_per_second' | 'ns' | 'ms' | 's' | `in ${string}`;

/** `value` with its unit; a dash where there is none. */
export function format(value: number | null | undefined, unit: Unit): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  switch (unit) {
    case 'count':
      return count(value);
    case 'number':
      return digits(value);
    case 'share':
      return share(value);
    case 'per_second':
      return rate(value);
    case 'bytes':
      return bytes(value);
    case 'bytes_per_second':
      return `${bytes(value)}/s`;
    case 'ns':
      return duration(value);
    case 'ms':
      return duration(value * 1e6);
    case 's':
      return duration(value * 1e9);
    default:
      return named(digits(value), unit.slice('in '.length));
  }
}

/** With so many digits after the point, in the unit as it is said and no larger one. */
export function fixed(value: number | null | undefined, unit: Unit, decimals: number): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return NONE;
  const written = (number: number) => number.toLocaleString('en', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  switch (unit) {
    case 'share':
      return `${written(value * 100)}${SPACE}%`;
    case 'per_second':
      return `${written(value)}/s`;
    case 'bytes':
      return `${written(value)}${SPACE}B`;
    case 'bytes_per_second':
      return `${written(value)}${SPACE}B/s`;
    case 'count':
    case 'number':
      return written(value);
    case 'ns':
    case 'ms':
    case 's':
      return `${written(value)}${SPACE}${unit}`;
    default:
      return named(written(value), unit.slice('in '.length));
  }
}

/** The unit as metrics and dashboards write it: UCUM, a currency, or any text. */
export function unitOf(written: string | null | undefined): Unit {
  const known: Record<string, Unit> = { '': 'number', '1': 'number', share: 'share', ms: 'ms', s: 's', ns: 'ns', By: 'bytes', 'By/s': 'bytes_per_second', '/s': 'per_second' };
  const text = written ?? '';
  return known[text] ?? `in ${text.replace(/[{}]/g, '')}`;
}

function named(number: string, name: string): string {
  const sign = CURRENCIES[name];
  if (sign === undefined) return `${number}${name.startsWith('/') ? '' : SPACE}${name}`;
  return number.startsWith('-') ? `-${sign}${number.slice(1)}` : `${sign}${number}`;
}

/** Whole up to 9 999, then `12.3K`. */
export function count(value: number): string {
  return Math.abs(value) < 10_000 ? WHOLE.format(value) : SHORT.format(value);
}

/** Every digit, in groups of three. */
export function exact(value: number): string {
  return WHOLE.format(value);
}

export function share(value: number): string {
  if (value !== 0 && Math.abs(value) < 0.00005) return `<0.01${SPACE}%`;
  return `${digits(Number((value * 100).toFixed(2)))}${SPACE}%`;
}

/** Per second, or per minute and hour where that would be less than one in a hundred. */
export function rate(perSecond: number): string {
  const size = Math.abs(perSecond);
  if (size === 0 || size >= 0.01) return `${digits(perSecond)}/s`;
  if (size * 60 >= 0.01) return `${digits(perSecond * 60)}/min`;
  return `${digits(perSecond * 3600)}/h`;
}

export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let rest = value;
  let unit = 0;
  while (Math.abs(rest) >= 999.5 && unit < units.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  return `${digits(rest)}${SPACE}${units[unit] ?? ''}`;
}

/** From nanoseconds to days, in the largest unit that leaves something before the point. */
export function duration(ns: number): string {
  if (ns === 0) return '0';
  const size = Math.abs(ns);
  if (size < 1e3) return `${digits(ns)}${SPACE}ns`;
  if (size < 999_500) return `${digits(ns / 1e3)}${SPACE}µs`;
  if (size < 999.5e6) return `${digits(ns / 1e6)}${SPACE}ms`;
  if (size < 59.95e9) return `${digits(ns / 1e9)}${SPACE}s`;
  return `${ns < 0 ? '−' : ''}${longDuration(Math.round(size / 1e9))}`;
}

function longDuration(seconds: number): string {
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  const told = parts.slice(first, first + 2).filter(([amount]) => amount > 0);
  return told.map(([amount, unit]) => `${amount}${SPACE}${unit}`).join(' ');
}

function digits(value: number): string {
  if (value === 0) return '0';
  if (Math.abs(value) >= 999.5) return count(value);
  return String(Number(value.toPrecision(3)));
}
