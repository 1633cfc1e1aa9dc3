// A colour for each service of a trace: that of its name, unless another service of the trace has it.

import { SERIES_COLOURS } from '../../components/chart/colours';

/** Tokens by service. The order of `services` does not matter; two have one colour only when there are more services than colours. */
export function serviceColours(services: readonly (string | null | undefined)[]): Map<string, string> {
  const names = [...new Set(services.map((service) => service ?? ''))].sort();
  const colours = new Map<string, string>();
  const taken = new Set<number>();
  for (const name of names) {
    let slot = hash(name) % SERIES_COLOURS.length;
    while (taken.size < SERIES_COLOURS.length && taken.has(slot)) slot = (slot + 1) % SERIES_COLOURS.length;
    taken.add(slot);
    colours.set(name, SERIES_COLOURS[slot] ?? '--series-1');
  }
  return colours;
}

/** FNV-1a. */
function hash(name: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < name.length; at += 1) value = Math.imul(value ^ name.charCodeAt(at), 0x01000193) >>> 0;
  return value;
}
