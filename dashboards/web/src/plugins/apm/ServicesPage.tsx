// All services that were heard of in the range, with what their callers feel of them.

import { getRouteApi, Link } from '@tanstack/react-router';
import { queries } from '../../api/client';
import type { ServiceSummary } from '../../api/schema';
import { DataTable, type Column } from '../../components/DataTable';
import { Page, Panel } from '../../components/Page';
import { Answer, Empty } from '../../components/states';
import { TextField } from '../../components/fields';
import { ago } from '../../format/time';
import { useRange } from '../../range/useRange';
import css from './apm.module.css';
import { requestColumns } from './measures';

const route = getRouteApi('/app/services');

const columns: Column<ServiceSummary>[] = [
  { id: 'name', name: 'Service', value: (service) => service.name, width: 'minmax(160px, 2fr)' },
  ...requestColumns<ServiceSummary>(),
  { id: 'version', name: 'Version', value: (service) => service.versions[0], width: 'minmax(90px, 1fr)' },
  { id: 'language', name: 'Language', value: (service) => service.languages.join(', '), width: 'minmax(90px, 1fr)' },
  { id: 'seen', name: 'Last seen', unit: 'time', value: (service) => service.last_seen, render: (service) => ago(service.last_seen), width: '110px' },
];

export function ServicesPage() {
  const { query: range, live } = useRange();
  const { text } = route.useSearch();
  const navigate = route.useNavigate();
  const services = queries.useQuery('get', '/api/v1/apm/services', { params: { query: range } }, live);
  const filter = (words: string) => void navigate({ search: (search) => ({ ...search, text: words === '' ? undefined : words }), replace: true });
  const matching = (all: ServiceSummary[]) => all.filter((service) => service.name.toLowerCase().includes((text ?? '').toLowerCase()));

  return (
    <Page
      title="Services"
      actions={
        <div className={css.filter}>
          <TextField aria-label="Only services with this in their name" placeholder="Filter by name" value={text ?? ''} onChange={filter} />
        </div>
      }
    >
      <Panel isFlush>
        <Answer query={services} height={400} isEmpty={(answer) => answer.services.length === 0} empty={<NoServices />}>
          {(answer) => (
            <DataTable
              label="Services"
              rows={matching(answer.services)}
              columns={columns}
              keyOf={(service) => service.name}
              linkOf={(service) => ({ to: '/services/$name', params: { name: service.name } })}
            />
          )}
        </Answer>
      </Panel>
    </Page>
  );
}

function NoServices() {
  return (
    <Empty title="No service was heard of in this range" height={240}>
      Choose a longer range, or <Link to="/start">send telemetry</Link>.
    </Empty>
  );
}
