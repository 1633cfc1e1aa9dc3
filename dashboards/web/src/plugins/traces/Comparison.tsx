// What a part of the spans has more or less often than the rest: of the heat map what is selected, else what failed.

import { useQuery } from '@tanstack/react-query';
import { api } from '../../api/client';
import type { Comparison as Compared, DifferingKey, DifferingValue, SetWanted } from '../../api/schema';
import type { HeatMapArea } from '../../components/chart/HeatMap';
import { Answer, Empty } from '../../components/states';
import type { Filter } from '../../components/filters';
import { count, exact, share } from '../../format/number';
import { useRange } from '../../range/useRange';
import { rangeOfArea } from './area';
import css from './Comparison.module.css';
import { spanFilter, withFilter, writeValue, type TracesSearch } from './spanSearch';
import type { Change } from './TracesPage';

interface ComparisonProps {
  search: TracesSearch;
  area: HeatMapArea | undefined;
  onChange: Change;
}

export function Comparison({ search, area, onChange }: ComparisonProps) {
  const { query: range, live } = useRange();
  const filter = { ...spanFilter(search), kind: search.kind ?? 'server' };
  const selection: SetWanted = area === undefined ? { status: 'error' } : { range: rangeOfArea(area), min_duration_ms: area.min, max_duration_ms: area.max };
  const body = { ...range, filter, selection };
  const answer = useQuery({
    queryKey: ['compare', body],
    queryFn: async ({ signal }) => (await api.POST('/api/v1/apm/traces/compare', { body, signal })).data,
    enabled: area !== undefined || search.status === undefined,
    // The last answer is of another selection: it must not stand below the name of this one.
    refetchInterval: live.refetchInterval,
  });
  if (area === undefined && search.status !== undefined) {
    return (
      <Empty title="Nothing is selected" height={200}>
        Drag over a part of the heat map to see what sets it apart from the rest.
      </Empty>
    );
  }
  const name = area === undefined ? 'Failed spans' : 'Selection';
  return (
    <Answer query={answer} height={400} isEmpty={(compared) => compared.keys.length === 0} empty={<NothingDiffers name={name} compared={answer.data} />}>
      {(compared) => <Differences compared={compared} name={name} kind={filter.kind} onFilter={(chosen) => { onChange({ ...withFilter(search, chosen) }); }} />}
    </Answer>
  );
}

function NothingDiffers({ name, compared }: { name: string; compared: Compared | undefined }) {
  return (
    <Empty title="Nothing differs by more than chance" height={200}>
      {compared === undefined ? undefined : `${name}: ${exact(compared.selection.spans)} spans, the rest ${exact(compared.rest.spans)}. A larger part tells more.`}
    </Empty>
  );
}

interface DifferencesProps {
  compared: Compared;
  name: string;
  kind: string;
  onFilter: (filter: Filter) => void;
}

function Differences({ compared, name, kind, onFilter }: DifferencesProps) {
  return (
    <div className={css.differences}>
      <p className={css.legend}>
        <span className={css.swatch} data-set="selection" /> {name}: {exact(compared.selection.spans)} spans of kind {kind}
        <span className={css.swatch} data-set="rest" /> The rest: {exact(compared.rest.spans)}
        <span className={css.help}>A click on a value filters by it.</span>
      </p>
      <div className={css.keys}>
        {compared.keys.map((key) => (
          <Key key={`${key.of} ${key.key}`} differing={key} most={compared.keys[0]?.surprise ?? 1} onFilter={onFilter} />
        ))}
      </div>
      {compared.left_out.length > 0 && <p className={css.help}>Not compared, because of too many values: {compared.left_out.map(({ key }) => key).join(', ')}.</p>}
    </div>
  );
}

const OF: Record<DifferingKey['of'], string> = { span: 'of the span', attribute: 'attribute', resource: 'of the resource' };

function Key({ differing, most, onFilter }: { differing: DifferingKey; most: number; onFilter: (filter: Filter) => void }) {
  return (
    <section className={css.key} aria-label={differing.key}>
      <h3 className={css.name}>
        <span className={css.keyName}>{differing.key}</span>
        <span className={css.of}>{OF[differing.of]}</span>
        <span className={css.surprise} title={`Surprise G² ${count(differing.surprise)}`}>
          <span style={{ width: `${Math.max(3, (100 * differing.surprise) / most)}%` }} />
        </span>
      </h3>
      <ul>
        {differing.values.map((value) => (
          <li key={nameOf(value)}>
            <Value value={value} filter={filterBy(differing, value)} onFilter={onFilter} />
          </li>
        ))}
      </ul>
      {differing.further_values > 0 && <p className={css.help}>{count(differing.further_values)} more</p>}
    </section>
  );
}

function Value({ value, filter, onFilter }: { value: DifferingValue; filter: Filter | undefined; onFilter: (filter: Filter) => void }) {
  const told = `${share(value.selection_share)} of the selection (${exact(value.selection)}), ${share(value.rest_share)} of the rest (${exact(value.rest)}), surprise ${count(value.surprise)}`;
  const content = (
    <>
      <span className={css.value}>{nameOf(value)}</span>
      <span className={css.bars} aria-hidden="true">
        <span data-set="selection" style={{ width: `${100 * value.selection_share}%` }} />
        <span data-set="rest" style={{ width: `${100 * value.rest_share}%` }} />
      </span>
      <span className={css.shares}>
        {share(round(value.selection_share))} <span className={css.rest}>{share(round(value.rest_share))}</span>
      </span>
      <span className={css.hidden}>{told}</span>
    </>
  );
  if (filter === undefined) {
    return (
      <div className={css.line} title={told}>
        {content}
      </div>
    );
  }
  return (
    <button type="button" className={css.line} title={told} onClick={() => { onFilter(filter); }}>
      {content}
    </button>
  );
}

function nameOf({ value, from, until }: DifferingValue): string {
  return value ?? `${count(from ?? 0)} – ${count(until ?? 0)}`;
}

/** To three digits that matter: a share of a sample is not known better. */
function round(of: number): number {
  return Math.round(of * 1000) / 1000;
}

/** Undefined for a range of numbers, which no filter says. */
function filterBy({ of, key }: DifferingKey, { value }: DifferingValue): Filter | undefined {
  if (value == null) return undefined;
  if (of !== 'span') return { key, value: typedText(value), isNot: false };
  const field = { name: 'operation', kind: 'kind', status_code: 'status' }[key];
  return field === undefined ? undefined : { key: field, value, isNot: false };
}

/** The text of a number is that of a number: the answer does not say which it was, and codes and counts are the more frequent. */
function typedText(value: string): string {
  return /^-?(0|[1-9]\d*)(\.\d+)?$|^(true|false)$/.test(value) ? value : writeValue(value);
}
