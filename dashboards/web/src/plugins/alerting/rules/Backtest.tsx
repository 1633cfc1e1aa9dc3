// When rules would have fired in the past: asked for when somebody wants it, as it may take a minute.

import { useMutation } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { api } from '../../../api/client';
import type { RuleBacktest } from '../../../api/schema';
import { Button } from '../../../components/Button';
import { Select } from '../../../components/fields';
import { Empty, Failed, Loading } from '../../../components/states';
import { exact, format } from '../../../format/number';
import { millis, useClock } from '../../../format/time';
import { timeOf } from '../../../range/range';
import { unitOf } from '../alerts/units';
import css from '../alerting.module.css';
import { FiringTimeline, WouldFireTable } from './FiringTimeline';

const SINCE = { '1h': 'the last hour', '6h': 'the last 6 hours', '1d': 'the last day', '7d': 'the last 7 days', '30d': 'the last 30 days' };
const STEPS = { '': 'as it suits', '30s': '30 seconds', '1m': '1 minute', '5m': '5 minutes', '15m': '15 minutes', '1h': '1 hour' };
const SINCE_CHOICES = choices(SINCE);
const STEP_CHOICES = choices(STEPS);

interface BacktestProps {
  yaml: string;
  since: string;
  step: string | undefined;
  onChange: (wanted: { since: string; step: string | undefined }) => void;
}

export function Backtest({ yaml, since, step, onChange }: BacktestProps) {
  const cancel = useRef<AbortController>(null);
  useEffect(() => () => cancel.current?.abort(), []);
  const trial = useMutation({
    mutationFn: async () => {
      const controller = new AbortController();
      cancel.current = controller;
      const asked = Date.now();
      const { data = [] } = await api.POST('/api/v1/alerting/rules/backtest', { body: { yaml, since, step: step ?? null }, signal: controller.signal });
      return { rules: data, from: timeOf(`now-${since}`, asked) ?? asked, to: asked, yaml };
    },
  });
  const isCancelled = trial.error instanceof DOMException && trial.error.name === 'AbortError';
  return (
    <div className={css.stack}>
      <div className={css.ask}>
        <Select label="Over" value={since in SINCE ? (since as keyof typeof SINCE) : '1d'} choices={SINCE_CHOICES} onChange={(next) => { onChange({ since: next, step }); }} />
        <Select
          label="Evaluated every"
          value={step !== undefined && step in STEPS ? (step as keyof typeof STEPS) : ''}
          choices={STEP_CHOICES}
          onChange={(next) => { onChange({ since, step: next === '' ? undefined : next }); }}
        />
        {trial.isPending ? (
          <Button icon="close" onPress={() => { cancel.current?.abort(); }}>
            Cancel
          </Button>
        ) : (
          <Button onPress={() => { trial.mutate(); }}>
            Try it on the past
          </Button>
        )}
      </div>
      {trial.isPending && <Loading height={200} />}
      {trial.error !== null && !isCancelled && <Failed error={trial.error} />}
      {trial.data?.rules.map((rule) => (
        <Result key={rule.rule} rule={rule} from={trial.data.from} to={trial.data.to} yaml={trial.data.yaml} hasName={trial.data.rules.length > 1} />
      ))}
    </div>
  );
}

interface ResultProps {
  rule: RuleBacktest;
  from: number;
  to: number;
  yaml: string;
  hasName: boolean;
}

function Result({ rule, from, to, yaml, hasName }: ResultProps) {
  const clock = useClock();
  const unit = unitOf(yaml);
  const end = rule.stopped_at ?? undefined;
  return (
    <section className={css.stack} aria-label={`Trial of ${rule.rule}`}>
      {hasName && <h3 className={css.heading}>{rule.rule}</h3>}
      <p className={css.muted}>
        {exact(rule.evaluations)} evaluations, one every {format(rule.step_seconds, 's')}
        {rule.failed > 0 && <span className={css.wrong}>; {exact(rule.failed)} failed: {rule.error}</span>}
        {end !== undefined && `; there was no time for what comes after ${clock.short(end)}`}
        {rule.is_left_out && '; there was no time for it at all'}
      </p>
      {rule.alerts.length === 0 ? (
        <Empty title="It would not have fired" height={120}>
          Lower the threshold, or look further back.
        </Empty>
      ) : (
        <>
          {/* Nothing is known of the time after it stopped. */}
          <FiringTimeline alerts={rule.alerts} from={from} to={end === undefined ? to : millis(end)} unit={unit} />
          {rule.alerts_left_out > 0 && <p className={css.muted}>{exact(rule.alerts_left_out)} further alerts are not shown.</p>}
          <WouldFireTable alerts={rule.alerts} unit={unit} />
        </>
      )}
    </section>
  );
}

function choices<Value extends string>(names: Record<Value, string>): { value: Value; name: string }[] {
  return (Object.keys(names) as Value[]).map((value) => ({ value, name: names[value] }));
}
