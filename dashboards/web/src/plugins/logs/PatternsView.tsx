// What lines have in common, with how often it was said and whether it is new. A pattern leads to its lines.

import { Link } from '@tanstack/react-router';
import { Fragment } from 'react';
import { queries } from '../../api/client';
import type { LogPattern } from '../../api/schema';
import { Badge } from '../../components/Badge';
import { DataTable, type Column } from '../../components/DataTable';
import { Sparkline } from '../../components/Sparkline';
import { Answer, Empty } from '../../components/states';
import { count, exact } from '../../format/number';
import { ago, useClock } from '../../format/time';
import { useRange } from '../../range/useRange';
import { traceLink } from '../../shell/link';
import css from './logs.module.css';
import { SEVERITIES, wantedOf, type LogSearch } from './search';
import { Severity, severityColour } from './severity';

const PATTERNS_MAX = 500;
const ROW_HEIGHT = 52;
const HEIGHT = 520;

const columns: Column<LogPattern>[] = [
  { id: 'template', name: 'Pattern, and its last line', value: (pattern) => pattern.template, width: 'minmax(280px, 1fr)', render: (pattern) => <Template pattern={pattern} /> },
  { id: 'severity', name: 'Severity', value: (pattern) => SEVERITIES.indexOf(worstOf(pattern) ?? 'trace'), width: '70px', render: (pattern) => <Severity severity={worstOf(pattern)} /> },
  { id: 'service', name: 'Service', value: (pattern) => pattern.service, width: '118px' },
  { id: 'course', name: 'Over time', value: (pattern) => pattern.over_time.at(-1), width: '104px', render: (pattern) => <Sparkline values={pattern.over_time} colour={severityColour(worstOf(pattern))} /> },
  { id: 'count', name: 'Lines', unit: 'count', value: (pattern) => pattern.count, width: '68px' },
  { id: 'seen', name: 'Last seen', unit: 'time', value: (pattern) => pattern.last_seen, width: '98px', render: (pattern) => ago(pattern.last_seen) },
  { id: 'trace', name: 'Trace', value: (pattern) => pattern.example.trace_id, width: '70px', render: ({ example }) => (example.trace_id == null ? '–' : <Link {...traceLink(example.trace_id)}>Open</Link>) },
];

export function PatternsView({ search }: { search: LogSearch }) {
  const { query: range, live } = useRange();
  const clock = useClock();
  const answer = queries.useQuery('get', '/api/v1/apm/logs/patterns', { params: { query: { ...range, ...wantedOf(search), limit: PATTERNS_MAX } } }, live);
  return (
    <Answer query={answer} height={HEIGHT} isEmpty={({ patterns }) => patterns.length === 0} empty={<Empty title="No lines to find patterns in" height={HEIGHT}>Choose a longer range, or take a filter away.</Empty>}>
      {({ patterns, read, read_from, is_truncated, patterns_left_out }) => (
        <div>
          <p className={css.note}>
            {exact(patterns.length)} patterns of {count(read)} lines
            {is_truncated && read_from != null ? `, the newest ones, since ${clock.short(read_from)}` : ''}
            {patterns_left_out > 0 ? `; ${exact(patterns_left_out)} rarer patterns are left out` : ''}
          </p>
          <DataTable
            label="Patterns"
            rows={patterns}
            columns={columns}
            keyOf={(pattern) => pattern.id}
            rowHeight={ROW_HEIGHT}
            height={HEIGHT}
            linkOf={({ id }) => ({ to: '/logs', search: { ...search, pattern: id, view: undefined } })}
          />
        </div>
      )}
    </Answer>
  );
}

/** With what differs set apart from what is the same. */
function Template({ pattern }: { pattern: LogPattern }) {
  const parts = pattern.template.split('<*>');
  return (
    <span className={css.pattern}>
      <span className={css.template} title={pattern.template}>
        {pattern.is_new === true && <Badge tone="accent">new</Badge>}
        {parts.map((part, at) => (
          <Fragment key={at}>
            {at > 0 && <span className={css.differs}>✱</span>}
            {part}
          </Fragment>
        ))}
      </span>
      <span className={css.example} title={pattern.example.body}>
        {pattern.example.body}
      </span>
    </span>
  );
}

function worstOf({ severities }: LogPattern) {
  return SEVERITIES.findLast((severity) => severities[severity] > 0);
}
