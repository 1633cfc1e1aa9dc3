// Matchers of silences as people write them, one a line: `service=checkout`, `operation=~"GET .*"`.

import type { Alert } from '../../../api/schema';

/** What mutes exactly this alert, and those that are like it later. */
export function matchersOf(alert: Pick<Alert, 'rule' | 'labels'>): string[] {
  // A text with a line break would be two matchers in a form of lines; the other labels tell enough.
  const labels = Object.entries(alert.labels).filter(([name, value]) => name !== 'rule' && !value.includes('\n'));
  return [['rule', alert.rule] as const, ...labels].map(([name, value]) => `${name}=${quoted(value)}`);
}

export function readMatchers(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function quoted(value: string): string {
  return `"${value.replaceAll('"', '\\"')}"`;
}
