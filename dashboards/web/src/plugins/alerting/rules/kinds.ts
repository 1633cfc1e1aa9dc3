// What rules ask, as people call it.

const KINDS: Readonly<Record<string, string>> = { measure: 'a measure', sql: 'a statement of SQL', promql: 'PromQL', slo: 'an SLO' };

export function asked(kind: string): string {
  return KINDS[kind] ?? kind;
}
