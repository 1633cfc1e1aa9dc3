// A channel that is made or changed: its kind, what that needs to know, and the words it tells in.

import { useState } from 'react';
import { api } from '../../../api/client';
import type { ChannelShown, ChannelWritten, Kind } from '../../../api/schema';
import { Checkbox } from '../../../components/Checkbox';
import { FormDialog } from '../../../components/FormDialog';
import { Select, TextField } from '../../../components/fields';
import { useChange } from '../change';
import { KIND_NAMES, SETTINGS, settingsOf, textsOf, type Texts } from './kinds';

const KINDS = (Object.keys(KIND_NAMES) as Kind[]).map((value) => ({ value, name: KIND_NAMES[value] }));

export function ChannelDialog({ channel, onClose }: { channel?: ChannelShown; onClose: () => void }) {
  const [name, setName] = useState(channel?.name ?? '');
  const [kind, setKind] = useState<Kind>(channel?.kind ?? 'slack');
  const [settings, setSettings] = useState<Texts>(channel === undefined ? {} : textsOf(channel));
  const [receivers, setReceivers] = useState(channel?.receivers.join('\n') ?? '');
  const [isDefault, setDefault] = useState(channel?.default ?? false);
  const [words, setWords] = useState({ title: channel?.title ?? '', text: channel?.text ?? '', body: channel?.body ?? '' });
  const change = useChange();
  const act = () => {
    const body: ChannelWritten = {
      name,
      default: isDefault,
      receivers: linesOf(receivers),
      title: words.title || null,
      text: words.text || null,
      body: words.body || null,
      ...(channel === undefined ? {} : { delivery: channel.delivery, rate_per_minute: channel.rate_per_minute ?? null }),
      ...settingsOf(kind, settings, channel),
    };
    if (channel === undefined) return change(api.POST('/api/v1/alerting/channels', { body }));
    return change(api.PUT('/api/v1/alerting/channels/{name}', { params: { path: { name: channel.name } }, body }));
  };
  return (
    <FormDialog title={channel === undefined ? 'New channel' : `Edit ${channel.name}`} act={channel === undefined ? 'Make it' : 'Save'} onAct={act} onClose={onClose}>
      {channel === undefined && (
        <>
          <TextField label="Name" description="1 to 64 of a-z, 0-9, - and _. Rules name it, or its kind." pattern="[a-z0-9_\-]{1,64}" value={name} onChange={setName} isRequired />
          <Select label="Kind" value={kind} choices={KINDS} onChange={(next) => { setKind(next); setSettings({}); }} />
        </>
      )}
      {SETTINGS[kind].map((setting) => (
        <TextField
          key={`${kind} ${setting.key}`}
          label={setting.name}
          type={setting.isSecret === true ? 'password' : 'text'}
          autoComplete={setting.isSecret === true ? 'new-password' : 'off'}
          description={setting.isSecret === true && channel !== undefined ? 'Sealed. Left empty, it stays what it is, unless the receiver is another.' : setting.description}
          value={settings[setting.key] ?? ''}
          onChange={(text) => { setSettings({ ...settings, [setting.key]: text }); }}
          isRequired={setting.isRequired === true && (setting.isSecret !== true || channel === undefined)}
        />
      ))}
      {kind !== 'webhook' && kind !== 'teams' && kind !== 'pagerduty' && <TextField label="Receivers" description="One a line." lines={2} value={receivers} onChange={setReceivers} />}
      <Checkbox label="For rules that name no channel" isChecked={isDefault} onChange={setDefault} />
      <TextField label="Title, as a template" placeholder="[{{ .Status }}] {{ .CommonLabels.service }}" value={words.title} onChange={(title) => { setWords({ ...words, title }); }} />
      <TextField label="Text, as a template" lines={3} value={words.text} onChange={(text) => { setWords({ ...words, text }); }} />
      {kind === 'webhook' && <TextField label="Body, as a template for JSON" description="Instead of the standard one." lines={3} value={words.body} onChange={(body) => { setWords({ ...words, body }); }} />}
    </FormDialog>
  );
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
