// The workbench: a statement, and its answer as a table, a chart or a plan.

import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { CodeEditor } from '../../components/CodeEditor';
import { Page, Panel } from '../../components/Page';
import { TextField } from '../../components/fields';
import { useRangeShown } from '../../range/shown';
import { faultsOf } from './answer';
import { useCatalog } from './catalog';
import type { SqlSearch } from './index';
import { isRanged, placed } from './ranged';
import { Results } from './Results';
import { RunBar } from './RunBar';
import { Side } from './Side';
import css from './sql.module.css';
import { StatementActions } from './StatementActions';
import { useStatement } from './useStatement';

const route = getRouteApi('/app/sql');

const FIRST = `-- requests, errors and response times over the range that is chosen above
SELECT service_name, count(*) AS requests,
    count(*) FILTER (WHERE status_code = 'error') AS errors,
    quantile(duration_ns, 0.95) / 1e6 AS p95_ms
FROM spans
WHERE kind = 'server' AND start_time >= $from AND start_time < $to
GROUP BY 1 ORDER BY requests DESC`;

export interface Draft {
  sql: string;
  params: string;
  as_of: string;
}

export function SqlPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { draft, edit, isAsked } = useDraft(search);
  const { query, bytes, cancel } = useStatement(search);
  const catalog = useCatalog();
  useRangeShown(isRanged(draft.sql) || isRanged(search.sql ?? ''));
  const run = (next: Draft) => {
    if (next.sql.trim() === '') return;
    if (isAsked && next === draft && search.sql !== undefined) {
      void query.refetch();
      return;
    }
    const { sql, params, as_of } = next;
    // What was chosen of the columns of another answer means nothing in this one.
    void navigate({ search: ({ view, side, analyze, mark }) => ({ view, side, analyze, mark, sql, params: params || undefined, as_of: as_of || undefined }) });
  };
  const runDraft = () => {
    run(draft);
  };

  return (
    <Page title="SQL" actions={<StatementActions draft={draft} />}>
      <div className={css.workbench}>
        <Side
          catalog={catalog}
          onOpen={(sql) => {
            run({ sql, params: '', as_of: '' });
          }}
          onEdit={(sql) => {
            edit({ ...draft, sql });
          }}
        />
        <div className={css.main}>
          <Panel>
            <CodeEditor
              label="SQL statement"
              language="sql"
              value={draft.sql}
              onChange={(sql) => {
                edit({ ...draft, sql });
              }}
              onRun={runDraft}
              tables={catalog.completed}
              words={catalog.words}
              faults={isAsked ? faultsOf(query.error).map((fault) => placed(fault, draft)) : []}
              height={210}
            />
            <RunBar query={query} bytes={bytes} onRun={runDraft} onCancel={cancel} />
            <Values draft={draft} edit={edit} />
          </Panel>
          <Results query={query} />
        </div>
      </div>
    </Page>
  );
}

/** What is in the editor: what the address asks, until somebody writes something else. */
function useDraft(search: SqlSearch) {
  const address = [search.sql, search.params, search.as_of].join('\n');
  const [edited, setEdited] = useState<Draft & { of: string }>();
  const asked: Draft = { sql: search.sql ?? FIRST, params: search.params ?? '', as_of: search.as_of ?? '' };
  const draft = edited?.of === address ? edited : asked;
  const isAsked = draft.sql === search.sql && draft.params === asked.params && draft.as_of === asked.as_of;
  return {
    draft,
    isAsked,
    edit: (next: Draft) => {
      setEdited({ ...next, of: address });
    },
  };
}

/** Parameters and the time, for statements that have some. */
function Values({ draft, edit }: { draft: Draft; edit: (draft: Draft) => void }) {
  if (draft.params === '' && draft.as_of === '' && !/\$\d/.test(draft.sql)) return null;
  return (
    <div className={css.values}>
      <TextField label="Parameters" description="A JSON array; $1 in the statement is its first value" placeholder='["checkout", 500]' value={draft.params} onChange={(params) => { edit({ ...draft, params }); }} />
      <TextField label="As of" description="What now() is, and when telemetry ends; empty for the present" placeholder="2026-01-31T12:00:00Z" value={draft.as_of} onChange={(as_of) => { edit({ ...draft, as_of }); }} />
    </div>
  );
}
