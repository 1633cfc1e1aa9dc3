// Tables of one service: by operation, error, peer, version and instance.

import { queries } from '../../api/client';
import type { ErrorGroup, ServiceDetails, ServiceInstance, ServiceOperation, ServicePeer, ServiceVersion } from '../../api/schema';
import { DataTable, type Column } from '../../components/DataTable';
import { Answer, Empty } from '../../components/states';
import { ago } from '../../format/time';
import { useRange } from '../../range/useRange';
import type { PageLink } from '../../shell/link';
import { oneOf } from '../../shell/search';
import { KINDS } from '../traces/spanSearch';
import css from './apm.module.css';
import { callColumns, requestColumns } from './measures';

const operationColumns: Column<ServiceOperation>[] = [
  { id: 'name', name: 'Operation', value: (operation) => operation.name, width: 'minmax(200px, 3fr)' },
  { id: 'kind', name: 'Kind', value: (operation) => operation.kind, width: '90px' },
  ...requestColumns<ServiceOperation>(),
];

export function Operations({ service, operations }: { service: string; operations: ServiceOperation[] }) {
  if (operations.length === 0) return <Empty title="No spans in this range" height={160} />;
  return (
    <DataTable
      label="Operations"
      rows={operations}
      columns={operationColumns}
      keyOf={(operation) => `${operation.kind} ${operation.name}`}
      linkOf={({ name, kind }) => ({ to: '/traces', search: { service, operation: name, kind: oneOf(kind, KINDS) } })}
    />
  );
}

const errorColumns: Column<ErrorGroup>[] = [
  { id: 'type', name: 'Type', value: (group) => group.type, width: 'minmax(140px, 2fr)' },
  { id: 'pattern', name: 'Message', value: (group) => group.pattern, width: 'minmax(220px, 3fr)', render: (group) => <span className={css.message}>{group.pattern ?? '–'}</span> },
  { id: 'operation', name: 'Last in', value: (group) => group.last.operation, width: 'minmax(120px, 2fr)' },
  { id: 'count', name: 'Count', unit: 'count', value: (group) => group.count },
  { id: 'seen', name: 'Last seen', unit: 'time', value: (group) => group.last_seen, render: (group) => ago(group.last_seen), width: '110px' },
];

export function ServiceErrors({ name }: { name: string }) {
  const { query: range, live } = useRange();
  const errors = queries.useQuery('get', '/api/v1/apm/services/{name}/errors', { params: { path: { name }, query: range } }, live);
  return (
    <Answer query={errors} height={160} isEmpty={(answer) => answer.groups.length === 0} empty={<Empty title="No errors in this range" height={160} />}>
      {(answer) => (
        <DataTable
          label="Errors"
          rows={answer.groups}
          columns={errorColumns}
          keyOf={(group) => `${group.type ?? ''} ${group.pattern ?? ''}`}
          linkOf={({ last }) => ({ to: '/traces/$id', params: { id: last.trace_id }, search: { span: last.span_id } })}
        />
      )}
    </Answer>
  );
}

const peerColumns: Column<ServicePeer>[] = [
  { id: 'name', name: 'Name', value: (peer) => peer.name, render: (peer) => peer.name ?? <span className={css.muted}>not known</span> },
  { id: 'direction', name: 'Direction', value: (peer) => (peer.direction === 'in' ? 'calls it' : 'is called'), width: '100px' },
  { id: 'kind', name: 'Kind', value: (peer) => peer.system ?? peer.kind, width: '110px' },
  ...callColumns<ServicePeer>(),
];

export function Peers({ peers }: { peers: ServicePeer[] }) {
  if (peers.length === 0) return <Empty title="It calls nobody, and nobody calls it" height={160} />;
  return (
    <DataTable
      label="Callers and callees"
      rows={peers}
      columns={peerColumns}
      keyOf={(peer) => `${peer.direction} ${peer.kind} ${peer.name ?? ''}`}
      linkOf={(peer) => (peer.kind === 'service' && peer.name != null ? { to: '/services/$name', params: { name: peer.name } } : undefined)}
    />
  );
}

type VersionOrInstance = ServiceVersion & ServiceInstance;

const versionColumns: Column<VersionOrInstance>[] = [
  { id: 'what', name: 'Version or instance', value: (row) => row.version ?? row.id ?? row.pod ?? row.host, width: 'minmax(200px, 3fr)' },
  { id: 'host', name: 'Host', value: (row) => row.host, width: 'minmax(100px, 2fr)' },
  ...requestColumns<VersionOrInstance>(),
];

/** Traces that this version answered, or this instance. */
function tracesOf(service: string, { version, id, pod, host }: VersionOrInstance): PageLink {
  if (version != null) return { to: '/traces', search: { service, version } };
  if (id == null && pod == null) return { to: '/traces', search: { service, host: host ?? undefined } };
  const attributes = id == null ? { 'k8s.pod.name': pod } : { 'service.instance.id': id };
  return { to: '/traces', search: { service, attributes: JSON.stringify(attributes) } };
}

export function Versions({ service }: { service: ServiceDetails }) {
  const rows: VersionOrInstance[] = [...service.versions, ...service.instances];
  if (rows.length === 0) return <Empty title="It names neither versions nor instances" height={160} />;
  return <DataTable label="Versions and instances" rows={rows} columns={versionColumns} keyOf={(row) => `${row.version ?? ''} ${row.id ?? ''} ${row.host ?? ''}`} linkOf={(row) => tracesOf(service.name, row)} />;
}
