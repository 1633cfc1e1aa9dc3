// Pages of SQL: the workbench over all tables of the tenant.

import { createRoute, lazyRouteComponent } from '@tanstack/react-router';
import { appRoute } from '../../shell/routes';
import { flag, number, oneOf, text, texts } from '../../shell/search';
import type { PluginPages } from '../page';

export const VIEWS = ['table', 'chart', 'plan'] as const;
export const SIDES = ['tables', 'saved', 'history'] as const;

export interface SqlSearch {
  /** The statement that is asked. */
  sql?: string;
  /** Values of `$1`, `$2`, … as a JSON array. */
  params?: string;
  /** What `now()` is in it; there is no telemetry of later. */
  as_of?: string;
  view?: (typeof VIEWS)[number];
  side?: (typeof SIDES)[number];
  /** The row that is shown by itself, from 0. */
  row?: number;
  /** Of the chart: its columns, and how it is drawn. */
  x?: string;
  y?: string[];
  series?: string;
  mark?: 'line' | 'area' | 'bar';
  /** Of the plan: whether the statement is run for it. */
  analyze?: true;
}

const sqlRoute = createRoute({
  getParentRoute: () => appRoute,
  path: '/sql',
  staticData: { isTimeless: true },
  validateSearch: (search: Record<string, unknown>): SqlSearch => ({
    sql: text(search.sql),
    params: text(search.params),
    as_of: text(search.as_of),
    view: oneOf(search.view, VIEWS),
    side: oneOf(search.side, SIDES),
    row: number(search.row),
    x: text(search.x),
    y: texts(search.y),
    series: text(search.series),
    mark: oneOf(search.mark, ['line', 'area', 'bar'] as const),
    analyze: flag(search.analyze),
  }),
  component: lazyRouteComponent(() => import('./SqlPage'), 'SqlPage'),
});

export const sql = {
  name: 'sql',
  navigation: [{ title: 'SQL', to: '/sql', group: 'Observe', needs: 'telemetry:rows:read', keys: 'g q' }],
  routes: [sqlRoute],
} satisfies PluginPages;
