// Rotating a key: its successor is told once, and for a while both work.

import { useState } from 'react';
import { api } from '../../api/client';
import type { KeyView, RotatedKey } from '../../api/schema';
import { Select } from '../../components/fields';
import { FormDialog } from '../../components/FormDialog';
import { useClock } from '../../format/time';
import css from './admin.module.css';
import { bodyOf, useHubChanged } from './hub';
import { Made } from './MakeKey';

const OVERLAPS = [
  { value: '0', name: 'Not at all' },
  { value: '1', name: 'An hour' },
  { value: '24', name: 'A day' },
  { value: '168', name: 'A week' },
  { value: '720', name: '30 days' },
] as const;

type Overlap = (typeof OVERLAPS)[number]['value'];

export function RotateKey({ of: key, onClose }: { of: KeyView; onClose: () => void }) {
  const changed = useHubChanged();
  const clock = useClock();
  const [overlap, setOverlap] = useState<Overlap>('24');
  const [rotated, setRotated] = useState<RotatedKey | undefined>();
  const rotate = async () => {
    const answer = await api.POST('/api/v1/hub/keys/{id}/rotation', { params: { path: { id: key.id } }, body: { overlap_hours: Number(overlap) } });
    setRotated(bodyOf(answer));
  };

  if (rotated !== undefined) {
    const until = overlap === '0' ? 'The old one is worth nothing any more.' : `The old one works until ${clock.full(rotated.old_expires_at)}.`;
    return <Made name={key.name} apiKey={rotated.key} isExporter={key.roles.includes('exporter')} more={until} onClose={onClose} />;
  }
  return (
    <FormDialog title={`Rotate ${key.name}`} act="Rotate" isDangerous={overlap === '0'} onAct={rotate} onDone={() => void changed()} onClose={onClose}>
      <p className={css.text}>
        A new key takes the place of <code>obs_{key.id}…</code>, with the same name, roles and networks{key.expires_at == null ? '' : ', and for as long as that was made for'}.
      </p>
      <Select label="The old one goes on for" value={overlap} choices={OVERLAPS} onChange={setOverlap} />
      <p className={css.text}>
        {overlap === '0'
          ? 'Programs that use the old one are refused with their next request, until they have the new one.'
          : 'Both work meanwhile: give programs the new one before the old one ends. Revoking the old one ends it earlier.'}
      </p>
    </FormDialog>
  );
}
