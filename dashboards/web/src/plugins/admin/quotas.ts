// The newest points of the metrics of quotas, as one row for each tenant and quota.

import type { Question } from './sql';

/** Points come every few seconds; what is older was before a restart without that quota. */
export const quotaQuestion: Question = {
  sql: `select name, attributes->>'tenant' as tenant, attributes->>'quota' as quota, last_value(value order by time) as value
from metrics where name in ('observatory.quota.used', 'observatory.quota.limit', 'observatory.quota.refused') and time > now() - interval '2 minutes'
group by 1, 2, 3`,
};

export interface QuotaRow {
  name: string;
  tenant: string;
  quota: string;
  value: number;
}

export interface Quota {
  tenant: string;
  quota: string;
  used: number | undefined;
  limit: number | undefined;
  refused: number | undefined;
  /** Of the limit, from 0 on. */
  share: number | undefined;
}

/** Those that are used the most come first. */
export function quotasOf(rows: readonly QuotaRow[]): Quota[] {
  const found = new Map<string, Record<string, number> & object>();
  for (const { name, tenant, quota, value } of rows) {
    const key = JSON.stringify([tenant, quota]);
    found.set(key, { ...found.get(key), [name.replace('observatory.quota.', '')]: value });
  }
  const quotas = [...found].map(([key, { used, limit, refused }]) => {
    const [tenant, quota] = JSON.parse(key) as [string, string];
    return { tenant, quota, used, limit, refused, share: used !== undefined && limit !== undefined && limit > 0 ? used / limit : undefined };
  });
  return quotas.sort((one, other) => (other.share ?? 0) - (one.share ?? 0));
}
