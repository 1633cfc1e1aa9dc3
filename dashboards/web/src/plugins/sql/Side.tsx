// What can be asked: tables, and statements that were saved or asked before.

import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { api, queries } from '../../api/client';
import { Button } from '../../components/Button';
import { TextField } from '../../components/fields';
import { Confirm } from '../../components/FormDialog';
import { Panel } from '../../components/Page';
import { Answer, Empty } from '../../components/states';
import { Tabs } from '../../components/Tabs';
import { duration } from '../../format/number';
import { ago } from '../../format/time';
import { useMay } from '../../shell/me';
import type { CatalogTable, useCatalog } from './catalog';
import css from './sql.module.css';

const route = getRouteApi('/app/sql');
const HISTORY_MAX = 100;
const TIMES = ['start_time', 'time', 'minute', 'hour', 'day'];

interface SideProps {
  catalog: ReturnType<typeof useCatalog>;
  /** Asks a statement. */
  onOpen: (sql: string) => void;
  /** Puts a statement into the editor. */
  onEdit: (sql: string) => void;
}

export function Side({ catalog, onOpen, onEdit }: SideProps) {
  const { side = 'tables' } = route.useSearch();
  const navigate = route.useNavigate();
  const maySeeSaved = useMay('dashboards:queries:read');
  const tabs = [{ id: 'tables', name: 'Tables' } as const, ...(maySeeSaved ? [{ id: 'saved', name: 'Saved' } as const] : []), { id: 'history', name: 'History' } as const];
  return (
    <aside className={css.side}>
      <Panel isFlush>
        <Tabs label="What to ask" tabs={tabs} selected={side} onSelect={(next) => void navigate({ search: (search) => ({ ...search, side: next }), replace: true })}>
          <div className={css.sideBody}>
            {side === 'tables' && <Tables catalog={catalog} onOpen={onOpen} />}
            {side === 'saved' && <Saved onEdit={onEdit} />}
            {side === 'history' && <History onEdit={onEdit} />}
          </div>
        </Tabs>
      </Panel>
    </aside>
  );
}

function Tables({ catalog, onOpen }: Pick<SideProps, 'catalog' | 'onOpen'>) {
  const [words, setWords] = useState('');
  const matching = (catalog.tables ?? []).filter((table) => words === '' || table.name.includes(words) || table.columns.some((column) => column.name.includes(words)));
  return (
    <>
      <TextField aria-label="Only tables and columns with this in their name" placeholder="Table or column" value={words} onChange={setWords} />
      <Answer query={catalog.columns} height={320}>
        {() => (
          <ul className={css.tables}>
            {matching.map((table) => (
              <Table key={table.name} table={table} words={words} onOpen={onOpen} />
            ))}
          </ul>
        )}
      </Answer>
    </>
  );
}

function Table({ table, words, onOpen }: { table: CatalogTable; words: string; onOpen: (sql: string) => void }) {
  const columns = words === '' || table.name.includes(words) ? table.columns : table.columns.filter((column) => column.name.includes(words));
  const time = TIMES.find((name) => table.columns.some((column) => column.name === name));
  const sample = `SELECT * FROM ${table.name}${time === undefined ? '' : `\nWHERE ${time} > now() - interval '1 hour'\nORDER BY ${time} DESC`}\nLIMIT 100`;
  return (
    <li>
      <details className={css.table} open={words !== '' && !table.name.includes(words) ? true : undefined}>
        <summary>{table.name}</summary>
        <ul className={css.columns}>
          {columns.map((column) => (
            <li key={column.name}>
              <span>{column.name}</span> <span className={css.type}>{column.type}</span>
            </li>
          ))}
        </ul>
        <Button
          kind="quiet"
          icon="table"
          onPress={() => {
            onOpen(sample);
          }}
        >
          Look into it
        </Button>
      </details>
    </li>
  );
}

function Saved({ onEdit }: Pick<SideProps, 'onEdit'>) {
  const saved = queries.useQuery('get', '/api/v1/dashboards/queries');
  const mayWrite = useMay('dashboards:queries:write');
  const [removing, setRemoving] = useState<string>();
  const remove = async (name: string) => {
    await api.DELETE('/api/v1/dashboards/queries/{name}', { params: { path: { name } } });
    await saved.refetch();
  };
  return (
    <Answer query={saved} height={240} isEmpty={(answer) => answer.queries.length === 0} empty={<Empty title="No statement is saved yet">Save one, and all of the tenant find it here.</Empty>}>
      {(answer) => (
        <>
          <ul className={css.queries}>
            {answer.queries.map((query) => (
              <li key={query.name} className={css.query}>
                <QueryButton sql={query.sql} title={query.name} note={query.description ?? `by ${query.by}`} onEdit={onEdit} />
                {mayWrite && <Button kind="quiet" icon="close" aria-label={`Remove ${query.name}`} onPress={() => { setRemoving(query.name); }} />}
              </li>
            ))}
          </ul>
          {removing !== undefined && (
            <Confirm title={`Remove ${removing}`} act="Remove" onAct={() => remove(removing)} onClose={() => { setRemoving(undefined); }}>
              <p>It is gone for all of the tenant.</p>
            </Confirm>
          )}
        </>
      )}
    </Answer>
  );
}

function History({ onEdit }: Pick<SideProps, 'onEdit'>) {
  const history = queries.useQuery('get', '/api/v1/dashboards/queries/history', { params: { query: { limit: HISTORY_MAX } } });
  const [isForgetting, setForgetting] = useState(false);
  const forget = async () => {
    await api.DELETE('/api/v1/dashboards/queries/history');
    await history.refetch();
  };
  return (
    <Answer query={history} height={240} isEmpty={(answer) => answer.queries.length === 0} empty={<Empty title="Nothing was asked yet">What you run is found here for 90 days. Nobody else sees it.</Empty>}>
      {(answer) => (
        <>
          <ul className={css.queries}>
            {answer.queries.map((query) => (
              <li key={query.at} className={css.query}>
                <QueryButton
                  sql={query.sql}
                  note={[ago(query.at), query.rows == null ? '' : `${query.rows} rows`, query.took_ms == null ? '' : duration(query.took_ms * 1e6)].filter((each) => each !== '').join(', ')}
                  onEdit={onEdit}
                />
              </li>
            ))}
          </ul>
          <Button kind="quiet" onPress={() => { setForgetting(true); }}>
            Forget all of it
          </Button>
          {isForgetting && (
            <Confirm title="Forget all of it" act="Forget" onAct={forget} onClose={() => { setForgetting(false); }}>
              <p>What you ran is not found here any more.</p>
            </Confirm>
          )}
        </>
      )}
    </Answer>
  );
}

function QueryButton({ sql, title, note, onEdit }: { sql: string; title?: string; note: string; onEdit: (sql: string) => void }) {
  return (
    <button
      type="button"
      className={css.queryButton}
      title={sql}
      onClick={() => {
        onEdit(sql);
      }}
    >
      {title === undefined ? <code>{sql.replace(/\s+/g, ' ')}</code> : <b>{title}</b>}
      <span className={css.type}>{note}</span>
    </button>
  );
}
