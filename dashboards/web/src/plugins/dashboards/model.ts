// What dashboards leave unsaid, and what is chosen for their variables.

import type { Dashboard, DashboardVariable, Panel, PanelRow } from '../../api/schema';
import type { Chosen } from './index';
import { filled } from './names';

/** As the server sends it, made of a file that it found no fault in: everything that is not said has its usual value. */
export function dashboardOf(written: unknown): Dashboard {
  const dashboard = written as WrittenDashboard;
  const ids = new Set<string>();
  return { ...dashboard, time: dashboard.time ?? '1h', rows: dashboard.rows.map((row) => rowOf(row, ids)) };
}

type Unsaid<Whole, Keys extends keyof Whole> = Omit<Whole, Keys> & Partial<Pick<Whole, Keys>>;
type WrittenPanel = Unsaid<Panel, 'id' | 'width' | 'legend'>;
type WrittenRow = Unsaid<Omit<PanelRow, 'panels'>, 'height'> & { panels: WrittenPanel[] };
type WrittenDashboard = Unsaid<Omit<Dashboard, 'rows'>, 'time'> & { rows: WrittenRow[] };

const HEIGHT = 6;
const WIDTH = 12;

function rowOf(row: WrittenRow, ids: Set<string>): PanelRow {
  const said = row.panels.flatMap((panel) => (panel.width === undefined ? [] : [panel.width]));
  const share = (WIDTH - said.reduce((sum, width) => sum + width, 0)) / Math.max(1, row.panels.length - said.length);
  return {
    ...row,
    height: row.height ?? HEIGHT,
    panels: row.panels.map((panel) => ({ ...panel, id: idOf(panel, ids), width: panel.width ?? Math.max(1, Math.floor(share)), legend: panel.legend ?? true })),
  };
}

function idOf(panel: WrittenPanel, ids: Set<string>): string {
  const made = panel.id ?? nameOf(panel.title);
  let id = made;
  for (let again = 2; ids.has(id); again += 1) id = `${made}-${again}`;
  ids.add(id);
  return id;
}

/** The values of each variable: what the address says, or what the dashboard chooses; none are all. */
export function chosenOf(variables: readonly DashboardVariable[], search: Chosen): Record<string, string[]> {
  return Object.fromEntries(variables.map((variable) => [variable.name, (search[`var.${variable.name}`] ?? variable.default ?? []).filter((value) => value !== '')]));
}

/** For the address: nothing where it is what the dashboard chooses anyway, an empty text for all where it chooses some. */
export function searchOf(variable: DashboardVariable, values: readonly string[]): Chosen {
  const usual = variable.default ?? [];
  const isUsual = values.length === usual.length && values.every((value) => usual.includes(value));
  return { [`var.${variable.name}`]: isUsual ? undefined : values.length === 0 ? [''] : [...values] };
}

/** An address with what is chosen in the place of `$service`; a parameter without a value goes, one with several is there as often. */
export function filledIn(url: string, chosen: Readonly<Record<string, readonly string[]>>): string {
  const [, path = '', query = '', hash = ''] = /^([^?#]*)(?:\?([^#]*))?(#.*)?$/.exec(url) ?? [];
  const inPath = path.replace(/\$(\w+)/g, (whole, name: string) => (chosen[name] === undefined ? whole : encodeURIComponent(chosen[name][0] ?? '')));
  const params = new URLSearchParams();
  for (const [key, value] of new URLSearchParams(query)) {
    const alone = /^\$(\w+)$/.exec(value)?.[1];
    const values = alone === undefined ? undefined : chosen[alone];
    if (values === undefined) params.append(key, value.replace(/\$(\w+)/g, (whole, name: string) => chosen[name]?.join(',') ?? whole));
    else values.forEach((each) => { params.append(key, each); });
  }
  const written = params.toString();
  return `${inPath}${written === '' ? '' : `?${written}`}${hash}`;
}

/** The name of a new dashboard with this title. */
export function nameOf(title: string): string {
  return title.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 64);
}

export interface Asked {
  from: string;
  to: string;
  interval_seconds: number;
}

/** The statement of a panel for the workbench: names have the values that they stood for. */
export function workbenchSql(sql: string, asked: Asked, chosen: Readonly<Record<string, readonly string[]>>): string {
  const seconds = (Date.parse(asked.to) - Date.parse(asked.from)) / 1000;
  const given: Record<string, string> = {
    from: `timestamp '${asked.from}'`,
    to: `timestamp '${asked.to}'`,
    interval: `interval '${asked.interval_seconds} seconds'`,
    interval_seconds: `cast(${asked.interval_seconds} AS double)`,
    range_seconds: `cast(${seconds} AS double)`,
  };
  const valueOf = (name: string) => {
    const values = chosen[name];
    if (values !== undefined) return values.length === 0 ? 'NULL' : values.map((value) => `'${value.replaceAll("'", "''")}'`).join(', ');
    const all = name.endsWith('_is_all') ? chosen[name.slice(0, -'_is_all'.length)] : undefined;
    return all === undefined ? given[name] : String(all.length === 0);
  };
  return filled(sql, valueOf);
}
