// What the server says is wrong with a dashboard that is being written.

import { useQuery, keepPreviousData } from '@tanstack/react-query';
import { api } from '../../api/client';
import { Failure } from '../../api/failure';
import type { Dashboard, DashboardView, Fault as ServerFault } from '../../api/schema';
import type { Fault } from '../../components/CodeEditor';
import { useSettled } from '../../components/useSettled';
import { dashboardOf } from './model';

const AS_YAML = { headers: { 'Content-Type': 'application/yaml' }, bodySerializer: (body: unknown) => body as string };

export interface Checked {
  text: string;
  faults: Fault[];
  /** As it will be; undefined while something is wrong with it. */
  dashboard: Dashboard | undefined;
}

/** `text` as the server sees it, a moment after somebody stopped writing. */
export function useCheck(text: string) {
  const settled = useSettled(text);
  return useQuery({ queryKey: ['dashboards', 'check', settled], placeholderData: keepPreviousData, gcTime: 60_000, queryFn: ({ signal }) => check(settled, signal) });
}

async function check(text: string, signal: AbortSignal): Promise<Checked> {
  const { data } = await api.POST('/api/v1/dashboards/check', { body: text, ...AS_YAML, signal });
  const faults = (data?.faults ?? []).map(faultOf);
  if (faults.length > 0) return { text, faults, dashboard: undefined };
  const { valueOf } = await import('./yaml');
  return { text, faults, dashboard: dashboardOf(valueOf(text)) };
}

/** The version of a dashboard that nobody wrote in the app: it is new, in a file, or came along. */
export const UNWRITTEN = 0;

/** `version` is that which was read; without it whatever is there is written over. */
export async function save(name: string, text: string, version: number | null): Promise<DashboardView | undefined> {
  const { data } = await api.PUT('/api/v1/dashboards/{name}', { params: { path: { name }, query: version === null ? {} : { version } }, body: text, ...AS_YAML });
  return data;
}

/** Of a refusal that names faults; none of any other. */
export function faultsOf(error: unknown): Fault[] {
  const faults = error instanceof Failure ? (error.answer as { faults?: ServerFault[] } | undefined)?.faults : undefined;
  return (faults ?? []).map(faultOf);
}

function faultOf({ line, column, problem, remedy }: ServerFault): Fault {
  return { line, column, message: remedy === '' ? problem : `${problem}; ${remedy}` };
}
