// A part of the heat map as the address has it: from and to in milliseconds since 1970, least and greatest duration in milliseconds.

import type { HeatMapArea } from '../../components/chart/HeatMap';

export function parseArea(text: string | undefined): HeatMapArea | undefined {
  const parts = text?.split(',').map(Number) ?? [];
  const [from, to, min, max] = parts;
  if (parts.length !== 4 || from === undefined || to === undefined || min === undefined || max === undefined) return undefined;
  return parts.every(Number.isFinite) && from < to && min <= max ? { from, to, min, max } : undefined;
}

export function writeArea({ from, to, min, max }: HeatMapArea): string {
  return [from, to, min, max].join(',');
}

/** The times of an area as the API takes them. */
export function rangeOfArea({ from, to }: HeatMapArea): { from: string; to: string } {
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}
