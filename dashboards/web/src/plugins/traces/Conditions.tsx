// The conditions of a search: words, how long a span takes, and chips for fields and attributes.

import { useMemo, useState } from 'react';
import { Button } from '../../components/Button';
import { FilterBar } from '../../components/FilterBar';
import { Select, TextField } from '../../components/fields';
import { useRange } from '../../range/useRange';
import { completionsIn } from './completions';
import { filtersOf, KINDS, STATUSES, withFilters, type TracesSearch } from './spanSearch';
import type { Change } from './TracesPage';
import css from './traces.module.css';

/** The API excludes attributes; of these only those that are attributes as well. */
const NEVER_NOT = ['service', 'operation', 'kind', 'status', 'environment', 'version', 'host'];
const isNegatable = (key: string) => !NEVER_NOT.includes(key);
const ANY = 'any';

const kinds = [{ value: ANY, name: 'Any kind' }, ...KINDS.map((kind) => ({ value: kind, name: kind }))] as const;
const statuses = [{ value: ANY, name: 'Any status' }, ...STATUSES.map((status) => ({ value: status, name: status }))] as const;

interface ConditionsProps {
  search: TracesSearch;
  onChange: Change;
}

export function Conditions({ search, onChange }: ConditionsProps) {
  const { query: range } = useRange();
  const completions = useMemo(() => completionsIn(range), [range]);
  const filters = filtersOf(search);
  const isAny = filters.length > 0 || [search.text, search.min_ms, search.max_ms].some((each) => each !== undefined);
  return (
    <div className={css.conditions}>
      <div className={css.row}>
        <div className={css.words}>
          <Entry label="Words" placeholder="Words in names, messages and attributes" value={search.text ?? ''} onEnter={(text) => { onChange({ text: text === '' ? undefined : text }); }} />
        </div>
        <Select label="Kind" isLabelHidden value={search.kind ?? ANY} choices={kinds} onChange={(kind) => { onChange({ kind: kind === ANY ? undefined : kind }); }} />
        <Select label="Status" isLabelHidden value={search.status ?? ANY} choices={statuses} onChange={(status) => { onChange({ status: status === ANY ? undefined : status }); }} />
        <span className={css.between}>
          <Milliseconds label="Takes at least, in ms" placeholder="from" value={search.min_ms} onEnter={(min_ms) => { onChange({ min_ms }); }} />
          <span aria-hidden="true">–</span>
          <Milliseconds label="Takes at most, in ms" placeholder="to" value={search.max_ms} onEnter={(max_ms) => { onChange({ max_ms }); }} />
          <span aria-hidden="true">ms</span>
        </span>
        {isAny && (
          <Button
            kind="quiet"
            onPress={() => {
              onChange({ ...withFilters(search, []), text: undefined, min_ms: undefined, max_ms: undefined });
            }}
          >
            Clear all
          </Button>
        )}
      </div>
      <FilterBar
        label="Spans where"
        filters={filters}
        canNegate={isNegatable}
        completions={completions}
        onChange={(next) => {
          onChange(withFilters(search, next));
        }}
      />
    </div>
  );
}

interface EntryProps {
  label: string;
  placeholder: string;
  value: string;
  onEnter: (value: string) => void;
}

/** A field that says what it has when it is left, or with Enter: no search for every letter. */
function Entry({ value, ...rest }: EntryProps) {
  return <Draft key={value} value={value} {...rest} />;
}

function Draft({ label, placeholder, value, onEnter }: EntryProps) {
  const [draft, setDraft] = useState(value);
  const enter = () => {
    if (draft.trim() !== value) onEnter(draft.trim());
  };
  return <TextField aria-label={label} placeholder={placeholder} value={draft} onChange={setDraft} onBlur={enter} onKeyDown={(event) => { if (event.key === 'Enter') enter(); }} />;
}

interface MillisecondsProps {
  label: string;
  placeholder: string;
  value: number | undefined;
  onEnter: (value: number | undefined) => void;
}

function Milliseconds({ value, onEnter, ...rest }: MillisecondsProps) {
  return (
    <span className={css.milliseconds}>
      <Entry
        {...rest}
        value={value === undefined ? '' : String(Number(value.toPrecision(6)))}
        onEnter={(text) => {
          const said = Number(text.replace(',', '.'));
          onEnter(text === '' || !Number.isFinite(said) || said < 0 ? undefined : said);
        }}
      />
    </span>
  );
}
