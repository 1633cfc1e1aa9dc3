// All SLOs: what is left of their budgets, and how fast they burn.

import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { queries } from '../../api/client';
import type { SloView } from '../../api/schema';
import { Badge } from '../../components/Badge';
import { Button } from '../../components/Button';
import { DataTable, type Column } from '../../components/DataTable';
import { TextField } from '../../components/fields';
import { Page, Panel } from '../../components/Page';
import { Answer, Empty } from '../../components/states';
import { format } from '../../format/number';
import { useMay } from '../../shell/me';
import { burnNow, leftOf, precise, STATE_NAMES, STATE_TONES } from './slo';
import { SloDialog } from './SloDialog';
import css from './slo.module.css';

const route = getRouteApi('/app/slos');
const REFRESH_MS = 30_000;
const ROWS_SHOWN = 18;
const HEIGHT_MAX = 33 * (ROWS_SHOWN + 1);

const columns: Column<SloView>[] = [
  { id: 'name', name: 'SLO', value: (slo) => slo.name, width: 'minmax(170px, 2fr)' },
  { id: 'state', name: 'State', value: (slo) => slo.state, width: '110px', render: ({ state }) => <Badge tone={STATE_TONES[state]}>{STATE_NAMES[state]}</Badge> },
  { id: 'service', name: 'Service', value: (slo) => slo.service, width: 'minmax(110px, 1fr)' },
  { id: 'objective', name: 'Objective', unit: 'share', value: (slo) => slo.objective / 100, width: '100px', render: (slo) => precise(slo.objective / 100) },
  { id: 'sli', name: 'Is', unit: 'share', value: (slo) => slo.sli, width: '100px', render: (slo) => precise(slo.sli) },
  { id: 'left', name: 'Budget left', value: (slo) => slo.budget.left_share, width: 'minmax(180px, 2fr)', render: (slo) => <BudgetLeft slo={slo} /> },
  { id: 'burn', name: 'Burn, 1 h', unit: 'number', value: burnNow, width: '100px', render: (slo) => burnText(burnNow(slo)) },
  { id: 'window', name: 'Over', unit: 'number', value: (slo) => slo.window_days, width: '80px', render: (slo) => `${slo.window_days}\u00a0d` },
  { id: 'owner', name: 'Owner', value: (slo) => slo.owner, width: 'minmax(90px, 1fr)' },
];

export function SlosPage() {
  const { text } = route.useSearch();
  const navigate = route.useNavigate();
  const [isMaking, setMaking] = useState(false);
  const mayWrite = useMay('apm:slos:write');
  const slos = queries.useQuery('get', '/api/v1/apm/slos', {}, { refetchInterval: REFRESH_MS });
  const make = () => { setMaking(true); };
  const isEmpty = slos.data?.slos.length === 0;
  const filter = (words: string) => void navigate({ search: (search) => ({ ...search, text: words === '' ? undefined : words }), replace: true });
  return (
    <Page
      title="SLOs"
      actions={
        !isEmpty && (
          <>
            <div className={css.filter}>
              <TextField aria-label="Only SLOs with this in their name, service or owner" placeholder="Filter by name, service or owner" value={text ?? ''} onChange={filter} />
            </div>
            {mayWrite && (
              <Button kind="primary" icon="plus" onPress={make}>
                New SLO
              </Button>
            )}
          </>
        )
      }
    >
      <Panel isFlush>
        <Answer query={slos} height={320} isEmpty={(answer) => answer.slos.length === 0} empty={<NoSlos onMake={mayWrite ? make : undefined} />}>
          {(answer) => {
            const shown = answer.slos.filter((slo) => `${slo.name} ${slo.service} ${slo.owner}`.toLowerCase().includes((text ?? '').toLowerCase()));
            return (
              <DataTable
                label="SLOs"
                rows={shown}
                columns={columns}
                keyOf={(slo) => slo.name}
                linkOf={(slo) => ({ to: '/slos/$name', params: { name: slo.name } })}
                {...(shown.length > ROWS_SHOWN ? { height: HEIGHT_MAX } : {})}
              />
            );
          }}
        </Answer>
      </Panel>
      {isMaking && <SloDialog onClose={() => { setMaking(false); }} />}
    </Page>
  );
}

export function burnText(burn: number | null | undefined): string {
  return burn == null ? '–' : `${format(burn, 'number')}×`;
}

/** As a bar, and in figures beside it. */
function BudgetLeft({ slo }: { slo: SloView }) {
  const { left_share: left } = slo.budget;
  return (
    <span className={css.budget}>
      <span className={css.bar} aria-hidden="true">
        <span className={css.left} data-state={slo.state} style={{ width: `${leftOf(slo) * 100}%` }} />
      </span>
      <span className={left != null && left < 0 ? css.overspent : css.figure}>{left != null && left < 0 ? 'overspent' : format(left, 'share')}</span>
    </span>
  );
}

function NoSlos({ onMake }: { onMake: (() => void) | undefined }) {
  return (
    <Empty
      title="Nothing is promised yet"
      height={240}
      act={
        onMake !== undefined && (
          <Button kind="primary" icon="plus" onPress={onMake}>
            New SLO
          </Button>
        )
      }
    >
      An SLO says what share of a service&apos;s events are to be good, and tells when too many are not.
    </Empty>
  );
}
