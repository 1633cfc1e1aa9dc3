// A rule that is not there yet: written from a template, tried on the past, then put.

import { Link, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api } from '../../../api/client';
import { Button } from '../../../components/Button';
import { Page, Panel } from '../../../components/Page';
import { Failed } from '../../../components/states';
import css from '../alerting.module.css';
import { useRefresh } from '../change';
import { Backtest } from './Backtest';
import { RuleText } from './RuleText';
import { TEMPLATE_NAMES, TEMPLATE_TEXTS, type Template } from './templates';

export function NewRule({ template }: { template: Template }) {
  const [yaml, setYaml] = useState(TEMPLATE_TEXTS[template]);
  const [trial, setTrial] = useState<{ since: string; step?: string | undefined }>({ since: '1d' });
  const [error, setError] = useState<unknown>();
  const [isBusy, setBusy] = useState(false);
  const refresh = useRefresh();
  const navigate = useNavigate();
  const make = async () => {
    setBusy(true);
    setError(undefined);
    try {
      const { data } = await api.POST('/api/v1/alerting/rules', { body: { yaml } });
      const [name] = data?.rules ?? [];
      await (name === undefined ? navigate({ to: '/rules' }) : navigate({ to: '/rules/$name', params: { name } }));
      void refresh();
    } catch (thrown) {
      setError(thrown);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Page
      title={`New rule: ${TEMPLATE_NAMES[template].name}`}
      parent={<Link to="/rules">Rules</Link>}
      actions={
        <Button kind="primary" isPending={isBusy} onPress={() => void make()}>
          Make it
        </Button>
      }
    >
      <Panel>
        <div className={css.stack}>
          {error !== undefined && <Failed error={error} />}
          <RuleText yaml={yaml} onChange={setYaml} />
        </div>
      </Panel>
      <Panel title="When it would have fired">
        <Backtest yaml={yaml} since={trial.since} step={trial.step} onChange={setTrial} />
      </Panel>
    </Page>
  );
}
