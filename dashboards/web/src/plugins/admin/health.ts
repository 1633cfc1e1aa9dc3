// What the server says of its own health at /health. No key is asked for, and a server that is unwell answers, too.

import { useQuery } from '@tanstack/react-query';
import { Failure } from '../../api/failure';
import { bytes } from '../../format/number';

const ASK_EVERY_MS = 10_000;

/** The answer of /health, which the description of the API does not have. */
export interface Health {
  status: string;
  version: string;
  timestamp: string;
  /** `ok`, or why not, by check. */
  checks: Record<string, string>;
  details: Record<string, Record<string, unknown>>;
}

export interface Check {
  name: string;
  looksAt: string;
  isOk: boolean;
  /** `ok`, or why not. */
  told: string;
  /** Whether traffic is kept away while it fails. */
  decidesReadiness: boolean;
  details: string;
}

const LOOKS_AT: Record<string, string> = {
  data_plane: 'the write-ahead log takes requests',
  memory: 'there is room for rows',
  hub: 'people and keys have been read',
  database: 'what telemetry rests on',
  records: 'what people, keys and products rest on',
  redis: 'what processes share',
  products: 'no product waits to be started again',
};
const READINESS = ['data_plane', 'memory', 'hub'];

export function useHealth() {
  return useQuery({
    queryKey: ['health'],
    refetchInterval: ASK_EVERY_MS,
    queryFn: async ({ signal }): Promise<Health> => {
      const answer = await fetch('/health', { signal });
      const health = (await answer.json().catch(() => undefined)) as Health | undefined;
      if (health?.checks === undefined) throw new Failure(answer.status, 'unexpected', `the server answered ${answer.status} to /health`);
      return health;
    },
  });
}

/** Those that fail first, then as they stand in the documentation. */
export function checksOf({ checks, details }: Health): Check[] {
  const known = Object.keys(LOOKS_AT);
  const place = (name: string) => (known.includes(name) ? known.indexOf(name) : known.length);
  return Object.entries(checks)
    .map(([name, told]) => ({
      name,
      told,
      isOk: told === 'ok',
      looksAt: LOOKS_AT[name] ?? '',
      decidesReadiness: READINESS.includes(name),
      details: detailsOf(details[name]),
    }))
    .sort((one, other) => Number(one.isOk) - Number(other.isOk) || place(one.name) - place(other.name));
}

function detailsOf({ bytes: used, bytes_max: most, ...details }: Record<string, unknown> = {}): string {
  const known = typeof used === 'number' && typeof most === 'number' ? { used: `${bytes(used)} of ${bytes(most)}` } : { bytes: used, bytes_max: most };
  return Object.entries({ ...known, ...details })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name.replaceAll('_', ' ')}: ${name.startsWith('bytes') && typeof value === 'number' ? bytes(value) : String(value)}`)
    .join(', ');
}

/** Plugins that run in this process, by name, with how they are. */
export function pluginsOf({ details }: Health): { name: string; state: string }[] {
  return Object.entries(details.products ?? {}).map(([name, state]) => ({ name, state: String(state) }));
}
