// A statement as a panel of a dashboard.

import { namesIn } from './names';
import { INTERVALS_OF_TWELFTH } from './times';
import { block, quoted, withRow } from './yaml';

export interface Pinned {
  title: string;
  kind: string;
  sql: string;
}

const WIDTH = 12;
/** How many there is room for where it is pinned. */
export const INTERVALS_OF_PINNED = WIDTH * INTERVALS_OF_TWELFTH;

/** `yaml` with the panel in a row of its own at the end; undefined where its rows are not written as a list of lines. */
export function withPanel(yaml: string, { title, kind, sql }: Pinned): string | undefined {
  const row = ['panels:', `  - title: ${quoted(title)}`, `    kind: ${kind}`, `    width: ${WIDTH}`, `    sql: ${block(sql.replace(/[\s;]+$/, ''), 6)}`];
  return withRow(yaml, row.join('\n'));
}

export function dashboardWith(name: string, title: string, panel: Pinned): string {
  return withPanel(`name: ${name}\ntitle: ${quoted(title)}\nrows:\n  - panels: []\n`, panel)?.replace('  - panels: []\n', '') ?? '';
}

/** What a statement cannot have as a panel; undefined when it can be one. */
export function unfitFor(sql: string, params: string, as_of: string): string | undefined {
  if (namesIn(sql).some(({ name }) => /^\d/.test(name)) || params !== '') return 'Panels take no parameters: write the values into the statement, or name a variable of the dashboard as $service.';
  if (as_of !== '') return 'Panels are asked about the range of the dashboard: take the time “as of” away, and use $from and $to.';
  return sql.trim() === '' ? 'There is no statement.' : undefined;
}
