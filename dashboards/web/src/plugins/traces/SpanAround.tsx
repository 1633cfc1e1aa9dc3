// What else was measured and logged where a span ran: it leads on to logs and metrics of that time.

import { Link } from '@tanstack/react-router';
import { queries } from '../../api/client';
import type { AroundSpan, MetricAround } from '../../api/schema';
import { Failed } from '../../components/states';
import { count, format, unitOf } from '../../format/number';
import { logsLink, metricLink } from './links';
import css from './SpanDetails.module.css';
import { Section } from './SpanParts';

const METRICS_SHOWN = 12;

export function Exemplars({ traceId, spanId }: { traceId: string; spanId: string }) {
  const answer = queries.useQuery('get', '/api/v1/apm/traces/{id}/exemplars', { params: { path: { id: traceId } } });
  const exemplars = answer.data?.exemplars.filter((each) => each.span_id === spanId) ?? [];
  if (exemplars.length === 0) return null;
  return (
    <Section title="Exemplars" count={exemplars.length} isOpen>
      <ul className={css.metrics}>
        {exemplars.map((each, at) => (
          <li key={`${at} ${each.metric}`}>
            <Link {...metricLink(each.metric, '')}>{each.metric}</Link>
            <span>{format(each.value_int ?? each.value, unitOf(each.unit))}</span>
          </li>
        ))}
      </ul>
    </Section>
  );
}

export function Around({ traceId, spanId }: { traceId: string; spanId: string }) {
  const answer = queries.useQuery('get', '/api/v1/apm/correlate', { params: { query: { trace_id: traceId, span_id: spanId } } });
  if (answer.error !== null) return <Failed error={answer.error} onRetry={() => void answer.refetch()} />;
  if (answer.data === undefined || !('resource' in answer.data)) return <p className={css.note}>Looking around the span…</p>;
  return <Surroundings around={answer.data} />;
}

function Surroundings({ around }: { around: AroundSpan }) {
  const { logs, metrics, resource, span } = around;
  const times = { from: around.from, to: around.to };
  const instance = resource.instance == null ? {} : { attributes: { 'service.instance.id': resource.instance } };
  return (
    <>
      <Section title="Logs around" isOpen>
        <ul className={css.metrics}>
          <li>
            <Link {...logsLink({ trace_id: span.trace_id })}>Of the trace</Link>
            <LogCount logs={logs.of_trace} />
          </li>
          <li>
            <Link {...logsLink({ service: resource.service ?? undefined, ...times, ...instance })}>{resource.pod ?? resource.instance ?? resource.service ?? 'Of its resource'}, five minutes around</Link>
            <LogCount logs={logs.of_resource} />
          </li>
        </ul>
      </Section>
      {metrics.length > 0 && (
        <Section title="Metrics around" count={metrics.length}>
          <ul className={css.metrics}>
            {metrics.slice(0, METRICS_SHOWN).map((metric) => (
              <li key={`${metric.sender} ${metric.name}`}>
                <Link {...metricLink(metric.name, metric.link)}>{metric.name}</Link>
                <span title={rangeOf(metric)}>{metric.last == null ? metric.type : format(metric.last, unitOf(metric.unit))}</span>
              </li>
            ))}
          </ul>
        </Section>
      )}
    </>
  );
}

function LogCount({ logs }: { logs: AroundSpan['logs']['of_span'] }) {
  const wrong = logs.error + logs.fatal;
  return (
    <span>
      {count(logs.all)}
      {wrong > 0 && <span className={css.wrong}>{`, ${count(wrong)} errors`}</span>}
    </span>
  );
}

function rangeOf({ min, max, unit }: MetricAround): string | undefined {
  return min == null || max == null ? undefined : `${format(min, unitOf(unit))} to ${format(max, unitOf(unit))}`;
}
