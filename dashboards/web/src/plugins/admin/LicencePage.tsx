// What the licence allows, and installing another one.

import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { FileTrigger } from 'react-aria-components';
import { api, queries } from '../../api/client';
import type { Licence, LicenceView } from '../../api/schema';
import { Badge, type Tone } from '../../components/Badge';
import { Button } from '../../components/Button';
import { Fact, Facts } from '../../components/Facts';
import { TextField } from '../../components/fields';
import { Page, Panel } from '../../components/Page';
import { Answer, Failed } from '../../components/states';
import { exact } from '../../format/number';
import { ago, useClock } from '../../format/time';
import { useMay } from '../../shell/me';
import css from './admin.module.css';
import { useHubChanged } from './hub';

const STANDINGS: Record<string, { tone: Tone; name: string; told: string }> = {
  none: { tone: 'plain', name: 'none', told: 'Everything works, for three tenants beside system.' },
  valid: { tone: 'good', name: 'valid', told: 'It holds.' },
  grace: { tone: 'warning', name: 'expired, in grace', told: 'Everything works until grace ends; products can be read only after that. Telemetry is taken in any case.' },
  read_only: { tone: 'error', name: 'read only', told: 'Products can be read only. Telemetry is taken, and people and keys can be managed.' },
};

export function LicencePage() {
  const licence = queries.useQuery('get', '/api/v1/hub/licence', {});
  const mayInstall = useMay('server:licence:write');
  return (
    <Page title="Licence">
      <Panel title="What it is worth">
        <Answer query={licence} height={120}>
          {(answer) => <Standing of={answer} />}
        </Answer>
      </Panel>
      {mayInstall && (
        <Panel title="Install a licence">
          <Install />
        </Panel>
      )}
    </Page>
  );
}

function Standing({ of: { standing, reason, grace_ends, licence } }: { of: LicenceView }) {
  const clock = useClock();
  const known = STANDINGS[standing];
  return (
    <div className={css.stack}>
      <p className={css.text}>
        <Badge tone={known?.tone ?? 'plain'}>{known?.name ?? standing}</Badge> {known?.told} {reason != null && `The reason: ${reason}.`}
      </p>
      {grace_ends != null && (
        <p>
          Grace ends {ago(grace_ends)}, at {clock.full(grace_ends)}.
        </p>
      )}
      {licence != null && <Allowed of={licence} />}
    </div>
  );
}

function Allowed({ of: licence }: { of: Licence }) {
  const clock = useClock();
  return (
    <Facts>
      <Fact name="For">{licence.customer}</Fact>
      <Fact name="Id">
        <code>{licence.id}</code>
      </Fact>
      <Fact name="Products">{licence.products.join(', ') || 'none that need one'}</Fact>
      <Fact name="People">{exact(licence.limits.users)}</Fact>
      <Fact name="Telemetry">{exact(licence.limits.gb_day)} GB a day</Fact>
      <Fact name="From">{clock.full(licence.not_before)}</Fact>
      <Fact name="Until">
        {clock.full(licence.not_after)}, {ago(licence.not_after)}
      </Fact>
      <Fact name="Features">{licence.features.join(', ') || 'none'}</Fact>
    </Facts>
  );
}

function Install() {
  const changed = useHubChanged();
  const [file, setFile] = useState('');
  const install = useMutation({
    mutationFn: () => api.PUT('/api/v1/hub/licence', { body: file, bodySerializer: (text) => text, headers: { 'Content-Type': 'text/plain' } }),
    onSuccess: async () => {
      setFile('');
      await changed();
    },
  });
  return (
    <form
      className={css.stack}
      onSubmit={(event) => {
        event.preventDefault();
        install.mutate();
      }}
    >
      <p className={css.text}>It takes the place of the one there is, for the whole server, once the server has found it genuine. Otherwise nothing changes.</p>
      <div className={css.wide}>
        <TextField label="Text of the licence file" lines={8} value={file} onChange={setFile} />
      </div>
      {install.isError && <Failed error={install.error} />}
      {install.isSuccess && <p role="status">Installed.</p>}
      <div className={css.row}>
        <FileTrigger
          onSelect={(chosen) => {
            void chosen?.item(0)?.text().then(setFile);
          }}
        >
          <Button>Choose a file</Button>
        </FileTrigger>
        <Button type="submit" kind="primary" isDisabled={file.trim() === ''} isPending={install.isPending}>
          Install
        </Button>
      </div>
    </form>
  );
}
