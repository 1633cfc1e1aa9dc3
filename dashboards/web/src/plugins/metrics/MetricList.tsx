// Metrics that were sent in the range, by name.

import { Link } from '@tanstack/react-router';
import { queries } from '../../api/client';
import type { MetricSummary } from '../../api/schema';
import { Button } from '../../components/Button';
import { DataTable, type Column } from '../../components/DataTable';
import { Select, TextField } from '../../components/fields';
import { Page, Panel } from '../../components/Page';
import { Answer, Empty } from '../../components/states';
import { ago } from '../../format/time';
import { useRange } from '../../range/useRange';
import { unitWord } from './measures';
import css from './metrics.module.css';
import { filterOf, TYPES, type MetricSearch } from './search';

const HEIGHT = 640;
const TYPE_CHOICES = [{ value: 'any', name: 'Any type' }, ...TYPES.map((value) => ({ value, name: value.replace('_', ' ') }))] as const;

const columns: Column<MetricSummary>[] = [
  { id: 'name', name: 'Metric', value: (metric) => metric.name, width: 'minmax(220px, 2fr)' },
  { id: 'type', name: 'Type', value: (metric) => metric.type.replace('_', ' '), width: '160px' },
  { id: 'unit', name: 'Unit', value: (metric) => unitWord(metric.unit), width: '120px' },
  { id: 'series', name: 'Series', unit: 'count', value: (metric) => metric.series, width: '84px' },
  { id: 'services', name: 'Services', value: (metric) => servicesOf(metric), width: 'minmax(160px, 2fr)', render: (metric) => <span title={metric.services.join(', ')}>{servicesOf(metric)}</span> },
  { id: 'description', name: 'Description', value: (metric) => metric.description, width: 'minmax(160px, 2fr)', render: (metric) => <span className={css.muted} title={metric.description ?? undefined}>{metric.description ?? '–'}</span> },
  { id: 'seen', name: 'Last seen', unit: 'time', value: (metric) => metric.last_seen, width: '110px', render: (metric) => ago(metric.last_seen) },
];

function servicesOf({ services, service_count }: MetricSummary): string {
  const [first = '–'] = services;
  return service_count > 1 ? `${first} and ${service_count - 1} more` : first;
}

interface MetricListProps {
  search: MetricSearch;
  onChange: (changes: MetricSearch, replace?: boolean) => void;
}

export function MetricList({ search, onChange }: MetricListProps) {
  const { query: range, live } = useRange();
  const { text = '', service, type } = search;
  const answer = queries.useQuery('get', '/api/v1/apm/metrics', { params: { query: { ...range, service, type } } }, live);
  const matching = (metrics: MetricSummary[]) => metrics.filter(({ name, description }) => `${name} ${description ?? ''}`.toLowerCase().includes(text.toLowerCase()));
  return (
    <Page
      title="Metrics"
      actions={
        <>
          {service !== undefined && (
            <Button icon="close" aria-label={`Not only metrics of ${service}`} onPress={() => { onChange({ service: undefined }); }}>
              {service}
            </Button>
          )}
          <div className={css.type}>
            <Select
              label="Type"
              isLabelHidden
              value={type ?? 'any'}
              choices={TYPE_CHOICES}
              onChange={(chosen) => { onChange({ type: chosen === 'any' ? undefined : chosen }); }}
            />
          </div>
          <div className={css.words}>
            <TextField
              aria-label="Only metrics with this in their name or description"
              placeholder="Filter by name"
              value={text}
              onChange={(words) => { onChange({ text: words === '' ? undefined : words }, true); }}
            />
          </div>
        </>
      }
    >
      <Panel isFlush>
        <Answer query={answer} height={HEIGHT} isEmpty={({ metrics }) => matching(metrics).length === 0} empty={<NoMetrics isFiltered={text !== '' || service !== undefined || type !== undefined} />}>
          {({ metrics, is_truncated }) => (
            <div>
              {is_truncated && <p className={css.note}>There are more metrics than these; choose a service or a type.</p>}
              <DataTable
                label="Metrics"
                rows={matching(metrics)}
                columns={columns}
                keyOf={(metric) => `${metric.name} ${metric.type} ${metric.unit ?? ''} ${metric.temporality ?? ''} ${String(metric.monotonic)}`}
                height={Math.min(HEIGHT, (matching(metrics).length + 1) * 32 + 4)}
                linkOf={(metric) => linkOf(metric, metrics, service)}
              />
            </div>
          )}
        </Answer>
      </Panel>
    </Page>
  );
}

/** Only a name that is sent as several types needs one. Who looks at one service goes on to look at it. */
function linkOf({ name, type }: MetricSummary, all: readonly MetricSummary[], service: string | undefined) {
  const isOne = all.every((other) => other.name !== name || other.type === type);
  const filter = service === undefined ? undefined : filterOf([{ key: 'service.name', value: service }]);
  return { to: '/metrics' as const, search: { metric: name, service, filter, type: isOne ? undefined : TYPES.find((each) => each === type) } };
}

function NoMetrics({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) return <Empty title="No metric is like that" height={240}><Link to="/metrics">List all metrics</Link></Empty>;
  return (
    <Empty title="No metric was sent in this range" height={240}>
      Choose a longer range, or <Link to="/start">send telemetry</Link>.
    </Empty>
  );
}
