// Plans as EXPLAIN writes them: an operator a line, what it reads from indented below it.

import type { Rows } from '../../rows/rows';

export interface PlanStep {
  depth: number;
  operator: string;
  detail: string;
  /** Of EXPLAIN ANALYZE, as the server writes them. */
  measures: [name: string, value: string][];
}

export interface Plan {
  name: string;
  steps: PlanStep[];
}

/** One plan for each row of an answer to EXPLAIN. */
export function plansOf({ rows }: Rows): Plan[] {
  return rows.map(([name, text]) => ({ name: titleOf(String(name)), steps: stepsOf(String(text)) }));
}

export function stepsOf(text: string): PlanStep[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => {
    const depth = Math.floor((line.length - line.trimStart().length) / 2);
    const [, before = line, measured] = /^(.*?)(?:, )?metrics=\[(.*)\]$/.exec(line) ?? [];
    const [, operator = '', detail = ''] = /^\s*([^:]*?):?(?:\s(.*))?$/.exec(withoutColon(before)) ?? [];
    return { depth, operator, detail, measures: measured === undefined ? [] : measuresOf(measured) };
  });
}

export function measure({ measures }: PlanStep, name: string): string | undefined {
  return measures.find(([known]) => known === name)?.[1];
}

/** Nanoseconds of a length of time as plans write it; 0 for none. */
export function nanosOf(text: string | undefined): number {
  const [, amount, unit = ''] = /^([\d.]+)\s?(ns|µs|ms|s|m|h)$/.exec(text ?? '') ?? [];
  const scale: Record<string, number> = { ns: 1, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };
  return Number(amount ?? 0) * (scale[unit] ?? 0);
}

/** The operator is what stands before the first colon or space. */
function withoutColon(text: string): string {
  return text.replace(/^(\s*\w+):/, '$1');
}

/** `a=1, b=2 B`: values have commas only inside brackets. */
function measuresOf(text: string): [string, string][] {
  return [...text.matchAll(/(\w+)=((?:\{[^}]*\}|\[[^\]]*\]|\([^)]*\)|[^,])*)/g)].map(([, name = '', value = '']) => [name, value.trim()]);
}

function titleOf(name: string): string {
  const title = name.replaceAll('_', ' ');
  return title.charAt(0).toUpperCase() + title.slice(1).toLowerCase();
}
