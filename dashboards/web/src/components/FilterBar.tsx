// Filters by attributes as chips, and a field that completes keys and then values of further ones.

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { ComboBox, Input, ListBox, ListBoxItem, Popover } from 'react-aria-components';
import css from './FilterBar.module.css';
import fields from './fields.module.css';
import { parseFilter, wantedOf, writeFilter, type Filter } from './filters';
import { Icon } from './Icon';

const COMPLETIONS_MAX = 50;

export interface Completions {
  /** Tells apart what is asked for, as the name of the plugin. */
  name: string;
  keys: (signal: AbortSignal) => Promise<readonly string[]>;
  values: (key: string, signal: AbortSignal) => Promise<readonly string[]>;
}

interface FilterBarProps {
  label: string;
  filters: readonly Filter[];
  onChange: (filters: Filter[]) => void;
  completions: Completions;
  /** Whether the API knows `!=` of a key; it does where this is not said. */
  canNegate?: (key: string) => boolean;
}

const always = () => true;

export function FilterBar({ label, filters, onChange, completions, canNegate = always }: FilterBarProps) {
  const remove = (gone: Filter) => {
    onChange(filters.filter((filter) => filter !== gone));
  };
  const negate = (changed: Filter) => {
    onChange(filters.map((filter) => (filter === changed ? { ...filter, isNot: !filter.isNot } : filter)));
  };
  return (
    <div className={css.bar} role="group" aria-label={label}>
      {filters.map((filter) => (
        <Chip key={writeFilter(filter)} filter={filter} onRemove={remove} onNegate={canNegate(filter.key) ? negate : undefined} />
      ))}
      <Field
        label={label}
        completions={completions}
        canNegate={canNegate}
        onAdd={(filter) => {
          if (!filters.some((each) => writeFilter(each) === writeFilter(filter))) onChange([...filters, filter]);
        }}
      />
    </div>
  );
}

function Chip({ filter, onRemove, onNegate }: { filter: Filter; onRemove: (filter: Filter) => void; onNegate: ((filter: Filter) => void) | undefined }) {
  return (
    <span className={css.chip} data-not={filter.isNot}>
      <span className={css.key}>{filter.key}</span>
      {onNegate === undefined ? (
        <span className={css.sign}>=</span>
      ) : (
        <button type="button" className={css.sign} aria-label={filter.isNot ? 'is not; make it is' : 'is; make it is not'} onClick={() => { onNegate(filter); }}>
          {filter.isNot ? '≠' : '='}
        </button>
      )}
      <span className={css.value}>{filter.value}</span>
      <button type="button" className={css.remove} aria-label={`Remove ${writeFilter(filter)}`} onClick={() => { onRemove(filter); }}>
        <Icon name="close" />
      </button>
    </span>
  );
}

interface FieldProps {
  label: string;
  completions: Completions;
  canNegate: (key: string) => boolean;
  onAdd: (filter: Filter) => void;
}

function Field({ label, completions, canNegate, onAdd }: FieldProps) {
  const [text, setText] = useState('');
  const found = useCompletions(text, completions);
  const add = (written: string) => {
    const filter = parseFilter(written);
    if (filter === undefined || (filter.isNot && !canNegate(filter.key))) {
      setText(written);
      return;
    }
    onAdd(filter);
    setText('');
  };
  return (
    <ComboBox
      aria-label={`${label}: add one, as http.route=/cart`}
      className={css.field ?? ''}
      allowsCustomValue
      menuTrigger="focus"
      inputValue={text}
      onInputChange={setText}
      value={null}
      onChange={(key) => {
        if (key !== null) add(String(key));
      }}
      items={found.map((id) => ({ id }))}
      allowsEmptyCollection
    >
      <Input
        className={css.input ?? ''}
        placeholder="Filter: key=value"
        onKeyDown={(event) => {
          // What is written whole is taken as it is; else Enter takes what is marked in the list.
          if (event.key === 'Enter' && event.currentTarget.getAttribute('aria-activedescendant') === null) add(text);
        }}
      />
      <Popover className={fields.popover ?? ''}>
        <ListBox className={fields.list ?? ''} renderEmptyState={() => <p className={css.none}>Nothing known begins like that; Enter takes it all the same.</p>}>
          {({ id }: { id: string }) => (
            <ListBoxItem id={id} textValue={id} className={fields.item ?? ''}>
              {id}
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </ComboBox>
  );
}

/** Texts the field may be completed to: `key=` while the key is written, then `key=value`. */
function useCompletions(text: string, completions: Completions): string[] {
  const { key, begin, words, isValue } = wantedOf(text);
  const { data = [] } = useQuery({
    queryKey: ['completions', completions.name, isValue ? key : undefined],
    queryFn: ({ signal }) => (isValue ? completions.values(key, signal) : completions.keys(signal)),
  });
  const matching = data.filter((each) => each.toLowerCase().includes(words.toLowerCase())).slice(0, COMPLETIONS_MAX);
  return matching.map((each) => (isValue ? begin + each : `${each}=`));
}
