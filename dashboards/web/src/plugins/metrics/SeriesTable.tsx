// The legend of a chart as a table: what each series came to, and whether it is drawn.

import { Button } from '../../components/Button';
import { seriesColour } from '../../components/chart/colours';
import { DataTable, type Column } from '../../components/DataTable';
import type { Unit } from '../../format/number';
import type { Figures } from './measures';
import css from './metrics.module.css';

const ROWS_SHOWN = 10;

export interface SeriesRow extends Figures {
  name: string;
  labels: Readonly<Record<string, string | null>>;
}

interface SeriesTableProps {
  rows: readonly SeriesRow[];
  unit: Unit;
  hidden: ReadonlySet<string>;
  onToggle: (name: string) => void;
  /** Filters by the labels of a series; undefined where there are none. */
  onOnly: ((labels: SeriesRow['labels']) => void) | undefined;
}

export function SeriesTable({ rows, unit, hidden, onToggle, onOnly }: SeriesTableProps) {
  const colours = new Map(rows.map(({ name }, at) => [name, seriesColour(at)]));
  const columns: Column<SeriesRow>[] = [
    {
      id: 'name',
      name: 'Series',
      value: (row) => row.name,
      width: 'minmax(180px, 4fr)',
      render: ({ name }) => (
        <button type="button" className={css.series} aria-pressed={!hidden.has(name)} title={name} onClick={() => { onToggle(name); }}>
          <span className={css.swatch} style={{ background: hidden.has(name) ? 'var(--line-strong)' : `var(${colours.get(name) ?? ''})` }} />
          <span className={css.seriesName}>{name}</span>
        </button>
      ),
    },
    { id: 'min', name: 'Min', unit, value: (row) => row.min },
    { id: 'avg', name: 'Avg', unit, value: (row) => row.avg },
    { id: 'max', name: 'Max', unit, value: (row) => row.max },
    { id: 'last', name: 'Last', unit, value: (row) => row.last },
  ];
  if (onOnly !== undefined) {
    columns.push({
      id: 'only',
      name: '',
      value: () => undefined,
      width: '96px',
      render: ({ name, labels }) => (
        <Button kind="quiet" aria-label={`Only ${name}`} onPress={() => { onOnly(labels); }}>
          Only
        </Button>
      ),
    });
  }
  return <DataTable label="Series" rows={rows} columns={columns} keyOf={(row) => row.name} height={(Math.min(ROWS_SHOWN, rows.length) + 1) * 32 + 4} />;
}
