// Making a key, and what to do with it while it is told.

import { useState } from 'react';
import { api } from '../../api/client';
import type { KeyView } from '../../api/schema';
import { Select, TextField } from '../../components/fields';
import { FormDialog } from '../../components/FormDialog';
import { Snippet } from '../../components/Snippet';
import { Tabs } from '../../components/Tabs';
import { EXPORTERS, exporterText, type Exporter } from '../overview/exporters';
import css from './admin.module.css';
import { bodyOf, useHubChanged } from './hub';
import { expiryOf, networksOf } from './keyState';
import { RoleChoice } from './RoleChoice';
import { Told } from './Told';

const EXPIRIES = [
  { value: 'never', name: 'Never', days: undefined },
  { value: '30', name: 'In 30 days', days: 30 },
  { value: '90', name: 'In 90 days', days: 90 },
  { value: '365', name: 'In a year', days: 365 },
] as const;

type Expiry = (typeof EXPIRIES)[number]['value'];

/** With `like`, what the new one is to be is filled in from that key: the way to replace one. */
export function MakeKey({ like, onClose }: { like?: KeyView | undefined; onClose: () => void }) {
  const changed = useHubChanged();
  const [name, setName] = useState(like?.name ?? '');
  const [roles, setRoles] = useState<string[]>(like?.roles ?? ['exporter']);
  const [networks, setNetworks] = useState(like?.allowed_from.join(', ') ?? '');
  const [expiry, setExpiry] = useState<Expiry>('never');
  const [made, setMade] = useState<string | undefined>();
  const make = async () => {
    const expires_at = expiryOf(EXPIRIES.find(({ value }) => value === expiry)?.days);
    const answer = bodyOf(await api.POST('/api/v1/hub/keys', { body: { name, roles, expires_at, allowed_from: networksOf(networks) } }));
    setMade(answer.key);
  };

  if (made !== undefined) return <Made name={name} apiKey={made} isExporter={roles.includes('exporter')} onClose={onClose} />;
  return (
    <FormDialog title={like === undefined ? 'Make a key' : `Make a key like ${like.name}`} act="Make it" isReady={name !== '' && roles.length > 0} onAct={make} onDone={() => void changed()} onClose={onClose}>
      <TextField label="Name" value={name} onChange={setName} description="What uses it, as collector-eu." />
      <RoleChoice chosen={roles} onChange={setRoles} />
      <Select label="Expires" value={expiry} choices={EXPIRIES} onChange={setExpiry} />
      <TextField label="Taken from these networks only" placeholder="10.1.0.0/16, 192.0.2.7/32" value={networks} onChange={setNetworks} description="From everywhere when there is none." />
      {like !== undefined && <p className={css.text}>Once programs use the new one, revoke the other.</p>}
    </FormDialog>
  );
}

interface MadeProps {
  name: string;
  apiKey: string;
  isExporter: boolean;
  /** What else is to be known of it. */
  more?: string;
  onClose: () => void;
}

/** A key while it is told. */
export function Made({ name, apiKey, isExporter, more, onClose }: MadeProps) {
  const [exporter, setExporter] = useState<Exporter>('environment');
  return (
    <Told title={`The key ${name}`} label="Key" secret={apiKey} note={['It is told only now: put it where the program finds it.', more].join(' ')} onClose={onClose}>
      {isExporter && (
        <div className={css.wide}>
          <Tabs label="How telemetry is sent" tabs={EXPORTERS} selected={exporter} onSelect={setExporter}>
            <Snippet label="Settings of the exporter" text={exporterText(exporter, window.location.hostname, apiKey)} />
          </Tabs>
        </div>
      )}
    </Told>
  );
}
