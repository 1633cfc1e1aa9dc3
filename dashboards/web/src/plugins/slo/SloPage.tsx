// One SLO: its budget and its burn over time, and by which rows of the table it is judged.

import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { api, queries } from '../../api/client';
import type { BurnView, History, SloView } from '../../api/schema';
import { Badge } from '../../components/Badge';
import { Button } from '../../components/Button';
import { Chart } from '../../components/chart/Chart';
import { DataTable, type Column } from '../../components/DataTable';
import { FormDialog } from '../../components/FormDialog';
import { Grid, Page, Panel } from '../../components/Page';
import { Stat, Stats } from '../../components/Stat';
import { Answer, Empty } from '../../components/states';
import { exact } from '../../format/number';
import { ago, millis, useClock } from '../../format/time';
import { useRange } from '../../range/useRange';
import { useMay } from '../../shell/me';
import { useRefresh } from '../alerting/change';
import { useErrorsOf } from '../alerting/elsewhere';
import { burnNow, precise, promiseOf, STATE_NAMES, STATE_TONES } from './slo';
import { SloDialog } from './SloDialog';
import { burnText } from './SlosPage';
import css from './slo.module.css';

const route = getRouteApi('/app/slos/$name');
const REFRESH_MS = 30_000;
const CHART_HEIGHT = 200;
const PANEL_HEIGHT = CHART_HEIGHT + 30;

export function SloPage() {
  const { name } = route.useParams();
  const slo = queries.useQuery('get', '/api/v1/apm/slos/{name}', { params: { path: { name } } }, { refetchInterval: REFRESH_MS });
  const mayWrite = useMay('apm:slos:write');
  const [open, setOpen] = useState<'edit' | 'delete'>();
  const close = () => { setOpen(undefined); };
  return (
    <Page
      title={name}
      parent={<Link to="/slos">SLOs</Link>}
      actions={
        <>
          <Link to="/alerts" search={{ text: `slo=${name}` }}>
            Alerts
          </Link>
          {mayWrite && slo.data !== undefined && (
            <>
              <Button onPress={() => { setOpen('edit'); }}>Edit…</Button>
              <Button onPress={() => { setOpen('delete'); }}>Delete…</Button>
            </>
          )}
        </>
      }
    >
      <Answer query={slo} height={560}>
        {(found) => (
          <>
            <Slo slo={found} />
            {open === 'edit' && <SloDialog slo={found} onClose={close} />}
            {open === 'delete' && <DeleteDialog slo={found} onClose={close} />}
          </>
        )}
      </Answer>
    </Page>
  );
}

function Slo({ slo }: { slo: SloView }) {
  const { name, budget } = slo;
  const { query: range, live } = useRange();
  const history = queries.useQuery('get', '/api/v1/apm/slos/{name}/history', { params: { path: { name }, query: range } }, live);
  const left = budget.left_share;
  return (
    <>
      <p className={css.promise}>
        <Badge tone={STATE_TONES[slo.state]}>{STATE_NAMES[slo.state]}</Badge> {precise(slo.objective / 100)} of {promiseOf(slo.indicator)}, over {slo.window_days} days, of{' '}
        <Link to="/services/$name" params={{ name: slo.service }}>
          {slo.service}
        </Link>
        {slo.owner !== '' && `; ${slo.owner} knows more`}. {slo.description}
      </p>
      {slo.error != null && <p className={css.failing} role="alert">The last minutes are not counted: {slo.error}</p>}
      <Stats>
        <Stat label="Good" value={slo.sli} unit="share" isWrong={slo.sli != null && slo.sli < slo.objective / 100} action={`of ${exact(budget.valid)} events`} />
        <Stat label="Budget left" value={left} unit="share" isWrong={left != null && left <= 0} action={left != null && left < 0 ? 'overspent' : 'of what may be bad'} />
        <Stat label="Bad" value={budget.bad} unit="count" action={`${exact(Math.round(budget.total_bad))} may be`} />
        <Stat label="Burn of the last hour" value={burnNow(slo)} unit="number" isWrong={slo.state === 'page'} action={budget.exhausted_at == null ? 'spends no more than there is' : exhausted(budget.exhausted_at)} />
      </Stats>
      <Answer query={history} height={PANEL_HEIGHT} isEmpty={(answer) => answer.buckets.every((bucket) => bucket.valid === 0)} empty={<NoHistory />}>
        {(answer) => <OverTime history={answer} service={slo.service} />}
      </Answer>
      <Panel title="How it is judged" isFlush>
        {slo.burns.length === 0 ? (
          <Empty title="It was not judged yet" height={120}>
            That happens within a minute.
          </Empty>
        ) : (
          <DataTable label="Burn by window" rows={slo.burns} columns={burnColumns} keyOf={(burn) => `${burn.severity} ${burn.long_window}`} />
        )}
      </Panel>
      <Counted slo={slo} />
    </>
  );
}

function exhausted(at: string): string {
  return millis(at) <= Date.now() ? 'nothing is left' : `nothing is left ${ago(at)}`;
}

const burnColumns: Column<BurnView>[] = [
  { id: 'severity', name: 'Tells', value: (burn) => burn.severity, width: '110px' },
  { id: 'windows', name: 'Windows', value: (burn) => `${burn.long_window} and ${burn.short_window}`, width: 'minmax(130px, 1fr)' },
  { id: 'burn', name: 'Burns above', unit: 'number', width: 'minmax(110px, 1fr)', value: (burn) => burn.burn, render: (burn) => burnText(burn.burn) },
  { id: 'long', name: 'Long window', unit: 'number', width: 'minmax(115px, 1fr)', value: (burn) => burn.long_burn, render: (burn) => burnText(burn.long_burn) },
  { id: 'short', name: 'Short window', unit: 'number', width: 'minmax(115px, 1fr)', value: (burn) => burn.short_burn, render: (burn) => burnText(burn.short_burn) },
  { id: 'bad', name: 'Bad', unit: 'count', value: (burn) => burn.bad },
  { id: 'valid', name: 'Events', unit: 'count', value: (burn) => burn.valid },
  {
    id: 'state',
    name: 'State',
    value: (burn) => String(burn.is_burning),
    width: 'minmax(150px, 1fr)',
    render: (burn) => (
      <>
        <Badge tone={burn.is_burning ? 'error' : 'good'}>{burn.is_burning ? 'burns' : 'fine'}</Badge> {burn.is_widened && 'by longer windows'}
      </>
    ),
  },
];

function OverTime({ history, service }: { history: History; service: string }) {
  const { zoom } = useRange();
  const openErrors = useErrorsOf(service);
  const { times, left, burn, events } = useMemo(() => seriesOf(history), [history]);
  const shared = { times, from: millis(history.from), to: millis(history.to), sync: 'slo', onZoom: zoom, height: CHART_HEIGHT };
  return (
    <Grid>
      <Panel>
        <Chart title="Budget left" series={left} unit="share" {...shared} />
      </Panel>
      <Panel>
        <Chart title="Burn" series={burn} unit="number" thresholds={JUST_SPENT} {...shared} />
      </Panel>
      <Panel>
        <Chart
          title="Events"
          series={events}
          unit="count"
          isStacked
          {...shared}
          onPoint={(time) => {
            openErrors(time, time + history.bucket_seconds * 1000);
          }}
        />
      </Panel>
    </Grid>
  );
}

/** What spends the budget in exactly the window. */
const JUST_SPENT = [{ name: '1×', value: 1 }];

function seriesOf({ buckets }: History) {
  return {
    times: buckets.map((bucket) => millis(bucket.from)),
    left: [{ name: 'left', values: buckets.map((bucket) => bucket.budget_left_share ?? null) }],
    burn: [{ name: 'burn', values: buckets.map((bucket) => bucket.burn ?? null), colour: '--series-2' }],
    events: [
      { name: 'good', kind: 'bars' as const, values: buckets.map((bucket) => bucket.good), colour: '--series-1' },
      { name: 'bad', kind: 'bars' as const, values: buckets.map((bucket) => bucket.valid - bucket.good), colour: '--error' },
    ],
  };
}

function NoHistory() {
  return (
    <Panel>
      <Empty title="No events in this range" height={PANEL_HEIGHT}>
        Choose a longer one above.
      </Empty>
    </Panel>
  );
}

function Counted({ slo }: { slo: SloView }) {
  const clock = useClock();
  if (slo.counted_from == null) return null;
  return (
    <p className={css.promise}>
      Counted from {clock.short(slo.counted_from)} until {slo.counted_until == null ? 'now' : clock.short(slo.counted_until)}
      {slo.caught_up != null && `; ${clock.short(slo.caught_up.from)} to ${clock.short(slo.caught_up.to)} was counted afterwards`}.
    </p>
  );
}

function DeleteDialog({ slo, onClose }: { slo: SloView; onClose: () => void }) {
  const navigate = useNavigate();
  const refresh = useRefresh();
  const act = async () => {
    await api.DELETE('/api/v1/apm/slos/{name}', { params: { path: { name: slo.name }, query: { version: slo.version } } });
    await navigate({ to: '/slos' });
    void refresh();
  };
  return (
    <FormDialog title={`Delete ${slo.name}?`} act="Delete" onAct={act} onClose={onClose}>
      <p>All that was counted for it is gone then.</p>
    </FormDialog>
  );
}
