// Everything that was said of one span, beside the trace; and what else there is about it.

import { queries } from '../../api/client';
import type { SpanDetail, SpanDetails as Details, Trace, TraceNode } from '../../api/schema';
import { Badge } from '../../components/Badge';
import { Button } from '../../components/Button';
import { Panel } from '../../components/Page';
import { Answer, Empty } from '../../components/states';
import { exact, format } from '../../format/number';
import { Around, Exemplars } from './SpanAround';
import { Attributes, Events, FirstLogs, Links } from './SpanParts';
import { ServiceName } from './ServiceName';
import css from './SpanDetails.module.css';
import { afterStart } from './TraceLogs';

interface SpanDetailsProps {
  trace: Trace;
  spanId: string;
  /** Undefined while its page of the trace is not there. */
  node: TraceNode | undefined;
  colours: ReadonlyMap<string, string>;
  onClose: () => void;
}

export function SpanDetails({ trace, spanId, node, colours, onClose }: SpanDetailsProps) {
  const answer = queries.useQuery('get', '/api/v1/apm/traces/{id}/spans/{span_id}', { params: { path: { id: trace.trace_id, span_id: spanId } } });
  return (
    <aside className={css.details} aria-label="Span">
      <Panel isFlush>
        <header className={css.header}>
          <div className={css.title}>
            <h2>{node?.name ?? answer.data?.spans[0]?.name ?? spanId}</h2>
            {node !== undefined && <ServiceName service={node.service} colours={colours} />}
          </div>
          <Button kind="quiet" icon="close" aria-label="Close the span" onPress={onClose} />
        </header>
        {node !== undefined && <Figures node={node} />}
        <Answer query={answer} height={320} isEmpty={(details) => details.spans.length === 0} empty={<Empty title="There is no such span" height={120} />}>
          {(details) => <Found details={details} trace={trace} />}
        </Answer>
      </Panel>
    </aside>
  );
}

function Figures({ node }: { node: TraceNode }) {
  return (
    <dl className={css.figures}>
      <div>
        <dt>Duration</dt>
        <dd>{format(node.duration_ns, 'ns')}</dd>
      </div>
      <div>
        <dt>Own time</dt>
        <dd>{format(node.self_ns, 'ns')}</dd>
      </div>
      <div>
        <dt>Critical</dt>
        <dd>{format(node.critical_ns, 'ns')}</dd>
      </div>
      <div>
        <dt>Starts after</dt>
        <dd>{format(node.start_ns, 'ns')}</dd>
      </div>
    </dl>
  );
}

function Found({ details, trace }: { details: Details; trace: Trace }) {
  return (
    <div className={css.body}>
      {details.spans.length > 1 && <p className={css.warning}>{`${exact(details.spans.length)} spans came with this id; all are told.`}</p>}
      {details.spans.map((span, at) => (
        <Span key={`${at} ${span.start}`} span={span} trace={trace} />
      ))}
      <FirstLogs details={details} traceStart={trace.start} />
      <Exemplars traceId={trace.trace_id} spanId={details.span_id} />
      <Around traceId={trace.trace_id} spanId={details.span_id} />
    </div>
  );
}

function Span({ span, trace }: { span: SpanDetail; trace: Trace }) {
  const dropped = span.dropped_attributes + span.dropped_events + span.dropped_links;
  return (
    <>
      <p className={css.badges}>
        <Badge>{span.kind}</Badge>
        <Badge tone={span.status_code === 'error' ? 'error' : span.status_code === 'ok' ? 'good' : 'plain'}>{span.status_code === 'unset' ? 'no status' : span.status_code}</Badge>
        {span.observed != null && <span className={css.note}>{`received ${afterStart(span.observed, trace.start)}`}</span>}
      </p>
      {span.status_message != null && <p className={css.message}>{span.status_message}</p>}
      {dropped > 0 && <p className={css.warning}>{`The exporter left out ${exact(dropped)} attributes, events and links.`}</p>}
      <Attributes title="Attributes" attributes={span.attributes} isOpen />
      <Events events={span.events} traceStart={trace.start} />
      <Links links={span.links} />
      <Attributes title="Resource" attributes={span.resource.attributes} />
      <Attributes title={`Scope${span.scope.name == null ? '' : ` ${span.scope.name} ${span.scope.version ?? ''}`}`} attributes={span.scope.attributes} isWithoutFilter />
      <Attributes title="What no column holds" attributes={span.residue} isWithoutFilter />
    </>
  );
}
