// The rows behind an alert, and the statement that finds them again.

import { Link } from '@tanstack/react-router';
import { queries } from '../../../api/client';
import type { AlertDetail, RowsAsked } from '../../../api/schema';
import { DataTable, type Column } from '../../../components/DataTable';
import { Panel } from '../../../components/Page';
import { Snippet } from '../../../components/Snippet';
import { Answer, Empty } from '../../../components/states';
import { useClock } from '../../../format/time';
import { useMay } from '../../../shell/me';
import css from '../alerting.module.css';
import { SqlLink, TraceLink } from '../elsewhere';
import { Fact, Facts } from '../../../components/Facts';
import { cellOf, widthOf, type AnyRow } from './cells';

const ROWS_HEIGHT = 360;
const ROWS_SHOWN = 10;

export function AlertRows({ alert }: { alert: AlertDetail }) {
  const mayRead = useMay('telemetry:rows:read');
  if (alert.rows == null) {
    return (
      <Panel title="The rows behind it">
        <Empty title="No rows can be asked for" height={120}>
          The rule is gone, or looks at no rows. <Link to="/rules">See the rules</Link>
        </Empty>
      </Panel>
    );
  }
  return (
    <>
      {mayRead && <RowsFound id={alert.id} />}
      <Panel title="What asks for them" actions={<SqlLink asked={alert.rows}>Open in SQL</SqlLink>}>
        <Asked asked={alert.rows} />
      </Panel>
    </>
  );
}

function RowsFound({ id }: { id: string }) {
  const rows = queries.useQuery('get', '/api/v1/alerting/alerts/{id}/rows', { params: { path: { id } } });
  return (
    <Panel title="The rows behind it" isFlush>
      <Answer query={rows} height={200} isEmpty={(answer) => answer.rows.length === 0} empty={<NoRows />}>
        {(answer) => {
          const found: AnyRow[] = answer.rows.map((values, at) => ({ at, values: Object.fromEntries(answer.columns.map(({ name }, place) => [name, values[place]])) }));
          return (
            <>
              <DataTable
                label="The rows behind it"
                rows={found}
                columns={answer.columns.map(({ name }) => column(name, found))}
                keyOf={(row) => String(row.at)}
                {...(found.length > ROWS_SHOWN ? { height: ROWS_HEIGHT } : {})}
              />
              {answer.is_truncated && <p className={css.below}>There are more rows than are shown: open the statement in SQL for all.</p>}
            </>
          );
        }}
      </Answer>
    </Panel>
  );
}

function NoRows() {
  return (
    <Empty title="These rows are not there any more" height={160}>
      They are kept as long as telemetry is.
    </Empty>
  );
}

function column(name: string, rows: readonly AnyRow[]): Column<AnyRow> {
  return {
    id: name,
    name,
    width: widthOf(name, rows),
    value: (row) => cellOf(row, name),
    render: (row) => {
      const cell = cellOf(row, name);
      if (name === 'trace_id' && typeof cell === 'string') return <TraceLink id={cell} />;
      return <span title={cell === undefined ? '' : String(cell)}>{cell ?? '–'}</span>;
    },
  };
}

function Asked({ asked }: { asked: RowsAsked }) {
  const clock = useClock();
  return (
    <div className={css.stack}>
      <Snippet label="Statement" text={asked.sql} />
      <Facts>
        {asked.params.length > 0 && (
          <Fact name="Parameters">
            {asked.params.map((param, at) => (
              <span key={at} className={css.mono}>
                <span className={css.muted}>${at + 1} =</span> {JSON.stringify(param)}
              </span>
            ))}
          </Fact>
        )}
        <Fact name="From, to">
          {asked.from == null ? 'as the statement says' : clock.full(asked.from)} – {clock.full(asked.to)}
        </Fact>
        <Fact name="As of">{clock.full(asked.as_of)}</Fact>
      </Facts>
    </div>
  );
}
