// One rule: as it is written, its alerts, and when it would have fired.

import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api, queries } from '../../../api/client';
import type { OneRule } from '../../../api/schema';
import { Badge } from '../../../components/Badge';
import { Button } from '../../../components/Button';
import { FormDialog } from '../../../components/FormDialog';
import { Page, Panel } from '../../../components/Page';
import { Answer, Empty, Failed } from '../../../components/states';
import { Tabs } from '../../../components/Tabs';
import { format } from '../../../format/number';
import { useMay } from '../../../shell/me';
import css from '../alerting.module.css';
import { AlertTable } from '../alerts/AlertTable';
import { unitOf } from '../alerts/units';
import { useChange, useRefresh, WATCHED } from '../change';
import { SeverityMark } from '../marks';
import { Backtest } from './Backtest';
import { asked } from './kinds';
import { RuleText } from './RuleText';

const route = getRouteApi('/app/rules/$name');

export function RulePage() {
  const { name } = route.useParams();
  const rule = queries.useQuery('get', '/api/v1/alerting/rules/{name}', { params: { path: { name } } }, WATCHED);
  return (
    <Page title={name} parent={<Link to="/rules">Rules</Link>}>
      <Answer query={rule} height={480}>
        {(found) => <Rule key={found.name} rule={found} />}
      </Answer>
    </Page>
  );
}

function Rule({ rule }: { rule: OneRule }) {
  const { tab = 'rule', since = '1d', step } = route.useSearch();
  const navigate = route.useNavigate();
  // What is written stays when another tab is looked at, so that it can be tried before it is saved.
  const [draft, setDraft] = useState<string>();
  const yaml = draft ?? rule.yaml;
  const tabs = [
    { id: 'rule', name: 'Rule' },
    { id: 'alerts', name: 'Alerts', count: rule.alerts.length },
    { id: 'backtest', name: draft === undefined ? 'Try on the past' : 'Try the change on the past' },
  ] as const;
  return (
    <>
      <p className={css.group}>
        <SeverityMark severity={rule.severity} />
        {!rule.enabled && <Badge>off</Badge>}
        <span className={css.muted}>
          Asks for {asked(rule.kind)} every {format(rule.interval_seconds, 's')}; stands in {rule.file ?? 'the API'}
        </span>
      </p>
      {rule.error != null && <FailingRule error={rule.error} />}
      <Panel isFlush>
        <Tabs label={`Parts of ${rule.name}`} tabs={tabs} selected={tab} onSelect={(next) => void navigate({ search: (search) => ({ ...search, tab: next === 'rule' ? undefined : next }) })}>
          {tab === 'alerts' && <RuleAlerts rule={rule} />}
          {tab !== 'alerts' && (
            <div className={css.within}>
              {tab === 'rule' && <Written rule={rule} yaml={yaml} isChanged={draft !== undefined} onDraft={setDraft} />}
              {tab === 'backtest' && <Backtest yaml={yaml} since={since} step={step} onChange={(wanted) => void navigate({ search: (search) => ({ ...search, ...wanted }), replace: true })} />}
            </div>
          )}
        </Tabs>
      </Panel>
    </>
  );
}

function FailingRule({ error }: { error: string }) {
  return (
    <div className={css.failing} role="alert">
      <strong>It cannot be evaluated, so its alerts stay as they are.</strong> {error}
    </div>
  );
}

function RuleAlerts({ rule }: { rule: OneRule }) {
  if (rule.alerts.length === 0) {
    return (
      <Empty title="Nothing is pending or fires" height={160}>
        <Link to="/alerts" search={{ state: 'resolved', rule: rule.name }}>
          See what is over
        </Link>
      </Empty>
    );
  }
  return <AlertTable label={`Alerts of ${rule.name}`} alerts={rule.alerts} unitOfRule={() => unitOf(rule.yaml)} />;
}

interface WrittenProps {
  rule: OneRule;
  yaml: string;
  isChanged: boolean;
  onDraft: (yaml: string | undefined) => void;
}

function Written({ rule, yaml, isChanged, onDraft }: WrittenProps) {
  const isOfFile = rule.file != null;
  const mayWrite = useMay('alerting:rules:write') && !isOfFile;
  const change = useChange();
  const navigate = useNavigate();
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const [isDeleting, setDeleting] = useState(false);
  const save = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const { data } = await change(api.POST('/api/v1/alerting/rules', { body: { yaml } }));
      onDraft(undefined);
      // Another name is another rule, beside this one.
      const [name] = data?.rules ?? [];
      if (name !== undefined && name !== rule.name) await navigate({ to: '/rules/$name', params: { name } });
    } catch (thrown) {
      setError(thrown);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className={css.stack}>
      {isOfFile && (
        <p className={css.muted}>
          It stands in <code>{rule.file}</code> below <code>alerting.directory</code>, and is changed there. What is written here can be tried on the past, and is not saved.
        </p>
      )}
      {error !== undefined && <Failed error={error} />}
      <RuleText yaml={yaml} isTrial={isOfFile && !isChanged} onChange={(next) => { onDraft(next === rule.yaml ? undefined : next); }} />
      {(mayWrite || isChanged) && (
        <div className={css.bar}>
          {mayWrite && (
            <Button kind="primary" isDisabled={!isChanged} isPending={isBusy} onPress={() => void save()}>
              Save
            </Button>
          )}
          {isChanged && <Button onPress={() => { onDraft(undefined); }}>Discard the change</Button>}
          {mayWrite && <Button onPress={() => { setDeleting(true); }}>Delete…</Button>}
        </div>
      )}
      {isDeleting && <DeleteDialog name={rule.name} onClose={() => { setDeleting(false); }} />}
    </div>
  );
}

function DeleteDialog({ name, onClose }: { name: string; onClose: () => void }) {
  const navigate = useNavigate();
  const refresh = useRefresh();
  const act = async () => {
    await api.DELETE('/api/v1/alerting/rules/{name}', { params: { path: { name } } });
    await navigate({ to: '/rules' });
    void refresh();
  };
  return (
    <FormDialog title={`Delete ${name}?`} act="Delete" onAct={act} onClose={onClose}>
      <p>Its alerts are over then.</p>
    </FormDialog>
  );
}
