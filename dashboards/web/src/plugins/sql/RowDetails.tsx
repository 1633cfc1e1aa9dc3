// One row by itself, with whatever is nested in it spread over lines.

import type { AnswerColumn } from '../../api/schema';
import { Button } from '../../components/Button';
import { useClock } from '../../format/time';
import { Cell } from '../../rows/Cell';
import { nested } from '../../rows/rows';
import css from './sql.module.css';

interface RowDetailsProps {
  columns: readonly AnswerColumn[];
  values: readonly unknown[];
  number: number;
  onClose: () => void;
}

export function RowDetails({ columns, values, number, onClose }: RowDetailsProps) {
  const clock = useClock();
  return (
    <section className={css.row} aria-label={`Row ${number}`}>
      <header className={css.rowHead}>
        <h2>Row {number}</h2>
        <Button kind="quiet" icon="close" aria-label="Close the row" onPress={onClose} />
      </header>
      <dl className={css.fields}>
        {columns.map((column, place) => {
          const spread = nested(values[place]);
          return (
            <div key={`${place} ${column.name}`} className={css.field}>
              <dt>
                {column.name} <span className={css.type}>{column.type.length > 24 ? `${column.type.slice(0, 22)}…` : column.type}</span>
              </dt>
              <dd>{spread === undefined ? <Cell column={column} value={values[place]} clock={clock} /> : <pre>{spread}</pre>}</dd>
            </div>
          );
        })}
      </dl>
    </section>
  );
}
