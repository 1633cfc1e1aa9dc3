// Panels of rows: tables, log records, traces.

import { useCallback, useMemo } from 'react';
import { Link } from '@tanstack/react-router';
import type { AnswerColumn } from '../../../api/schema';
import { Badge } from '../../../components/Badge';
import { DataTable, type Column } from '../../../components/DataTable';
import { ROW_HEIGHT } from '../../../components/rowWindow';
import { columnOf } from '../../../rows/columnOf';
import { RowTable } from '../../../rows/RowTable';
import { textOf } from '../../../rows/rows';
import { PanelHead } from '../PanelHead';
import { traceLink } from '../../../shell/link';
import css from '../dashboards.module.css';
import type { DrawnPanel } from './series';

/** In pixels: the head, less what tables reach into the frame. */
const HEAD_HEIGHT = 23;

/** No row is cut: what does not fit is scrolled to. */
function tableHeight(height: number): number {
  const names = ROW_HEIGHT;
  return names + Math.max(1, Math.floor((height - HEAD_HEIGHT - names) / ROW_HEIGHT)) * ROW_HEIGHT;
}

/** What is not there is no word in a panel. */
function orDash(value: unknown): string | undefined {
  return value === null || value === undefined ? '–' : undefined;
}

export function TablePanel({ panel, answer, height, actions }: DrawnPanel) {
  const shownAs = useCallback((column: AnswerColumn) => ({ ...columnOf(column, panel.unit), render: orDash }), [panel.unit]);
  return (
    <>
      <PanelHead panel={panel} actions={actions} />
      <div className={css.flush}>
        <RowTable label={panel.title} answer={answer} height={tableHeight(height)} shownAs={shownAs} />
      </div>
    </>
  );
}

interface Named {
  at: number;
  of: (name: string) => string | undefined;
}

function useNamed({ columns, rows }: DrawnPanel['answer']): Named[] {
  return useMemo(() => {
    const places = new Map(columns.map((column, place) => [column.name, place]));
    return rows.map((row, at) => ({
      at,
      of: (name: string) => {
        const value = row[places.get(name) ?? -1];
        return value === null || value === undefined ? undefined : textOf(value);
      },
    }));
  }, [columns, rows]);
}

const LOG_COLUMNS: Column<Named>[] = [
  { id: 'time', name: 'Time', unit: 'time', value: (row) => row.of('time'), width: '100px' },
  { id: 'severity', name: 'Severity', value: (row) => row.of('severity_text'), render: (row) => <Severity text={row.of('severity_text')} />, width: '78px' },
  { id: 'service', name: 'Service', value: (row) => row.of('service_name'), width: 'minmax(90px, 130px)' },
  { id: 'body', name: 'Message', value: (row) => row.of('body'), render: (row) => <span title={row.of('body')}>{row.of('body') ?? '–'}</span>, width: 'minmax(220px, 1fr)' },
  {
    id: 'trace',
    name: 'Trace',
    value: (row) => row.of('trace_id'),
    width: '84px',
    render: (row) => {
      const id = row.of('trace_id');
      return id === undefined ? '–' : <Link {...traceLink(id)}>{id.slice(0, 8)}</Link>;
    },
  },
];

/** What every panel of its kind has, and what else is asked. */
function withOthers(known: readonly Column<Named>[], used: readonly string[], columns: readonly AnswerColumn[]): Column<Named>[] {
  const names = columns.map((column) => column.name);
  const others = names.filter((name) => !used.includes(name)).map((name): Column<Named> => ({ id: name, name, value: (row) => row.of(name) }));
  return [...known.filter(({ id }) => names.includes(COLUMN_OF[id] ?? id)), ...others];
}

const COLUMN_OF: Record<string, string> = { severity: 'severity_text', service: 'service_name', trace: 'trace_id', start: 'start_time', status: 'status_code' };

export function LogsPanel({ panel, answer, height, actions }: DrawnPanel) {
  const rows = useNamed(answer);
  const columns = useMemo(() => withOthers(LOG_COLUMNS, ['time', 'severity_text', 'service_name', 'body', 'trace_id'], answer.columns), [answer]);
  return (
    <>
      <PanelHead panel={panel} actions={actions} />
      <div className={css.flush}>
        <DataTable label={panel.title} rows={rows} columns={columns} keyOf={(row) => String(row.at)} height={tableHeight(height)} />
      </div>
    </>
  );
}

const TRACE_COLUMNS: Column<Named>[] = [
  { id: 'name', name: 'Operation', value: (row) => row.of('name'), width: 'minmax(130px, 2fr)' },
  { id: 'service', name: 'Service', value: (row) => row.of('service_name'), width: 'minmax(80px, 1fr)' },
  { id: 'ms', name: 'Duration', unit: 'ms', value: (row) => Number(row.of('ms')), width: '86px' },
  { id: 'status', name: 'Status', value: (row) => row.of('status_code'), render: (row) => <Status text={row.of('status_code')} />, width: '70px' },
  { id: 'start', name: 'Start', unit: 'time', value: (row) => row.of('start_time'), width: '100px' },
];

export function TracesPanel({ panel, answer, height, actions }: DrawnPanel) {
  const rows = useNamed(answer);
  const columns = useMemo(() => {
    const known = withOthers(TRACE_COLUMNS, ['trace_id', 'name', 'service_name', 'ms', 'status_code', 'start_time'], answer.columns);
    // Without a name of its own a trace is called by its id.
    return known[0]?.id === 'name' ? known : [{ id: 'trace', name: 'Trace', value: (row: Named) => row.of('trace_id')?.slice(0, 8) }, ...known];
  }, [answer]);
  return (
    <>
      <PanelHead panel={panel} actions={actions} />
      <div className={css.flush}>
        <DataTable label={panel.title} rows={rows} columns={columns} keyOf={(row) => String(row.at)} linkOf={(row) => traceLink(row.of('trace_id') ?? '')} height={tableHeight(height)} />
      </div>
    </>
  );
}

function Severity({ text }: { text: string | undefined }) {
  if (text === undefined) return '–';
  const level = text.toUpperCase();
  const tone = /^(ERROR|FATAL|CRIT)/.test(level) ? 'error' : level.startsWith('WARN') ? 'warning' : 'plain';
  return <Badge tone={tone}>{text}</Badge>;
}

function Status({ text }: { text: string | undefined }) {
  return text === 'error' ? <Badge tone="error">error</Badge> : <span className={css.muted}>{text ?? '–'}</span>;
}
