// Logs: what is looked for above, fields with their values at the left, and the lines, their patterns, or what arrives.

import { getRouteApi } from '@tanstack/react-router';
import { useMemo, useState, type SubmitEvent } from 'react';
import { queries } from '../../api/client';
import { Button } from '../../components/Button';
import { Facets } from '../../components/Facets';
import { FilterBar } from '../../components/FilterBar';
import { Select, TextField } from '../../components/fields';
import { toggled } from '../../components/filters';
import { Page, Panel } from '../../components/Page';
import { Sided } from '../../components/Sided';
import { Answer, Empty } from '../../components/states';
import { Tabs } from '../../components/Tabs';
import { useRange } from '../../range/useRange';
import { completionsOf } from './completions';
import { LinesView } from './LinesView';
import { LiveView } from './LiveView';
import css from './logs.module.css';
import { PatternsView } from './PatternsView';
import { chipsOf, searchOf, SEVERITIES, wantedOf, type LogSearch } from './search';
import { SeverityChart } from './SeverityChart';

const CHART_HEIGHT = 110;
/** The API knows no `!=` of records. */
const isNegatable = () => false;
/** Counted at any time, with what they are called. */
const FIELDS: Readonly<Record<string, string>> = { severity: 'Severity', service: 'Service', host: 'Host', environment: 'Environment' };
const FIELD_NAMES = Object.keys(FIELDS);
/** The server counts no more at once. */
const FIELDS_MAX = 10;
const TABS = [
  { id: 'lines', name: 'Lines' },
  { id: 'patterns', name: 'Patterns' },
  { id: 'live', name: 'Live' },
] as const;
const LEAST = [{ value: 'any', name: 'Any severity' }, ...SEVERITIES.map((value) => ({ value, name: value === 'fatal' ? value : `${value} or worse` }))];

const route = getRouteApi('/app/logs');

export function LogsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { view = 'lines' } = search;
  const change = (changes: LogSearch, replace = false) => void navigate({ search: (before) => ({ ...before, ...changes }), replace });
  // Another question has other lines: the one that was open is none of them.
  const ask = (changes: LogSearch) => {
    change({ ...changes, line: undefined, context: undefined });
  };
  const parts = {
    search,
    onChange: change,
    onFilter: (name: string, value: string) => {
      ask(withField(search, name, value));
    },
    onCount: (name: string) => {
      change({ field: [...new Set([...(search.field ?? []), name])].slice(0, FIELDS_MAX - FIELD_NAMES.length) });
    },
  };
  return (
    <Page title="Logs">
      <Wanted search={search} onAsk={ask} />
      <Sided label="Fields" side={<Fields search={search} onToggle={parts.onFilter} onChange={change} />}>
        {view !== 'live' && (
          <Panel>
            <OverTime search={search} />
          </Panel>
        )}
        <Panel isFlush>
          <Tabs
            label="Ways to see the logs"
            tabs={TABS}
            selected={view}
            onSelect={(next) => {
              ask({ view: next === 'lines' ? undefined : next });
            }}
          >
            {view === 'lines' && <LinesView {...parts} />}
            {view === 'patterns' && <PatternsView search={search} />}
            {view === 'live' && <LiveView key={JSON.stringify(wantedOf(search))} {...parts} />}
          </Tabs>
        </Panel>
      </Sided>
    </Page>
  );
}

/** What to change so that `name` has to be `value`, or need not be any more. */
function withField(search: LogSearch, name: string, value: string): LogSearch {
  if (name === 'severity') return { severity: search.severity === value ? undefined : value };
  return searchOf(toggled(chipsOf(search), name, value));
}

interface WantedProps {
  search: LogSearch;
  onAsk: (changes: LogSearch) => void;
}

function Wanted({ search, onAsk }: WantedProps) {
  const { query: range } = useRange();
  const completions = useMemo(() => completionsOf(range), [range]);
  return (
    <div className={css.wanted}>
      <Words key={search.text} text={search.text ?? ''} onAsk={onAsk} />
      <div className={css.least}>
        <Select
          label="Least severity"
          isLabelHidden
          value={search.severity ?? 'any'}
          choices={LEAST}
          onChange={(least) => {
            onAsk({ severity: least === 'any' ? undefined : least });
          }}
        />
      </div>
      <div className={css.chips}>
        <FilterBar
          label="Filters"
          filters={chipsOf(search)}
          canNegate={isNegatable}
          completions={completions}
          onChange={(chips) => {
            onAsk(searchOf(chips));
          }}
        />
      </div>
    </div>
  );
}

function Words({ text, onAsk }: { text: string; onAsk: (changes: LogSearch) => void }) {
  const [written, setWritten] = useState(text);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    onAsk({ text: written.trim() === '' ? undefined : written.trim() });
  };
  return (
    <form role="search" className={css.words} onSubmit={submit}>
      <TextField aria-label="Words of the body" placeholder='Words: "connection refused" -retry, timeout OR refused' value={written} onChange={setWritten} />
      <Button kind="primary" type="submit" icon="search">
        Search
      </Button>
    </form>
  );
}

function OverTime({ search }: { search: LogSearch }) {
  const { query: range, live } = useRange();
  const answer = queries.useQuery('get', '/api/v1/apm/logs/histogram', { params: { query: { ...range, ...wantedOf(search) } } }, live);
  return (
    <Answer query={answer} height={CHART_HEIGHT + 30}>
      {(logs) => <SeverityChart logs={logs} height={CHART_HEIGHT} />}
    </Answer>
  );
}

interface FieldsProps {
  search: LogSearch;
  onToggle: (name: string, value: string) => void;
  onChange: (changes: LogSearch) => void;
}

function Fields({ search, onToggle, onChange }: FieldsProps) {
  const { query: range, live } = useRange();
  const further = search.field ?? [];
  const field = [...FIELD_NAMES, ...further].slice(0, FIELDS_MAX).join(',');
  const answer = queries.useQuery('get', '/api/v1/apm/logs/facets', { params: { query: { ...range, ...wantedOf(search), field } } }, live);
  const selected: Record<string, string[]> = Object.fromEntries(chipsOf(search).map(({ key, value }) => [key, [value]]));
  if (search.severity !== undefined) selected.severity = [search.severity];
  return (
    <Answer query={answer} height={400}>
      {({ facets }) => {
        const told = facets.filter((facet) => facet.values.length > 0 || selected[facet.field] !== undefined || further.includes(facet.field));
        if (told.length === 0) return <Empty title="No fields to count" />;
        return (
          <Facets
            facets={told.map((facet) => ({ ...facet, name: FIELDS[facet.field] ?? facet.field }))}
            selected={selected}
            onToggle={onToggle}
            actionOf={(name) =>
              further.includes(name) ? (
                <Button kind="quiet" icon="close" aria-label={`Count ${name} no longer`} onPress={() => { onChange({ field: further.filter((each) => each !== name) }); }} />
              ) : undefined
            }
          />
        );
      }}
    </Answer>
  );
}
