// What the value of an alert is measured in: a rule that asks for a measure says so by its name.

import type { Unit } from '../../../format/number';

const UNITS: [RegExp, Unit][] = [
  [/^p\d+_/, 'ms'],
  [/^request_rate$/, 'per_second'],
  [/_rate$|_usage$/, 'share'],
  [/_count$|^log_errors$|_failed$/, 'count'],
];

/** Of a rule as YAML; a plain number where the rule does not say what it measures. */
export function unitOf(yaml: string): Unit {
  const measure = /^\s*-?\s*condition:\s*["']?(\w+)/m.exec(yaml)?.[1];
  if (measure === undefined) return 'number';
  return UNITS.find(([pattern]) => pattern.test(measure))?.[1] ?? 'number';
}
