// The first minutes: a key, what to paste into an exporter, and the first telemetry appearing by itself.

import { useMutation } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { api, queries } from '../../api/client';
import { Button } from '../../components/Button';
import { DataTable, type Column } from '../../components/DataTable';
import { Page, Panel } from '../../components/Page';
import { Snippet } from '../../components/Snippet';
import { Answer, Failed } from '../../components/states';
import { Tabs } from '../../components/Tabs';
import type { ServiceSummary } from '../../api/schema';
import { ago } from '../../format/time';
import { useMay } from '../../shell/me';
import { Demo } from './Demo';
import { EXPORTERS, exporterText, type Exporter } from './exporters';
import css from './StartPage.module.css';

const LOOK_EVERY_MS = 2000;
const PLACEHOLDER = '<key>';

export function StartPage() {
  const [key, setKey] = useState<string | undefined>();
  return (
    <Page title="Send telemetry">
      <ol className={css.steps}>
        <li>
          <Panel title="1. A key">
            <MakeKey made={key} onMade={setKey} />
          </Panel>
        </li>
        <li>
          <Panel title="2. Point an exporter here">
            <Exporters apiKey={key ?? PLACEHOLDER} />
          </Panel>
        </li>
        <li>
          <Panel title="Or nothing to send yet?">
            <Demo />
          </Panel>
        </li>
        <li>
          <Panel title="3. See it arrive" isFlush>
            <Arriving />
          </Panel>
        </li>
      </ol>
    </Page>
  );
}

function MakeKey({ made, onMade }: { made: string | undefined; onMade: (key: string) => void }) {
  const mayMake = useMay('hub:keys:write');
  const make = useMutation({
    mutationFn: async () => {
      const { data } = await api.POST('/api/v1/hub/keys', { body: { name: 'collector', roles: ['exporter'] } });
      if (data !== undefined) onMade(data.key);
    },
  });
  if (made !== undefined) {
    return (
      <>
        <p className={css.text}>It writes telemetry and reads nothing. It is told once: it stands in the commands below until you leave this page.</p>
        <Snippet label="Key" text={made} />
      </>
    );
  }
  return (
    <>
      <p className={css.text}>Exporters send a key with all they say. A key for that writes telemetry and reads nothing.</p>
      {make.isError && <Failed error={make.error} />}
      {mayMake ? (
        <Button kind="primary" isPending={make.isPending} onPress={() => { make.mutate(); }}>
          Make a key
        </Button>
      ) : (
        <p className={css.text}>Ask somebody who manages keys for one, or sign in as one of them.</p>
      )}
    </>
  );
}

function Exporters({ apiKey }: { apiKey: string }) {
  const [exporter, setExporter] = useState<Exporter>('environment');
  const host = window.location.hostname;
  return (
    <>
      <div className={css.exporters}>
        <Tabs label="How it is sent" tabs={EXPORTERS} selected={exporter} onSelect={setExporter}>
          <div className={css.snippet}>
            <Snippet label="Settings of the exporter" text={exporterText(exporter, host, apiKey)} />
          </div>
        </Tabs>
      </div>
    </>
  );
}

const columns: Column<ServiceSummary>[] = [
  { id: 'name', name: 'Service', value: (service) => service.name },
  { id: 'language', name: 'Language', value: (service) => service.languages.join(', ') },
  { id: 'requests', name: 'Requests', unit: 'count', value: (service) => service.requests },
  { id: 'seen', name: 'Last seen', unit: 'time', value: (service) => service.last_seen, render: (service) => ago(service.last_seen) },
];

function Arriving() {
  const services = queries.useQuery('get', '/api/v1/apm/services', { params: { query: { from: 'now-1h' } } }, { refetchInterval: LOOK_EVERY_MS, staleTime: 0 });
  return (
    <Answer query={services} height={120} isEmpty={(answer) => answer.services.length === 0} empty={<Waiting />}>
      {(answer) => (
        <>
          <p className={css.arrived} role="status">
            Heard of {answer.services.length} {answer.services.length === 1 ? 'service' : 'services'} in the last hour. <Link to="/">Go to the overview</Link>
          </p>
          <DataTable
            label="Services that were heard of"
            rows={answer.services}
            columns={columns}
            keyOf={(service) => service.name}
            linkOf={(service) => ({ to: '/services/$name', params: { name: service.name } })}
          />
        </>
      )}
    </Answer>
  );
}

function Waiting() {
  return (
    <p className={css.waiting} role="status">
      <span className={css.pulse} aria-hidden="true" />
      Waiting for the first telemetry. This page looks every two seconds.
    </p>
  );
}
