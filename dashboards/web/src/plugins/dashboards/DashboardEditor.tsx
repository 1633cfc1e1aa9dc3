// A dashboard as text, and beside it as it will be. What is wrong is said where it is; the last that was right stays in sight.

import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi, useBlocker } from '@tanstack/react-router';
import { useCallback, useMemo, useState } from 'react';
import { failureFrom } from '../../api/failure';
import type { Dashboard, DashboardVariable, DashboardView } from '../../api/schema';
import { Button } from '../../components/Button';
import { CodeEditor, type Fault } from '../../components/CodeEditor';
import { Panel } from '../../components/Page';
import { Answer, Empty, Failed } from '../../components/states';
import { useRange } from '../../range/useRange';
import { UNWRITTEN, useCheck, faultsOf, save } from './checking';
import { DashboardGrid, useAskingOf } from './DashboardGrid';
import { yamlOf } from './DashboardPage';
import css from './dashboards.module.css';
import { chosenOf, searchOf } from './model';
import { Variables } from './Variables';

const route = getRouteApi('/app/dashboards/$name');
const EDITOR_HEIGHT = 620;

interface DashboardEditorProps {
  view: DashboardView;
  onClose: () => void;
}

export function DashboardEditor({ view, onClose }: DashboardEditorProps) {
  const { name } = view.dashboard;
  const yaml = useQuery({ queryKey: ['dashboards', 'yaml', name, view.origin, view.version], queryFn: () => yamlOf(name), staleTime: Infinity });
  return (
    <Answer query={yaml} height={EDITOR_HEIGHT}>
      {(text) => <Editor view={view} saved={text} onClose={onClose} />}
    </Answer>
  );
}

function Editor({ view, saved, onClose }: DashboardEditorProps & { saved: string }) {
  const [text, setText] = useState(saved);
  const check = useCheck(text);
  const [last, setLast] = useState(view.dashboard);
  const right = check.data?.dashboard;
  if (right !== undefined && right !== last) setLast(right);
  const { saving, conflict } = useSave(view, text);
  const isChanged = text !== saved;
  useBlocker({ shouldBlockFn: ({ next, current }) => isChanged && next.pathname !== current.pathname && !window.confirm('Leave without saving what you wrote?'), enableBeforeUnload: isChanged });
  const faults = saving.error === null ? (check.data?.text === text ? check.data.faults : []) : faultsOf(saving.error);

  return (
    <div className={css.editing}>
      <div className={css.written}>
        <Panel>
          <div className={css.buttons}>
            <Button kind="primary" isDisabled={!isChanged || saving.isPending} onPress={() => { saving.mutate(view.version ?? UNWRITTEN); }}>
              Save
            </Button>
            <Button onPress={onClose} isDisabled={saving.isPending}>
              {isChanged ? 'Discard' : 'Close'}
            </Button>
            <span className={css.note} aria-live="polite">
              {told(check.isFetching, faults.length, view)}
            </span>
          </div>
          {conflict !== undefined && (
            <div className={css.conflict} role="alert">
              <p>Somebody else has saved it since you opened it. What you wrote is still here.</p>
              <Button onPress={() => { saving.mutate(null); }}>Save over theirs</Button>
            </div>
          )}
          {saving.error !== null && conflict === undefined && faults.length === 0 && <Failed error={saving.error} />}
          {check.error !== null && <Failed error={check.error} onRetry={() => void check.refetch()} />}
          <CodeEditor
            label="Dashboard as YAML"
            language="yaml"
            value={text}
            onChange={(next) => {
              setText(next);
              saving.reset();
            }}
            onRun={() => {
              if (isChanged) saving.mutate(view.version ?? UNWRITTEN);
            }}
            faults={faults}
            height={EDITOR_HEIGHT}
          />
          <Faults faults={faults} />
        </Panel>
      </div>
      <Preview dashboard={last} text={right === undefined ? saved : text} />
    </div>
  );
}

function useSave(view: DashboardView, text: string) {
  const { name } = view.dashboard;
  const queryClient = useQueryClient();
  const saving = useMutation({
    mutationFn: (version: number | null) => save(name, text, version),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: ['get', '/api/v1/dashboards/{name}'] });
      await queryClient.invalidateQueries({ queryKey: ['get', '/api/v1/dashboards'] });
    },
  });
  const conflict = saving.error !== null && failureFrom(saving.error).status === 409 ? saving.error : undefined;
  return { saving, conflict };
}

function told(isChecking: boolean, faults: number, { origin }: DashboardView): string {
  if (faults > 0) return faults === 1 ? 'Something is wrong' : `${faults} things are wrong`;
  if (isChecking) return 'Checking';
  return origin === 'app' ? 'Nothing is wrong' : 'Saving makes a copy of your own, which counts before this one';
}

function Faults({ faults }: { faults: readonly Fault[] }) {
  if (faults.length === 0) return null;
  return (
    <ul className={css.faults} aria-label="What is wrong">
      {faults.map((fault) => (
        <li key={`${fault.line} ${fault.column ?? 0} ${fault.message}`}>
          <b>Line {fault.line}</b> {fault.message}
        </li>
      ))}
    </ul>
  );
}

function Preview({ dashboard, text }: { dashboard: Dashboard; text: string }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { query: range } = useRange();
  const variables = useMemo(() => dashboard.variables ?? [], [dashboard]);
  // Panels of a preview are asked when they change, and not again and again.
  const asking = useAskingOf({ name: dashboard.name, version: undefined, range, chosen: chosenOf(variables, search), refetchInterval: false });
  const yaml = useCallback(() => Promise.resolve(text), [text]);
  const choose = (variable: DashboardVariable, values: string[]) => void navigate({ search: (before) => ({ ...before, ...searchOf(variable, values) }), replace: true });
  return (
    <section className={css.preview} aria-label="As it will be">
      <Variables variables={variables} asking={asking} onChoose={choose} />
      {dashboard.rows.length === 0 ? <Empty title="It has no rows yet" /> : <DashboardGrid dashboard={dashboard} asking={asking} yaml={yaml} />}
    </section>
  );
}
