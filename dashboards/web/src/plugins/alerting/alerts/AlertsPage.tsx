// Alerts of one state below their rules, and what is silenced.

import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { queries } from '../../../api/client';
import type { AlertState, AlertView } from '../../../api/schema';
import { Button } from '../../../components/Button';
import { TextField } from '../../../components/fields';
import { Page, Panel } from '../../../components/Page';
import { Answer, Empty } from '../../../components/states';
import { Tabs } from '../../../components/Tabs';
import { count } from '../../../format/number';
import { useMay } from '../../../shell/me';
import css from '../alerting.module.css';
import { WATCHED } from '../change';
import { SeverityMark } from '../marks';
import { allRules } from '../rules/allRules';
import { AlertTable } from './AlertTable';
import { byRule, mentions } from './groups';
import { matchersOf } from './matchers';
import { SilenceDialog } from './SilenceDialog';
import { Silences } from './Silences';
import { unitOf } from './units';

const route = getRouteApi('/app/alerts');
const ALERTS_MAX = 1000;
const TABS = [
  { id: 'firing', name: 'Firing' },
  { id: 'pending', name: 'Pending' },
  { id: 'resolved', name: 'Resolved' },
  { id: 'silences', name: 'Silences' },
] as const;

export function AlertsPage() {
  const { state = 'firing', rule, text } = route.useSearch();
  const navigate = route.useNavigate();
  const [silencing, setSilencing] = useState<string[]>();
  const maySilence = useMay('alerting:silences:write');
  const filter = (words: string) => void navigate({ search: (search) => ({ ...search, text: words === '' ? undefined : words }), replace: true });
  return (
    <Page
      title="Alerts"
      actions={
        <>
          {rule !== undefined && (
            <Button icon="close" onPress={() => void navigate({ search: (search) => ({ ...search, rule: undefined }) })} aria-label={`Show alerts of all rules, not only of ${rule}`}>
              {rule}
            </Button>
          )}
          <div className={css.filter}>
            <TextField aria-label="Only alerts with this in their rule or labels" placeholder="Filter by rule or label" value={text ?? ''} onChange={filter} />
          </div>
          {maySilence && <Button onPress={() => { setSilencing(rule === undefined ? [] : matchersOf({ rule, labels: {} })); }}>Silence…</Button>}
        </>
      }
    >
      <Tabs label="State" tabs={TABS} selected={state} onSelect={(next) => void navigate({ search: (search) => ({ ...search, state: next === 'firing' ? undefined : next }) })}>
        <div className={css.panels}>
          {state === 'silences' ? (
            <Panel isFlush>
              <Silences />
            </Panel>
          ) : (
            <AlertsOf state={state} rule={rule} words={text ?? ''} onSilence={maySilence ? (alert) => { setSilencing(matchersOf(alert)); } : undefined} />
          )}
        </div>
      </Tabs>
      {silencing !== undefined && <SilenceDialog matchers={silencing} onClose={() => { setSilencing(undefined); }} />}
    </Page>
  );
}

interface AlertsOfProps {
  state: AlertState;
  rule: string | undefined;
  words: string;
  onSilence: ((alert: AlertView) => void) | undefined;
}

function AlertsOf({ state, rule, words, onSilence }: AlertsOfProps) {
  const alerts = queries.useQuery('get', '/api/v1/alerting/alerts', { params: { query: { state, rule, limit: ALERTS_MAX } } }, WATCHED);
  const rules = useQuery(allRules());
  return (
    <Answer query={alerts} height={400} isEmpty={(page) => page.alerts.length === 0} empty={<NoAlerts state={state} />}>
      {(page) => {
        const groups = byRule(page.alerts.filter((alert) => mentions(alert, words)));
        return (
          <>
            {page.next != null && <p className={css.muted}>The newest {ALERTS_MAX} alerts are shown; those of one rule are all there when it is chosen.</p>}
            {groups.length === 0 && <Empty title="No alert has that in its rule or labels" height={160} />}
            {groups.map((group) => (
              <Panel
                key={group.rule}
                isFlush
                title={group.rule}
                actions={
                  <span className={css.group}>
                    <span className={css.muted}>{count(group.alerts.length)}</span>
                    <SeverityMark severity={group.severity} />
                    {/* The server has some alerts of its own that no rule says. */}
                    {rules.data?.some((each) => each.name === group.rule) === true && (
                      <Link to="/rules/$name" params={{ name: group.rule }}>
                        Rule
                      </Link>
                    )}
                  </span>
                }
              >
                <AlertTable
                  label={`Alerts of ${group.rule}`}
                  alerts={group.alerts}
                  unitOfRule={() => unitOf(rules.data?.find((each) => each.name === group.rule)?.yaml ?? '')}
                  onSilence={onSilence}
                />
              </Panel>
            ))}
          </>
        );
      }}
    </Answer>
  );
}

const NONE: Record<AlertState, string> = { firing: 'No alert fires', pending: 'No alert is pending', resolved: 'No alert is over yet' };

function NoAlerts({ state }: { state: AlertState }) {
  return (
    <Empty title={NONE[state]} height={240}>
      <Link to="/rules">See the rules</Link> and whether they can be evaluated.
    </Empty>
  );
}
