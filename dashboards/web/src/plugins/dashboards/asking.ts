// Asks for panels: a few at once, as the server has places for, and again when it says that it is busy.

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { createContext, use } from 'react';
import { api } from '../../api/client';
import { failureFrom } from '../../api/failure';
import type { DashboardVariable, Panel, PanelAnswer } from '../../api/schema';
import type { Range } from '../../range/range';
import { INTERVALS_OF_TWELFTH } from './times';
import { Turns } from './turns';

const AT_ONCE = 3;
const TRIES_MAX = 8;
const WAIT_MS_MAX = 10_000;
const CELLS_OF_TWELFTH = 8;

const turns = new Turns(AT_ONCE);

/** What panels are asked with. */
export interface Asking {
  name: string;
  /** Counts up with each change; undefined for a preview, whose panels no dashboard has yet. */
  version: string | undefined;
  range: Range;
  chosen: Record<string, string[]>;
  refetchInterval: number | false;
}

export const AskingContext = createContext<Asking | undefined>(undefined);

export function useAsking(): Asking {
  const asking = use(AskingContext);
  if (asking === undefined) throw new Error('a panel stands outside of a dashboard');
  return asking;
}

const PATIENT = {
  placeholderData: keepPreviousData,
  retry: (tries: number, thrown: unknown) => failureFrom(thrown).isPassing && tries + 1 < TRIES_MAX,
  retryDelay: (tries: number) => Math.min(WAIT_MS_MAX, 1000 * 2 ** tries),
};

export function usePanel(panel: Panel) {
  const asking = useAsking();
  return useQuery({
    ...PATIENT,
    queryKey: ['dashboards', 'panel', asking.version === undefined ? panel : [asking.name, asking.version, panel.id], asking.range, asking.chosen],
    refetchInterval: asking.refetchInterval,
    queryFn: ({ signal }) => turns.take(() => askPanel(panel, asking, signal), signal),
  });
}

/** The values that can be chosen of a variable, now and with what is chosen of the others. */
export function useValues(variable: DashboardVariable, asking: Asking) {
  return useQuery({
    ...PATIENT,
    queryKey: ['dashboards', 'variable', asking.version === undefined ? variable : [asking.name, asking.version, variable.name], asking.range, asking.chosen],
    queryFn: ({ signal }) => turns.take(() => askValues(variable, asking, signal), signal),
  });
}

async function askPanel(panel: Panel, { name, version, range, chosen }: Asking, signal: AbortSignal): Promise<PanelAnswer> {
  const width = panel.width * (panel.kind === 'heat_map' ? CELLS_OF_TWELFTH : INTERVALS_OF_TWELFTH);
  const wanted = { ...range, variables: chosen, width };
  const { data } =
    version === undefined
      ? await api.POST('/api/v1/dashboards/query', { body: { ...wanted, panel }, signal })
      : await api.POST('/api/v1/dashboards/{name}/panels/{id}/query', { params: { path: { name, id: panel.id } }, body: wanted, signal });
  if (data === undefined) throw new Error('the answer has no body');
  return data;
}

async function askValues(variable: DashboardVariable, asking: Asking, signal: AbortSignal): Promise<string[]> {
  if (variable.kind !== 'query') return variable.values ?? [];
  if (asking.version === undefined) return valuesOf(await askPanel(asTable(variable), asking, signal));
  const { name, range, chosen } = asking;
  const { data } = await api.POST('/api/v1/dashboards/{name}/variables/{variable}', { params: { path: { name, variable: variable.name } }, body: { ...range, variables: chosen }, signal });
  return data?.values ?? [];
}

/** A variable that no dashboard has yet is asked as a table would be. */
function asTable({ name, sql }: DashboardVariable): Panel {
  return { id: name, title: name, kind: 'table', width: 12, legend: true, sql: sql ?? '' };
}

function valuesOf({ rows }: PanelAnswer): string[] {
  const values = rows.flatMap(([value]) => (value === null || value === undefined || value === '' ? [] : [String(value as string | number | boolean)]));
  return [...new Set(values)];
}
