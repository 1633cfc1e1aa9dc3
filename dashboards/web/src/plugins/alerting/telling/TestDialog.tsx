// Sends a test message, and tells what the receiver said.

import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../../api/client';
import type { ChannelShown } from '../../../api/schema';
import { Badge } from '../../../components/Badge';
import { Button } from '../../../components/Button';
import { Dialog } from '../../../components/Dialog';
import { TextField } from '../../../components/fields';
import { Failed } from '../../../components/states';
import css from '../alerting.module.css';

export function TestDialog({ channel, onClose }: { channel: ChannelShown; onClose: () => void }) {
  const [to, setTo] = useState('');
  const test = useMutation({
    mutationFn: () => api.POST('/api/v1/alerting/channels/{name}/test', { params: { path: { name: channel.name } }, body: { to: to.trim() === '' ? null : to.trim() } }),
  });
  const tested = test.data?.data;
  return (
    <Dialog title={`Test ${channel.name}`} isOpen onClose={onClose}>
      <div className={css.stack}>
        {channel.kind !== 'webhook' && <TextField label="To" description={channel.receivers[0] === undefined ? 'Whom the message is for.' : `${channel.receivers[0]} where it is left empty.`} value={to} onChange={setTo} />}
        <div role="status" className={css.stack}>
          {test.isPending && <p className={css.muted}>Waiting for the receiver…</p>}
          {tested !== undefined && (
            <p className={css.text}>
              <Badge tone={tested.is_sent ? 'good' : 'error'}>{tested.is_sent ? 'sent' : 'not sent'}</Badge> {tested.answer}
            </p>
          )}
        </div>
        {test.error !== null && <Failed error={test.error} />}
        <div>
          <Button kind="primary" isPending={test.isPending} onPress={() => { test.mutate(); }}>
            Send a test message
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
