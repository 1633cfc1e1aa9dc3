// An incident that somebody opens by hand.

import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api } from '../../../api/client';
import type { Priority } from '../../../api/schema';
import { FormDialog } from '../../../components/FormDialog';
import { Select, TextField } from '../../../components/fields';
import { useRefresh } from '../change';
import { PRIORITY_CHOICES } from './choices';

export function OpenDialog({ onClose }: { onClose: () => void }) {
  const [title, setTitle] = useState('');
  const [priority, setPriority] = useState<Priority>('P3');
  const [services, setServices] = useState('');
  const [text, setText] = useState('');
  const refresh = useRefresh();
  const navigate = useNavigate();
  const open = async () => {
    const named = services.split(',').map((service) => service.trim()).filter((service) => service !== '');
    const { data } = await api.POST('/api/v1/alerting/incidents', { body: { title, priority, services: named, text: text === '' ? null : text } });
    if (data !== undefined) await navigate({ to: '/incidents/$number', params: { number: data.number } });
    void refresh();
  };
  return (
    <FormDialog title="Open an incident" act="Open" onAct={open} onClose={onClose}>
      <TextField label="What is wrong" value={title} onChange={setTitle} isRequired />
      <Select label="Priority" value={priority} choices={PRIORITY_CHOICES} onChange={setPriority} />
      <TextField label="Services" description="With commas between." value={services} onChange={setServices} />
      <TextField label="What is known so far" lines={4} value={text} onChange={setText} />
    </FormDialog>
  );
}
