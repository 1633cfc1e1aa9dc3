// Mutes alerts for a while: which, how long, and why.

import { useState } from 'react';
import { api } from '../../../api/client';
import { FormDialog } from '../../../components/FormDialog';
import { Select, TextField } from '../../../components/fields';
import { useChange } from '../change';
import { readMatchers } from './matchers';

const HOURS = { '0.5': '30 minutes', '1': '1 hour', '2': '2 hours', '4': '4 hours', '8': '8 hours', '24': '1 day', '72': '3 days', '168': '7 days', '720': '30 days' } as const;
type Hours = keyof typeof HOURS;
const DURATIONS = (Object.keys(HOURS) as Hours[]).map((value) => ({ value, name: HOURS[value] })).sort((one, other) => Number(one.value) - Number(other.value));

export function SilenceDialog({ matchers: given, onClose }: { matchers: string[]; onClose: () => void }) {
  const [matchers, setMatchers] = useState(given.join('\n'));
  const [hours, setHours] = useState<Hours>('2');
  const [why, setWhy] = useState('');
  const change = useChange();
  const silence = () => {
    const ends = new Date(Date.now() + Number(hours) * 3_600_000).toISOString();
    return change(api.POST('/api/v1/alerting/silences', { body: { matchers: readMatchers(matchers), ends, why } }));
  };
  return (
    <FormDialog title="Silence alerts" act="Silence" onAct={silence} onClose={onClose}>
      <TextField
        label="Alerts with all of these labels"
        description={
          <>
            One a line: <code>service=checkout</code>, <code>!=</code>, <code>=~</code>, <code>!~</code>. <code>rule</code> and <code>severity</code> are labels, too.
          </>
        }
        lines={Math.min(8, Math.max(3, given.length + 1))}
        value={matchers}
        onChange={setMatchers}
        isRequired
      />
      <Select label="For" value={hours} choices={DURATIONS} onChange={setHours} />
      <TextField label="Why" description="Whoever wonders later reads this." value={why} onChange={setWhy} isRequired />
    </FormDialog>
  );
}
