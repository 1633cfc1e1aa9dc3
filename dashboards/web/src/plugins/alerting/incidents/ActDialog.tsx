// The forms of what people do about an incident.

import { useState } from 'react';
import { api } from '../../../api/client';
import type { IncidentDetail, Level, Priority } from '../../../api/schema';
import { FormDialog } from '../../../components/FormDialog';
import { Select, TextField } from '../../../components/fields';
import { useMe } from '../../../shell/me';
import { useChange } from '../change';
import { LEVEL_CHOICES, PRIORITY_CHOICES, SATISFACTION_CHOICES } from './choices';

export type Act = 'assign' | 'note' | 'escalate' | 'resolve' | 'reopen' | 'review' | 'change';

interface ActProps {
  incident: IncidentDetail;
  onClose: () => void;
}

export function ActDialog({ act, ...rest }: ActProps & { act: Act }) {
  switch (act) {
    case 'assign':
      return <Assign {...rest} />;
    case 'note':
      return <Note {...rest} />;
    case 'escalate':
      return <Escalate {...rest} />;
    case 'resolve':
      return <Resolve {...rest} />;
    case 'reopen':
      return <Reopen {...rest} />;
    case 'review':
      return <Review {...rest} />;
    case 'change':
      return <Change {...rest} />;
  }
}

function Assign({ incident, onClose }: ActProps) {
  const me = useMe();
  const [assignee, setAssignee] = useState(incident.assignee ?? me.name);
  const change = useChange();
  const act = () => change(api.POST('/api/v1/alerting/incidents/{number}/assign', { params: pathOf(incident), body: { assignee } }));
  return (
    <FormDialog title="Assign" act="Assign" onAct={act} onClose={onClose}>
      <TextField label="To" description="A person of the policy or of the tenant, or a team." value={assignee} onChange={setAssignee} isRequired />
    </FormDialog>
  );
}

function Note({ incident, onClose }: ActProps) {
  const [text, setText] = useState('');
  const change = useChange();
  const act = () => change(api.POST('/api/v1/alerting/incidents/{number}/note', { params: pathOf(incident), body: { text } }));
  return (
    <FormDialog title="Note" act="Add it" onAct={act} onClose={onClose}>
      <TextField label="What there is to remember" lines={5} value={text} onChange={setText} isRequired />
    </FormDialog>
  );
}

function Escalate({ incident, onClose }: ActProps) {
  const [to, setTo] = useState<Level>(LEVEL_CHOICES[LEVEL_CHOICES.findIndex(({ value }) => value === incident.level) + 1]?.value ?? 'management');
  const [reason, setReason] = useState('');
  const change = useChange();
  const act = () => change(api.POST('/api/v1/alerting/incidents/{number}/escalate', { params: pathOf(incident), body: { to, reason } }));
  return (
    <FormDialog title="Escalate" act="Escalate" onAct={act} onClose={onClose}>
      <Select label="To" value={to} choices={LEVEL_CHOICES} onChange={setTo} />
      <TextField label="Why" description="It is told within seconds." lines={3} value={reason} onChange={setReason} isRequired />
    </FormDialog>
  );
}

function Resolve({ incident, onClose }: ActProps) {
  const [text, setText] = useState('');
  const [satisfaction, setSatisfaction] = useState('');
  const change = useChange();
  const act = () => change(api.POST('/api/v1/alerting/incidents/{number}/resolve', { params: pathOf(incident), body: { text, satisfaction: numberOf(satisfaction) } }));
  return (
    <FormDialog title="Resolve" act="Resolve" onAct={act} onClose={onClose}>
      <TextField label="What was done" lines={4} value={text} onChange={setText} isRequired />
      <Select label="From whom it was resolved for" value={satisfaction} choices={SATISFACTION_CHOICES} onChange={setSatisfaction} />
    </FormDialog>
  );
}

function Reopen({ incident, onClose }: ActProps) {
  const [reason, setReason] = useState('');
  const change = useChange();
  const act = () => change(api.POST('/api/v1/alerting/incidents/{number}/reopen', { params: pathOf(incident), body: { reason } }));
  return (
    <FormDialog title="Reopen" act="Reopen" onAct={act} onClose={onClose}>
      <TextField label="Why it is not over" description="Its times count anew." lines={3} value={reason} onChange={setReason} isRequired />
    </FormDialog>
  );
}

function Review({ incident, onClose }: ActProps) {
  const [causes, setCauses] = useState(incident.causes ?? '');
  const [actions, setActions] = useState(incident.actions.join('\n'));
  const [satisfaction, setSatisfaction] = useState(incident.satisfaction == null ? '' : String(incident.satisfaction));
  const change = useChange();
  const act = () => {
    const listed = actions.split('\n').map((action) => action.trim()).filter((action) => action !== '');
    return change(api.POST('/api/v1/alerting/incidents/{number}/review', { params: pathOf(incident), body: { causes, actions: listed, satisfaction: numberOf(satisfaction) } }));
  };
  return (
    <FormDialog title="Review" act="Write it down" onAct={act} onClose={onClose}>
      <TextField label="Why it happened" lines={4} value={causes} onChange={setCauses} isRequired />
      <TextField label="What is done against it" description="One a line." lines={3} value={actions} onChange={setActions} />
      <Select label="From whom it was resolved for" value={satisfaction} choices={SATISFACTION_CHOICES} onChange={setSatisfaction} />
    </FormDialog>
  );
}

function Change({ incident, onClose }: ActProps) {
  const [priority, setPriority] = useState<Priority>(incident.priority);
  const [title, setTitle] = useState(incident.title);
  const change = useChange();
  const act = () =>
    change(
      api.PATCH('/api/v1/alerting/incidents/{number}', {
        params: pathOf(incident),
        // What stays is not said: a priority that is said counts the times anew.
        body: { priority: priority === incident.priority ? null : priority, title: title === incident.title ? null : title },
      }),
    );
  return (
    <FormDialog title="Change priority or title" act="Change" onAct={act} onClose={onClose}>
      <Select label="Priority" value={priority} choices={PRIORITY_CHOICES} onChange={setPriority} />
      <TextField label="What is wrong" value={title} onChange={setTitle} isRequired />
    </FormDialog>
  );
}

function pathOf({ number }: IncidentDetail): { path: { number: string } } {
  return { path: { number } };
}

function numberOf(chosen: string): number | null {
  return chosen === '' ? null : Number(chosen);
}
