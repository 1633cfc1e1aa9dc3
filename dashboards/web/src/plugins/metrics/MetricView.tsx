// One metric: what it is made of at the left; over time, by size, and single measurements at the right.

import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { queries } from '../../api/client';
import type { MetricLabels } from '../../api/schema';
import { Badge } from '../../components/Badge';
import { Facets } from '../../components/Facets';
import { FilterBar } from '../../components/FilterBar';
import { toggled } from '../../components/filters';
import { Page, Panel } from '../../components/Page';
import { Sided } from '../../components/Sided';
import { Answer, Empty } from '../../components/states';
import { Toggle } from '../../components/Toggle';
import { exact } from '../../format/number';
import { useRange } from '../../range/useRange';
import { Controls } from './Controls';
import { Exemplars } from './Exemplars';
import { isHistogram, unitWord } from './measures';
import { MetricChart } from './MetricChart';
import { MetricHeatMap } from './MetricHeatMap';
import css from './metrics.module.css';
import { chipsOf, filterOf, labelsOf, toggledLabel, type MetricSearch } from './search';

const HEIGHT = 560;
/** The API knows no `!=` of labels. */
const isNegatable = () => false;

export interface MetricViewProps {
  name: string;
  search: MetricSearch;
  onChange: (changes: MetricSearch, replace?: boolean) => void;
}

export function MetricView({ name, search, onChange }: MetricViewProps) {
  const { query: range, live } = useRange();
  const { filter, type, service } = search;
  const answer = queries.useQuery('get', '/api/v1/apm/metrics/{name}', { params: { path: { name }, query: { ...range, filter, type } } }, live);
  return (
    <Page title={name} parent={<Link to="/metrics" search={{ service }}>Metrics</Link>}>
      <Answer query={answer} height={HEIGHT}>
        {(metric) => <Metric metric={metric} name={name} search={search} onChange={onChange} />}
      </Answer>
    </Page>
  );
}

function Metric({ metric, name, search, onChange }: MetricViewProps & { metric: MetricLabels }) {
  const parts = { name, search, onChange };
  const [sent] = metric.sent;
  const completions = useMemo(() => completionsOf(metric), [metric]);
  return (
    <>
      <About metric={metric} />
      <FilterBar
        label="Filters by label"
        filters={chipsOf(search.filter)}
        canNegate={isNegatable}
        completions={completions}
        onChange={(chips) => { onChange({ filter: filterOf(chips) }); }}
      />
      {sent === undefined ? (
        <Empty title="No points like these in this range" height={240}>
          Choose a longer range, or take a filter away.
        </Empty>
      ) : (
        <Sided label="Labels" side={<Labels metric={metric} search={search} onChange={onChange} />}>
          <Panel>
            <Controls metric={metric} search={search} onChange={onChange} />
            <MetricChart {...parts} sent={sent} />
          </Panel>
          {metric.sent.every(isHistogram) && (
            <Panel>
              <MetricHeatMap {...parts} unit={sent.unit} />
            </Panel>
          )}
          <Exemplars {...parts} unit={sent.unit} />
        </Sided>
      )}
    </>
  );
}

/** The ways in which it is sent, and by how much. */
function About({ metric }: { metric: MetricLabels }) {
  const { query: range } = useRange();
  const list = queries.useQuery('get', '/api/v1/apm/metrics', { params: { query: { ...range, text: metric.name } } });
  const told = list.data?.metrics.find((each) => each.name === metric.name);
  return (
    <div className={css.about}>
      {metric.sent.map(({ type, temporality, monotonic, unit }) => (
        <Badge key={`${type} ${temporality ?? ''} ${String(monotonic)} ${unit ?? ''}`}>
          {[temporality, type.replace('_', ' '), monotonic === true ? 'that only grows,' : undefined, unitWord(unit) === undefined ? undefined : `in ${unitWord(unit) ?? ''}`].filter(Boolean).join(' ')}
        </Badge>
      ))}
      <span>{exact(metric.cardinality)} series</span>
      {told?.services.slice(0, 4).map((service) => (
        <Link key={service} to="/services/$name" params={{ name: service }}>
          {service}
        </Link>
      ))}
      {told !== undefined && told.service_count > 4 && <span>and {told.service_count - 4} more</span>}
      <p className={css.description}>{told?.description ?? ''}</p>
    </div>
  );
}

function Labels({ metric, search, onChange }: Pick<MetricViewProps, 'search' | 'onChange'> & { metric: MetricLabels }) {
  const { filter, by } = search;
  const selected = Object.fromEntries(chipsOf(filter).map(({ key, value }) => [key, [value]]));
  // Of what is said with each point first: it tells more than who sends it.
  const labels = [...metric.labels].sort((one, other) => one.of.localeCompare(other.of));
  const facets = labels.map(({ key, values, series, top }) => ({
    field: key,
    distinct: values,
    values: top.map((each) => ({ value: each.value, count: each.series })),
    without: Math.max(0, metric.series_read - series),
  }));
  if (facets.length === 0) return <Empty title="It has no labels" />;
  return (
    <>
      <p className={css.counted}>Series by label{metric.is_truncated ? `, of the first ${exact(metric.series_read)}` : ''}</p>
      <Facets
        facets={facets}
        selected={selected}
        onToggle={(key, value) => { onChange({ filter: filterOf(toggled(chipsOf(filter), key, value)) }); }}
        actionOf={(key) => {
          const isBy = labelsOf(by).includes(key);
          return (
            <Toggle label={`Group by ${key}`} isOn={isBy} onToggle={() => { onChange({ by: toggledLabel(by, key) }); }}>
              Group
            </Toggle>
          );
        }}
      />
    </>
  );
}

/** The labels are there already: nothing has to be asked. */
function completionsOf(metric: MetricLabels) {
  const keys = metric.labels.map(({ key }) => key);
  return {
    name: `metric ${metric.name} ${metric.from} ${keys.join(' ')}`,
    keys: () => Promise.resolve(keys),
    values: (key: string) => Promise.resolve(metric.labels.find((label) => label.key === key)?.top.map(({ value }) => value) ?? []),
  };
}
