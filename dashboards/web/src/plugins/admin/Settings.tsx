// Settings of the server are a file: here is what to write there, and making the server read it again.

import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../api/client';
import { Button } from '../../components/Button';
import { FormDialog } from '../../components/FormDialog';
import { Snippet } from '../../components/Snippet';
import { useMay } from '../../shell/me';
import css from './admin.module.css';

/** What is set, by its section. */
const SET = { retention: 'Retention is', quotas: 'Quotas are' } as const;

interface SettingsProps {
  section: keyof typeof SET;
  yaml: string;
}

export function Settings({ section, yaml }: SettingsProps) {
  const mayReload = useMay('server:settings:write');
  return (
    <div className={css.stack}>
      <p className={css.text}>
        {SET[section]} set under <code>{section}</code> in the settings of the server, for all tenants and for single ones, and may change while it runs.
      </p>
      <div className={css.wide}>
        <Snippet label={`Settings of ${section}`} text={yaml} />
      </div>
      {mayReload ? <Reload /> : <p className={css.text}>Those who run the server change it.</p>}
    </div>
  );
}

function Reload() {
  const [isAsking, setAsking] = useState(false);
  const reload = useMutation({ mutationFn: async () => (await api.POST('/api/v1/system/reload', { parseAs: 'json' })).data as { changed?: string[] } | undefined });
  const changed = reload.data?.changed ?? [];
  return (
    <>
      <div className={css.row}>
        <Button icon="refresh" onPress={() => { setAsking(true); }}>
          Read the settings again
        </Button>
        <span role="status">{reload.isSuccess && (changed.length === 0 ? 'Read; nothing is different.' : `Read; different now: ${changed.join(', ')}.`)}</span>
      </div>
      {isAsking && (
        <FormDialog title="Read the settings again" act="Read them" onAct={() => reload.mutateAsync()} onClose={() => { setAsking(false); }}>
          <p className={css.text}>The server checks its file and its environment first, then uses what it says as a whole, for all tenants; or nothing, when something is wrong or needs a restart. Rows past a shorter retention go within minutes, for good.</p>
        </FormDialog>
      )}
    </>
  );
}
