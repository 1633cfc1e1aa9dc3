// An SLO that is made or changed.

import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api } from '../../api/client';
import type { SloView } from '../../api/schema';
import { CodeEditor } from '../../components/CodeEditor';
import { FormDialog } from '../../components/FormDialog';
import { Select, TextField } from '../../components/fields';
import { useChange, useRefresh } from '../alerting/change';
import { NEW_SLO, textsOf, wantedOf, type SloTexts } from './form';
import css from './slo.module.css';

const KINDS = [
  { value: 'availability', name: 'Requests without an error' },
  { value: 'latency', name: 'Requests that are fast enough' },
  { value: 'freshness', name: 'Minutes with fresh telemetry' },
  { value: 'sql', name: 'What a statement calls good' },
] as const;
const SIGNALS = [
  { value: 'spans', name: 'Spans' },
  { value: 'logs', name: 'Log records' },
  { value: 'metrics', name: 'Metrics' },
] as const;

export function SloDialog({ slo, onClose }: { slo?: SloView; onClose: () => void }) {
  const [texts, setTexts] = useState<SloTexts>(slo === undefined ? NEW_SLO : textsOf(slo));
  const change = useChange();
  const refresh = useRefresh();
  const navigate = useNavigate();
  const set = (changed: Partial<SloTexts>) => { setTexts((before) => ({ ...before, ...changed })); };
  const act = async () => {
    const body = wantedOf(texts, slo);
    if (slo !== undefined) return change(api.PUT('/api/v1/apm/slos/{name}', { params: { path: { name: slo.name } }, body }));
    await api.POST('/api/v1/apm/slos', { body });
    await navigate({ to: '/slos/$name', params: { name: texts.name } });
    return refresh();
  };
  return (
    <FormDialog title={slo === undefined ? 'New SLO' : `Edit ${slo.name}`} act={slo === undefined ? 'Make it' : 'Save'} onAct={act} onClose={onClose}>
      {slo === undefined && <TextField label="Name" description="a-z, 0-9 and -, as in checkout-latency; it stays what it is." pattern="[a-z0-9\-]{1,64}" value={texts.name} onChange={(name) => { set({ name }); }} isRequired />}
      <TextField label="Service" value={texts.service} onChange={(service) => { set({ service }); }} isRequired />
      <div className={css.pair}>
        <TextField label="Good, in percent" inputMode="decimal" value={texts.objective} onChange={(objective) => { set({ objective }); }} isRequired />
        <TextField label="Over so many days" inputMode="numeric" value={texts.windowDays} onChange={(windowDays) => { set({ windowDays }); }} isRequired />
      </div>
      <Select label="Good are" value={texts.kind} choices={KINDS} onChange={(kind) => { set({ kind }); }} />
      <IndicatorFields texts={texts} set={set} />
      <TextField label="Description" value={texts.description} onChange={(description) => { set({ description }); }} />
      <TextField label="Owner" description="Whom to ask about it." value={texts.owner} onChange={(owner) => { set({ owner }); }} />
      {slo !== undefined && <p className={css.promise}>Counting begins anew when the service or what is good changes.</p>}
    </FormDialog>
  );
}

function IndicatorFields({ texts, set }: { texts: SloTexts; set: (changed: Partial<SloTexts>) => void }) {
  const ofWhat = (
    <div className={css.pair}>
      <TextField label="Only of the operation" value={texts.operation} onChange={(operation) => { set({ operation }); }} />
      <TextField label="Only in the environment" value={texts.environment} onChange={(environment) => { set({ environment }); }} />
    </div>
  );
  switch (texts.kind) {
    case 'availability':
      return ofWhat;
    case 'latency':
      return (
        <>
          <TextField label="Within milliseconds" inputMode="decimal" value={texts.thresholdMs} onChange={(thresholdMs) => { set({ thresholdMs }); }} isRequired />
          {ofWhat}
        </>
      );
    case 'freshness':
      return (
        <div className={css.pair}>
          <Select label="Of" value={texts.signal} choices={SIGNALS} onChange={(signal) => { set({ signal }); }} />
          <TextField label="At most seconds old" inputMode="numeric" value={texts.maxAgeSeconds} onChange={(maxAgeSeconds) => { set({ maxAgeSeconds }); }} isRequired />
        </div>
      );
    case 'sql':
      return <CodeEditor label="Statement with the columns good and valid, of times from $1 to before $2" language="sql" value={texts.statement} onChange={(statement) => { set({ statement }); }} height={180} />;
  }
}
