// What is made of the points: a function that means something for their type, and the labels that tell series apart.

import type { MetricLabels } from '../../api/schema';
import { Button } from '../../components/Button';
import { Select } from '../../components/fields';
import { Menu } from '../../components/Menu';
import { count } from '../../format/number';
import { functionsOf, kindOf } from './measures';
import css from './metrics.module.css';
import { labelsOf, TYPES, toggledLabel, type MetricSearch } from './search';

const NAMES: Record<string, string> = { rate: 'Rate', increase: 'Increase', avg: 'Average', min: 'Minimum', max: 'Maximum', last: 'Last value', sum: 'Sum', count: 'Count' };

export function functionName(asked: string): string {
  return NAMES[asked] ?? asked;
}

interface ControlsProps {
  metric: MetricLabels;
  search: MetricSearch;
  onChange: (changes: MetricSearch) => void;
}

export function Controls({ metric, search, onChange }: ControlsProps) {
  const { by } = search;
  const [sent] = metric.sent;
  if (sent === undefined) return null;
  const possible = functionsOf(kindOf(sent));
  const asked = search.function ?? possible[0] ?? '';
  // One that the address says is shown though it may mean nothing; the server says what it thinks of it.
  const functions = possible.includes(asked) ? possible : [asked, ...possible];
  const types = [...new Set(metric.sent.map(({ type }) => type))];
  const labels = metric.labels.map(({ key, values }) => ({
    id: key,
    name: key,
    note: count(values),
    isChosen: labelsOf(by).includes(key),
    act: () => {
      onChange({ by: toggledLabel(by, key) });
    },
  }));
  return (
    <div className={css.controls}>
      <Select
        label="Function"
        value={asked}
        choices={functions.map((value) => ({ value, name: functionName(value) }))}
        onChange={(chosen) => { onChange({ function: chosen === possible[0] ? undefined : chosen }); }}
      />
      {(types.length > 1 || search.type !== undefined) && (
        <Select
          label="Type"
          value={search.type ?? 'any'}
          choices={[{ value: 'any', name: 'Any' }, ...TYPES.map((value) => ({ value, name: value.replace('_', ' ') }))]}
          onChange={(chosen) => { onChange({ type: chosen === 'any' ? undefined : chosen }); }}
        />
      )}
      <Menu label="Labels to group by" placement="bottom start" groups={[{ entries: labels }]}>
        <Button icon="down">{by === undefined ? 'Group by' : `By ${labelsOf(by).join(', ')}`}</Button>
      </Menu>
      {by !== undefined && (
        <Button kind="quiet" onPress={() => { onChange({ by: undefined }); }}>
          All together
        </Button>
      )}
    </div>
  );
}
