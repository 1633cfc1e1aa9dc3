// The audit trail: who did what, when and from where, and whether it is whole.

import { getRouteApi } from '@tanstack/react-router';
import { useMutation } from '@tanstack/react-query';
import { queries } from '../../api/client';
import { Badge } from '../../components/Badge';
import { Button } from '../../components/Button';
import { DataTable, type Column } from '../../components/DataTable';
import { download } from '../../components/download';
import { Facets } from '../../components/Facets';
import { TextField } from '../../components/fields';
import { Menu } from '../../components/Menu';
import { Page, Panel } from '../../components/Page';
import { Answer, Empty, Failed } from '../../components/states';
import { exact } from '../../format/number';
import { ago } from '../../format/time';
import { useRange } from '../../range/useRange';
import css from './admin.module.css';
import { countsQuestion, entriesQuestion, exportQuestion, facetsOf, LISTED_MAX, toggledAmong, type AuditCount, type AuditFilter, type AuditRow } from './audit';
import { AuditEntry } from './AuditEntry';
import { ask, useRows } from './sql';

const route = getRouteApi('/app/admin/audit');

const columns: Column<AuditRow>[] = [
  { id: 'sequence', name: 'No.', unit: 'count', value: (row) => row.sequence, width: '80px', render: (row) => exact(row.sequence) },
  { id: 'time', name: 'When', unit: 'time', value: (row) => row.time },
  { id: 'who', name: 'Who', value: (row) => row.who_name, width: 'minmax(140px, 1.5fr)' },
  { id: 'action', name: 'What', value: (row) => row.action, width: 'minmax(130px, 1fr)' },
  { id: 'subject', name: 'Of', value: (row) => row.subject, width: 'minmax(160px, 2fr)' },
  { id: 'address', name: 'From', value: (row) => row.address, width: 'minmax(110px, 1fr)' },
];

export function AuditPage() {
  const { from, to, live } = useRange();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const entries = useRows<AuditRow>(entriesQuestion(search, { from, to }), live);
  const counts = useRows<AuditCount>(countsQuestion(search, { from, to }), live);
  const filter = (change: AuditFilter) => void navigate({ search: (before) => ({ ...before, ...change }), replace: 'text' in change });

  return (
    <Page
      title="Audit trail"
      actions={
        <>
          <div className={css.filter}>
            <TextField aria-label="Only entries with this in subject, details or address" placeholder="Filter" value={search.text ?? ''} onChange={(next) => { filter({ text: next === '' ? undefined : next }); }} />
          </div>
          <Export filter={search} from={from} to={to} />
        </>
      }
    >
      <Verified />
      <div className={css.beside}>
        <Panel>
          <Answer query={counts} height={240}>
            {(rows) => (
              <Facets
                facets={facetsOf(rows, search)}
                selected={{ who: search.who ?? [], what: search.action ?? [] }}
                onToggle={(field, value) => {
                  filter(field === 'who' ? { who: toggledAmong(search.who, value) } : { action: toggledAmong(search.action, value) });
                }}
              />
            )}
          </Answer>
        </Panel>
        <Panel isFlush>
          <Answer query={entries} height={480} isEmpty={(rows) => rows.length === 0} empty={<Empty title="Nothing was done in this range" height={200}>Choose a longer range above, or take filters away.</Empty>}>
            {(rows) => (
              <DataTable label="Audit trail" rows={rows} columns={columns} height={Math.min(620, 34 + rows.length * 32)} keyOf={(row) => String(row.sequence)} linkOf={(row) => ({ to: '/admin/audit', search: { ...search, entry: row.sequence } })} />
            )}
          </Answer>
        </Panel>
      </div>
      {entries.data?.length === LISTED_MAX && <p className={css.text}>These are the newest {exact(LISTED_MAX)}. An export has all of the range.</p>}
      {search.entry !== undefined && (
        <AuditEntry
          sequence={search.entry}
          onClose={() => void navigate({ search: (before) => ({ ...before, entry: undefined }) })}
        />
      )}
    </Page>
  );
}

/** Reads the whole trail once for a page load: of a long one that takes its time. */
function Verified() {
  const chain = queries.useQuery('get', '/api/v1/hub/audit/verification', {}, { staleTime: Infinity });
  if (chain.error !== null) return <Failed error={chain.error} onRetry={() => void chain.refetch()} />;
  const { data, dataUpdatedAt, isFetching } = chain;
  return (
    <div className={css.row} role="status">
      {data === undefined && <Badge>reading the chain…</Badge>}
      {data?.is_whole === true && <Badge tone="good">chain is whole</Badge>}
      {data?.is_whole === false && <Badge tone="error">chain is broken</Badge>}
      <span className={data?.is_whole === false ? css.wrong : css.muted}>
        {data?.is_whole === true && `${exact(data.entries ?? 0)} entries, each with the hash of the one before, read ${ago(dataUpdatedAt)}.`}
        {data?.is_whole === false && `${data.wrong ?? 'Something was changed or removed'}. Compare with roots that were kept elsewhere: observatory audit verify --roots FILE.`}
      </span>
      {data !== undefined && (
        <Button kind="quiet" icon="refresh" isPending={isFetching} onPress={() => void chain.refetch()}>
          Verify again
        </Button>
      )}
    </div>
  );
}

const FORMATS = [
  { id: 'csv', name: 'CSV', accept: 'text/csv', ending: 'csv' },
  { id: 'ndjson', name: 'JSON, a line each', accept: 'application/x-ndjson', ending: 'ndjson' },
] as const;

function Export({ filter, from, to }: { filter: AuditFilter; from: string; to: string }) {
  const exporting = useMutation({
    mutationFn: async ({ accept, ending }: (typeof FORMATS)[number]) => {
      const answer = await ask(exportQuestion(filter, { from, to }), accept);
      download(await answer.blob(), `audit-${new Date().toISOString().slice(0, 10)}.${ending}`);
    },
  });
  return (
    <>
      <Menu label="Format of the export" groups={[{ entries: FORMATS.map((format) => ({ id: format.id, name: format.name, act: () => { exporting.mutate(format); } })) }]}>
        <Button icon="download" isPending={exporting.isPending}>
          Export
        </Button>
      </Menu>
      {exporting.isError && <Failed error={exporting.error} />}
    </>
  );
}
