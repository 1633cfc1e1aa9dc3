// Values of fields with how often each is there; a click on one filters by it, another takes the filter away.

import { useState, type ReactNode } from 'react';
import { count, exact } from '../format/number';
import { Button } from './Button';
import css from './Facets.module.css';

export interface Facet {
  field: string;
  /** What people call it, where that is not what the API does. */
  name?: string;
  /** The most frequent first. */
  values: readonly { value: string; count: number }[];
  /** How many values there are, where more of them are known than those. */
  distinct?: number;
  /** What has other values than those. */
  others?: number;
  /** What says nothing of the field. */
  without?: number;
}

interface FacetsProps {
  facets: readonly Facet[];
  /** Values that are filtered by, by field. */
  selected: Readonly<Record<string, readonly string[]>>;
  onToggle: (field: string, value: string) => void;
  /** At the right of a field's name. */
  actionOf?: (field: string) => ReactNode;
}

const SHOWN_MAX = 6;

export function Facets({ facets, selected, onToggle, actionOf }: FacetsProps) {
  return (
    <div className={css.facets}>
      {facets.map((facet) => (
        <FacetValues
          key={facet.field}
          facet={facet}
          selected={selected[facet.field] ?? []}
          action={actionOf?.(facet.field)}
          onToggle={(value) => {
            onToggle(facet.field, value);
          }}
        />
      ))}
    </div>
  );
}

interface FacetValuesProps {
  facet: Facet;
  selected: readonly string[];
  onToggle: (value: string) => void;
  action: ReactNode;
}

function FacetValues({ facet, selected, onToggle, action }: FacetValuesProps) {
  const [isWhole, setWhole] = useState(false);
  const most = Math.max(1, ...facet.values.map((each) => each.count));
  const gone = selected.filter((value) => !facet.values.some((each) => each.value === value)).map((value) => ({ value, count: 0 }));
  const all = [...gone, ...facet.values];
  const shown = isWhole ? all : all.slice(0, SHOWN_MAX);
  return (
    <section aria-label={facet.name ?? facet.field}>
      <header className={css.head}>
        <h3 className={css.field}>
          {facet.name ?? facet.field}
          {facet.distinct !== undefined && <span className={css.distinct}> {count(facet.distinct)}</span>}
        </h3>
        {action}
      </header>
      <ul>
        {shown.map((each) => (
          <li key={each.value}>
            <button
              type="button"
              className={css.value}
              aria-pressed={selected.includes(each.value)}
              title={`${each.value}: ${exact(each.count)}`}
              onClick={() => {
                onToggle(each.value);
              }}
            >
              <span className={css.bar} style={{ width: `${(100 * each.count) / most}%` }} />
              <span className={css.name}>{each.value}</span>
              <span className={css.count}>{count(each.count)}</span>
            </button>
          </li>
        ))}
      </ul>
      {all.length > SHOWN_MAX && (
        <Button
          kind="quiet"
          onPress={() => {
            setWhole(!isWhole);
          }}
        >
          {isWhole ? 'Fewer' : `${all.length - SHOWN_MAX} more`}
        </Button>
      )}
      <Rest others={facet.others ?? 0} without={facet.without ?? 0} />
    </section>
  );
}

function Rest({ others, without }: { others: number; without: number }) {
  const told = [others > 0 ? `${count(others)} with others` : '', without > 0 ? `${count(without)} without` : ''].filter((each) => each !== '');
  return told.length === 0 ? null : <p className={css.rest}>{told.join(', ')}</p>;
}
