// What is known of the node in focus, and where it leads.

import { Link } from '@tanstack/react-router';
import type { MapEdge, ServiceMap } from '../../api/schema';
import { Button } from '../../components/Button';
import { Panel } from '../../components/Page';
import { format } from '../../format/number';
import { ErrorShare } from '../apm/measures';
import { callsLink } from './callsLink';
import { KindSign } from './KindSign';
import css from './map.module.css';
import { titleOf } from './titleOf';

interface NodeDetailsProps {
  map: ServiceMap;
  id: string;
  onClose: () => void;
}

export function NodeDetails({ map, id, onClose }: NodeDetailsProps) {
  const node = map.nodes.find((each) => each.id === id || each.id === `service:${id}`);
  if (node === undefined) return null;
  const calls = map.edges.filter(({ source }) => source === node.id);
  return (
    <aside aria-label={titleOf(node)}>
      <Panel isFlush>
        <header className={css.detailsHead}>
          <KindSign kind={node.kind} />
          <h2>{titleOf(node)}</h2>
          <span className={css.muted}>{node.system ?? node.kind}</span>
          <Button kind="quiet" icon="close" aria-label="Show everything" onPress={onClose} />
        </header>
        <dl className={css.figures}>
          <dt>Calls to it</dt>
          <dd>{format(node.calls_per_second, 'per_second')}</dd>
          {node.calls_from_outside > 0 && (
            <>
              <dt>Of these from outside</dt>
              <dd>{format(node.calls_from_outside, 'count')}</dd>
            </>
          )}
          <dt>Errors</dt>
          <dd>
            <ErrorShare share={node.error_share} />
          </dd>
          <dt>p50, p95, p99</dt>
          <dd>{[node.latency.p50_ms, node.latency.p95_ms, node.latency.p99_ms].map((each) => format(each, 'ms')).join(', ')}</dd>
        </dl>
        {node.kind === 'service' && (
          <div className={css.leads}>
            <Link to="/services/$name" params={{ name: node.name }}>
              Open the service
            </Link>
            <Link to="/traces" search={{ service: node.name }}>
              Traces
            </Link>
            <Link to="/traces" search={{ service: node.name, status: 'error' }}>
              Failed ones
            </Link>
          </div>
        )}
        {calls.length > 0 && <Calls map={map} calls={calls} />}
      </Panel>
    </aside>
  );
}

function Calls({ map, calls }: { map: ServiceMap; calls: MapEdge[] }) {
  const names = new Map(map.nodes.map(({ id, name }) => [id, name]));
  return (
    <section className={css.calls} aria-label="What it calls">
      <h3>What it calls</h3>
      <ul>
        {calls.map((edge) => (
          <li key={edge.target}>
            <Link {...callsLink(map, edge)}>{names.get(edge.target) ?? edge.target}</Link>
            <span className={css.muted}>
              {format(edge.calls_per_second, 'per_second')} · <ErrorShare share={edge.error_share} /> · {format(edge.latency.p95_ms, 'ms')}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
