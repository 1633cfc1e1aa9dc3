// The answer, in the view of the address.

import type { UseQueryResult } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { useCallback } from 'react';
import type { AnswerColumn } from '../../api/schema';
import { Panel } from '../../components/Page';
import { Answer, Empty } from '../../components/states';
import { Tabs } from '../../components/Tabs';
import { RowTable } from '../../rows/RowTable';
import { ROW_HEIGHT } from '../../components/rowWindow';
import type { SqlAnswer } from './answer';
import { PlanView } from './PlanView';
import { ResultChart } from './ResultChart';
import { RowDetails } from './RowDetails';
import css from './sql.module.css';

const route = getRouteApi('/app/sql');
const TABLE_HEIGHT_MAX = 560;

const TABS = [
  { id: 'table', name: 'Table' },
  { id: 'chart', name: 'Chart' },
  { id: 'plan', name: 'Plan' },
] as const;

export function Results({ query }: { query: UseQueryResult<SqlAnswer> }) {
  const { sql, view = 'table' } = route.useSearch();
  const navigate = route.useNavigate();
  const isIdle = query.data === undefined && query.error === null && !query.isFetching;
  return (
    <Panel isFlush>
      <Tabs label="Answer" tabs={TABS} selected={view} onSelect={(next) => void navigate({ search: (search) => ({ ...search, view: next }) })}>
        {view === 'plan' && sql !== undefined && <PlanView />}
        {view !== 'plan' && !isIdle && (
          <div className={css.answer}>
            <Answer query={query} height={320} isEmpty={({ rows }) => rows.length === 0} empty={<NoRows />}>
              {(answer) => (view === 'chart' ? <ResultChart answer={answer} /> : <ResultTable answer={answer} />)}
            </Answer>
          </div>
        )}
        {(view === 'plan' ? sql === undefined : isIdle) && <NotAsked isStopped={sql !== undefined} />}
      </Tabs>
    </Panel>
  );
}

function NotAsked({ isStopped }: { isStopped: boolean }) {
  return (
    <Empty title={isStopped ? 'It was cancelled before there was an answer' : 'Nothing is asked yet'} height={240}>
      Run the statement, or choose a table to look into.
    </Empty>
  );
}

function NoRows() {
  return (
    <Empty title="The answer has no rows" height={240}>
      Look whether the times and conditions after WHERE are those that you mean.
    </Empty>
  );
}

function ResultTable({ answer }: { answer: SqlAnswer }) {
  const { row } = route.useSearch();
  const navigate = route.useNavigate();
  const linkOf = useCallback((at: number) => ({ to: '.' as const, search: (search: object) => ({ ...search, row: at }) }), []);
  const chosen = row === undefined ? undefined : answer.rows[row];
  const height = Math.min(TABLE_HEIGHT_MAX, (answer.rows.length + 1) * ROW_HEIGHT + 16);
  return (
    <>
      <RowTable label="Rows" answer={answer} height={height} linkOf={linkOf} shownAs={withType} />
      {chosen !== undefined && row !== undefined && (
        <RowDetails columns={answer.columns} values={chosen} number={row + 1} onClose={() => void navigate({ search: (search) => ({ ...search, row: undefined }) })} />
      )}
    </>
  );
}

const withType = ({ name, type }: AnswerColumn) => ({ name, note: type.replace(/^struct\(.*\)/, 'struct') });
