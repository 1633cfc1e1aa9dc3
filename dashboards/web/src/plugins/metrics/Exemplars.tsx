// Single measurements, each with the trace it was made in.

import { Link } from '@tanstack/react-router';
import { queries } from '../../api/client';
import type { Exemplar } from '../../api/schema';
import { Button } from '../../components/Button';
import { DataTable, type Column } from '../../components/DataTable';
import { Panel } from '../../components/Page';
import { Answer, Empty } from '../../components/states';
import { exact, format, type Unit } from '../../format/number';
import { useRange } from '../../range/useRange';
import { traceLink } from '../../shell/link';
import { valueUnit } from './measures';
import type { MetricViewProps } from './MetricView';
import css from './metrics.module.css';

const EXEMPLARS_MAX = 500;
const HEIGHT = 260;

/** The newest of the range that the filter lets through; the chart and the table ask once. */
export function useExemplars(name: string, { filter, type, min, max }: MetricViewProps['search'], enabled = true) {
  const { query: range, live } = useRange();
  return queries.useQuery(
    'get',
    '/api/v1/apm/metrics/{name}/exemplars',
    { params: { path: { name }, query: { ...range, filter, type, min, max, limit: EXEMPLARS_MAX } } },
    { ...live, enabled },
  );
}

export function Exemplars({ name, search, onChange, unit }: MetricViewProps & { unit: string | null | undefined }) {
  const answer = useExemplars(name, search);
  const { min, max } = search;
  const values = valueUnit(name, unit);
  const bounds = min === undefined && max === undefined ? undefined : `${format(min, values)} – ${format(max, values)}`;
  return (
    <Panel
      title="Exemplars"
      isFlush
      actions={
        bounds !== undefined && (
          <Button kind="quiet" icon="close" aria-label={`Not only ${bounds}`} onPress={() => { onChange({ min: undefined, max: undefined }); }}>
            {bounds}
          </Button>
        )
      }
    >
      <Answer query={answer} height={120} isEmpty={({ exemplars }) => exemplars.length === 0} empty={<NoExemplars isBounded={bounds !== undefined} />}>
        {({ exemplars, is_truncated }) => (
          <div>
            {is_truncated && <p className={css.note}>The newest {exact(EXEMPLARS_MAX)}. Zoom in for older ones.</p>}
            <DataTable
              label="Exemplars"
              rows={exemplars}
              columns={columnsOf(values)}
              keyOf={(exemplar) => `${exemplar.time} ${exemplar.span_id ?? ''} ${exemplar.value ?? ''} ${JSON.stringify(exemplar.labels)}`}
              height={Math.min(HEIGHT, (exemplars.length + 1) * 32 + 4)}
              linkOf={({ trace_id, span_id }) => (trace_id == null ? undefined : traceLink(trace_id, span_id))}
            />
          </div>
        )}
      </Answer>
    </Panel>
  );
}

function columnsOf(unit: Unit): Column<Exemplar>[] {
  return [
    { id: 'time', name: 'Time', unit: 'time', value: (exemplar) => exemplar.time, width: '110px' },
    { id: 'value', name: 'Value', unit, value: (exemplar) => exemplar.value, width: '100px' },
    { id: 'service', name: 'Service', value: (exemplar) => exemplar.service, width: 'minmax(110px, 1fr)', render: ({ service }) => (service == null ? '–' : <Link to="/services/$name" params={{ name: service }}>{service}</Link>) },
    { id: 'labels', name: 'Labels', value: (exemplar) => labelsOf(exemplar), width: 'minmax(200px, 4fr)', render: (exemplar) => <span className={css.muted} title={labelsOf(exemplar)}>{labelsOf(exemplar)}</span> },
  ];
}

function labelsOf({ labels }: Exemplar): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join('  ');
}

function NoExemplars({ isBounded }: { isBounded: boolean }) {
  return (
    <Empty title={isBounded ? 'No exemplar has such a value' : 'No exemplars in this range'} height={100}>
      {!isBounded && 'SDKs send them with measurements that are made inside a span that is sampled.'}
    </Empty>
  );
}
