// The rows behind an alert, and the statement that finds them again.

import { Link } from '@tanstack/react-router';
import { queries } from '../../../api/client';
import type { AlertDetail, AnswerColumn, RowsAsked } from '../../../api/schema';
import { Fact, Facts } from '../../../components/Facts';
import { Panel } from '../../../components/Page';
import { ROW_HEIGHT } from '../../../components/rowWindow';
import { Snippet } from '../../../components/Snippet';
import { Answer, Empty } from '../../../components/states';
import { useClock } from '../../../format/time';
import { columnOf } from '../../../rows/columnOf';
import { RowTable, type RowTableProps } from '../../../rows/RowTable';
import { useMay } from '../../../shell/me';
import css from '../alerting.module.css';
import { SqlLink, TraceLink } from '../elsewhere';

const ROWS_SHOWN = 10;
/** In pixels: of the names of columns, with room for a bar to scroll by. */
const HEAD_HEIGHT = 49;
const TRACE_WIDTH = '130px';

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
        {(answer) => (
          <>
            <RowTable label="The rows behind it" answer={answer} height={Math.min(ROWS_SHOWN, answer.rows.length) * ROW_HEIGHT + HEAD_HEIGHT} shownAs={shownAs} />
            {answer.is_truncated && <p className={css.below}>There are more rows than are shown: open the statement in SQL for all.</p>}
          </>
        )}
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

/** With units where names say them, and ids of traces by their first digits; other numbers keep every digit. */
function shownAs(column: AnswerColumn): ReturnType<NonNullable<RowTableProps['shownAs']>> {
  const { name, unit } = columnOf(column);
  if (column.name === 'trace_id') return { name: 'Trace', width: TRACE_WIDTH, render: (value) => (typeof value === 'string' ? <TraceLink id={value} /> : '–') };
  return unit === 'number' ? { name } : { name, unit };
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
