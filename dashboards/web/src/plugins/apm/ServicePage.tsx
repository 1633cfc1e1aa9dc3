// One service: how it does over time, and what of it does so.

import { getRouteApi, Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { queries } from '../../api/client';
import type { ServiceDetails } from '../../api/schema';
import { Chart } from '../../components/chart/Chart';
import { Grid, Page, Panel } from '../../components/Page';
import { Stat, Stats } from '../../components/Stat';
import { Answer } from '../../components/states';
import { Tabs } from '../../components/Tabs';
import { millis } from '../../format/time';
import { useRange } from '../../range/useRange';
import css from './apm.module.css';
import { isWrong } from './measures';
import { Operations, Peers, ServiceErrors, Versions } from './serviceParts';

const route = getRouteApi('/app/services/$name');

export function ServicePage() {
  const { name } = route.useParams();
  const { query: range, live } = useRange();
  const details = queries.useQuery('get', '/api/v1/apm/services/{name}', { params: { path: { name }, query: { ...range, compare: true } } }, live);
  return (
    <Page
      title={name}
      parent={<Link to="/services">Services</Link>}
      actions={
        <nav className={css.links} aria-label={`More of ${name}`}>
          <Link to="/traces" search={{ service: name }}>
            Traces
          </Link>
          <Link to="/logs" search={{ service: name }}>
            Logs
          </Link>
          <Link to="/metrics" search={{ service: name }}>
            Metrics
          </Link>
          <Link to="/map" search={{ node: `service:${name}` }}>
            On the map
          </Link>
        </nav>
      }
    >
      <Answer query={details} height={640}>
        {(service) => <Service service={service} />}
      </Answer>
    </Page>
  );
}

function Service({ service }: { service: ServiceDetails }) {
  return (
    <>
      <Figures service={service} />
      <OverTime service={service} />
      <Parts service={service} />
    </>
  );
}

function Figures({ service: { now, before } }: { service: ServiceDetails }) {
  return (
    <Stats>
      <Stat label="Requests" value={now.rate_per_second} before={before?.rate_per_second} unit="per_second" />
      <Stat label="Errors" value={now.error_share} before={before?.error_share} unit="share" better="lower" isWrong={isWrong(now.error_share)} />
      <Stat label="p50" value={now.latency.p50_ms} before={before?.latency.p50_ms} unit="ms" better="lower" />
      <Stat label="p95" value={now.latency.p95_ms} before={before?.latency.p95_ms} unit="ms" better="lower" />
      <Stat label="p99" value={now.latency.p99_ms} before={before?.latency.p99_ms} unit="ms" better="lower" />
      <Stat label="Apdex" value={now.apdex} before={before?.apdex} unit="number" better="higher" />
    </Stats>
  );
}

function OverTime({ service }: { service: ServiceDetails }) {
  const { zoom } = useRange();
  const { times, requests, latency } = useMemo(() => seriesOf(service), [service]);
  const shared = { times, from: millis(service.from), to: millis(service.to), sync: 'service', onZoom: zoom };
  return (
    <Grid>
      <Panel>
        <Chart title="Requests" series={requests} unit="count" isStacked {...shared} />
      </Panel>
      <Panel>
        <Chart title="Latency" series={latency} unit="ms" {...shared} />
      </Panel>
    </Grid>
  );
}

function seriesOf({ over_time: buckets }: ServiceDetails) {
  return {
    times: buckets.map((bucket) => millis(bucket.start)),
    requests: [
      { name: 'fine', kind: 'bars' as const, values: buckets.map((bucket) => bucket.requests - bucket.errors), colour: '--series-1' },
      { name: 'failed', kind: 'bars' as const, values: buckets.map((bucket) => bucket.errors), colour: '--error' },
    ],
    latency: [
      { name: 'p50', values: buckets.map((bucket) => bucket.latency.p50_ms ?? null) },
      { name: 'p95', values: buckets.map((bucket) => bucket.latency.p95_ms ?? null) },
      { name: 'p99', values: buckets.map((bucket) => bucket.latency.p99_ms ?? null) },
    ],
  };
}

function Parts({ service }: { service: ServiceDetails }) {
  const { tab = 'operations' } = route.useSearch();
  const navigate = route.useNavigate();
  const peers = [...service.callers, ...service.callees, ...service.databases, ...service.queues];
  const tabs = [
    { id: 'operations', name: 'Operations', count: service.operations.length },
    { id: 'errors', name: 'Errors' },
    { id: 'peers', name: 'Callers and callees', count: peers.length },
    { id: 'versions', name: 'Versions and instances', count: service.versions.length + service.instances.length },
  ] as const;
  return (
    <Panel isFlush>
      <Tabs label={`Parts of ${service.name}`} tabs={tabs} selected={tab} onSelect={(next) => void navigate({ search: (search) => ({ ...search, tab: next }) })}>
        {tab === 'operations' && <Operations service={service.name} operations={service.operations} />}
        {tab === 'errors' && <ServiceErrors name={service.name} />}
        {tab === 'peers' && <Peers peers={peers} />}
        {tab === 'versions' && <Versions service={service} />}
      </Tabs>
    </Panel>
  );
}
