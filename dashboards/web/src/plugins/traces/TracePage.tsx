// One trace: what it took and where the time went, its spans in several views, and everything about one of them beside it.

import { getRouteApi, Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import type { Trace, TraceNode } from '../../api/schema';
import { Button } from '../../components/Button';
import { Page, Panel } from '../../components/Page';
import { Answer } from '../../components/states';
import { Tabs } from '../../components/Tabs';
import { exact } from '../../format/number';
import { Flame } from './Flame';
import { serviceColours } from './serviceColours';
import { SpanDetails } from './SpanDetails';
import { SpanTable } from './SpanTable';
import css from './TracePage.module.css';
import { Faults, Summary } from './TraceSummary';
import { TraceLogs } from './TraceLogs';
import { parsePart, writePart, type Part, type TracePageSearch } from './traceSearch';
import { useTrace } from './useTrace';
import { Waterfall } from './Waterfall';

const route = getRouteApi('/app/traces/$id');

export function TracePage() {
  const { id } = route.useParams();
  const trace = useTrace(id);
  const root = trace.nodes[0];
  const title = root === undefined ? `Trace ${id.slice(0, 8)}` : root.name;
  return (
    <Page
      title={title}
      parent={<Link to="/traces">Traces</Link>}
      actions={<Button kind="quiet" icon="refresh" aria-label="Read the trace again" onPress={() => void trace.query.refetch()} />}
    >
      <Answer query={trace.query} height={640}>
        {(head) => (
          <>
            <Summary trace={head} />
            <Faults trace={head} />
            {!trace.isWhole && <Progress loaded={trace.nodes.length} all={head.spans} isStopped={trace.isStopped} onStop={trace.stop} onGo={trace.go} />}
            <Spans key={head.trace_id} trace={head} nodes={trace.nodes} />
          </>
        )}
      </Answer>
    </Page>
  );
}

interface ProgressProps {
  loaded: number;
  all: number;
  isStopped: boolean;
  onStop: () => void;
  onGo: () => void;
}

function Progress({ loaded, all, isStopped, onStop, onGo }: ProgressProps) {
  return (
    <div className={css.progress} role="status">
      <span className={css.progressBar} style={{ width: `${(100 * loaded) / Math.max(1, all)}%` }} />
      <span>{`${exact(loaded)} of ${exact(all)} spans are here${isStopped ? '.' : '; the others follow.'}`}</span>
      {isStopped ? <Button onPress={onGo}>Go on</Button> : <Button onPress={onStop}>Stop</Button>}
    </div>
  );
}

function Spans({ trace, nodes }: { trace: Trace; nodes: readonly TraceNode[] }) {
  const { span, view = 'waterfall', part: said } = route.useSearch();
  const navigate = route.useNavigate();
  const colours = useMemo(() => serviceColours(trace.services.map(({ service }) => service)), [trace.services]);
  const part = useMemo(() => parsePart(said), [said]);
  const places = useMemo(() => placesOf(nodes), [nodes]);
  const selected = span === undefined ? undefined : places.get(span);
  const change = (next: Partial<TracePageSearch>, replace = false) => void navigate({ search: (before) => ({ ...before, ...next }), replace, resetScroll: false });
  const select = (node: number) => {
    // Walking through spans is one step of the history.
    change({ span: nodes[node]?.span_id }, span !== undefined);
  };
  const zoom = (next: Part | undefined) => {
    change({ part: next === undefined ? undefined : writePart(next) });
  };
  const shared = { trace, nodes, colours, selected, onSelect: select };
  return (
    <div className={css.spans} data-open={span !== undefined}>
      <Panel isFlush>
        <Tabs
          label="Views of the trace"
          tabs={[
            { id: 'waterfall', name: 'Waterfall' },
            { id: 'flame', name: 'Flame' },
            { id: 'spans', name: 'Spans', count: trace.spans },
            { id: 'logs', name: 'Logs', count: trace.logs },
          ]}
          selected={view}
          onSelect={(next) => {
            change({ view: next });
          }}
        >
          {view === 'waterfall' && <Waterfall {...shared} part={part} onZoom={zoom} />}
          {view === 'flame' && <Flame {...shared} />}
          {view === 'spans' && <SpanTable {...shared} />}
          {view === 'logs' && <TraceLogs {...shared} />}
        </Tabs>
      </Panel>
      {span !== undefined && (
        <SpanDetails
          key={span}
          trace={trace}
          spanId={span}
          node={selected === undefined ? undefined : nodes[selected]}
          colours={colours}
          onClose={() => {
            change({ span: undefined });
          }}
        />
      )}
    </div>
  );
}

/** Where each span stands; of several with one id the first. */
function placesOf(nodes: readonly TraceNode[]): Map<string, number> {
  const places = new Map<string, number>();
  for (const node of nodes) if (!places.has(node.span_id)) places.set(node.span_id, node.index);
  return places;
}

/** What the views of a trace are given. */
export interface ViewProps {
  trace: Trace;
  nodes: readonly TraceNode[];
  colours: ReadonlyMap<string, string>;
  /** The place of the span that is looked at. */
  selected: number | undefined;
  onSelect: (node: number) => void;
}
