// One dashboard: looked at, or written with what it will be beside it.

import { getRouteApi, Link } from '@tanstack/react-router';
import { useCallback, useEffect, useMemo } from 'react';
import { api, queries } from '../../api/client';
import type { DashboardVariable, DashboardView } from '../../api/schema';
import { Badge } from '../../components/Badge';
import { Button } from '../../components/Button';
import { Page } from '../../components/Page';
import { Answer } from '../../components/states';
import { useRange } from '../../range/useRange';
import { useMay } from '../../shell/me';
import { AppLink } from './AppLink';
import { DashboardEditor } from './DashboardEditor';
import { DashboardGrid, useAskingOf } from './DashboardGrid';
import css from './dashboards.module.css';
import { chosenOf, filledIn, searchOf } from './model';
import { RemoveButton } from './RemoveButton';
import { Variables } from './Variables';

const route = getRouteApi('/app/dashboards/$name');
const app = getRouteApi('/app');

export const ORIGINS = { app: 'written here', file: 'from a file', built_in: 'built in' } as const;

export function DashboardPage() {
  const { name } = route.useParams();
  const { edit } = route.useSearch();
  const navigate = route.useNavigate();
  const mayWrite = useMay('dashboards:dashboard:write');
  const view = queries.useQuery('get', '/api/v1/dashboards/{name}', { params: { path: { name } } });
  const title = view.data?.dashboard.title ?? name;
  const setEdit = (next: true | undefined) => void navigate({ search: (search) => ({ ...search, edit: next }) });
  const isEdited = edit === true && mayWrite;
  return (
    <Page
      title={title}
      parent={<Link to="/dashboards">Dashboards</Link>}
      actions={
        view.data !== undefined && (
          <>
            <Badge>{ORIGINS[view.data.origin]}</Badge>
            {mayWrite && view.data.origin === 'app' && <RemoveButton name={name} title={title} />}
            {mayWrite && !isEdited && <Button onPress={() => { setEdit(true); }}>Edit</Button>}
          </>
        )
      }
    >
      <Answer query={view} height={640}>
        {(found) => (isEdited ? <DashboardEditor key={found.version ?? found.origin} view={found} onClose={() => { setEdit(undefined); }} /> : <Dashboard view={found} />)}
      </Answer>
    </Page>
  );
}

function Dashboard({ view }: { view: DashboardView }) {
  const { dashboard } = view;
  const search = route.useSearch();
  const navigate = route.useNavigate();
  useUsualRange(view);
  const { query: range, live } = useRange();
  const variables = useMemo(() => dashboard.variables ?? [], [dashboard]);
  const asking = useAskingOf({ name: dashboard.name, version: `${view.origin} ${view.version ?? ''}`, range, chosen: chosenOf(variables, search), refetchInterval: live.refetchInterval });
  const yaml = useCallback(() => yamlOf(dashboard.name), [dashboard.name]);
  const choose = (variable: DashboardVariable, values: string[]) => void navigate({ search: (before) => ({ ...before, ...searchOf(variable, values) }) });
  const links = dashboard.links ?? [];
  return (
    <>
      {(variables.length > 0 || links.length > 0 || dashboard.description != null) && (
        <div className={css.bar}>
          {dashboard.description != null && <p className={css.description}>{dashboard.description}</p>}
          <Variables variables={variables} asking={asking} onChoose={choose} />
          {links.length > 0 && (
            <nav className={css.links} aria-label="Where else to look">
              {links.map((link) => (
                <AppLink key={link.title} url={filledIn(link.url, asking.chosen)}>
                  {link.title}
                </AppLink>
              ))}
            </nav>
          )}
        </div>
      )}
      <DashboardGrid dashboard={dashboard} asking={asking} yaml={yaml} />
    </>
  );
}

/** Where the address says no range, that of the dashboard holds, and it is refreshed as it says. */
function useUsualRange({ dashboard }: DashboardView): void {
  const { from, to, refresh } = app.useSearch();
  const navigate = route.useNavigate();
  const isSaid = from !== undefined || to !== undefined;
  useEffect(() => {
    if (isSaid) return;
    void navigate({ search: (search) => ({ ...search, from: `now-${dashboard.time}`, to: 'now', refresh: refresh ?? secondsOf(dashboard.refresh) }), replace: true });
  }, [isSaid, dashboard, refresh, navigate]);
}

function secondsOf(length: string | null | undefined): number | undefined {
  const [, amount, unit = ''] = /^(\d+)([smhdw])$/.exec(length ?? '') ?? [];
  const seconds: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
  return amount === undefined ? undefined : Number(amount) * (seconds[unit] ?? 0);
}

export async function yamlOf(name: string): Promise<string> {
  const { data } = await api.GET('/api/v1/dashboards/{name}/yaml', { params: { path: { name } }, parseAs: 'text' });
  return data ?? '';
}
