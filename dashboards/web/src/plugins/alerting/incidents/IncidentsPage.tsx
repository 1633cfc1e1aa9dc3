// Incidents by urgency, who is on call, and how well the promises are kept.

import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { queries } from '../../../api/client';
import type { IncidentView, Priority } from '../../../api/schema';
import { Button } from '../../../components/Button';
import { DataTable, type Column } from '../../../components/DataTable';
import { Select } from '../../../components/fields';
import { Page, Panel } from '../../../components/Page';
import { Answer, Empty } from '../../../components/states';
import { Tabs } from '../../../components/Tabs';
import { ago } from '../../../format/time';
import { useMay } from '../../../shell/me';
import css from '../alerting.module.css';
import { WATCHED } from '../change';
import { PriorityMark, StatusMark } from '../marks';
import { IncidentFigures } from './IncidentFigures';
import { OnCallNow } from './OnCallNow';
import { OpenDialog } from './OpenDialog';
import { byUrgency, promiseOf } from './urgency';

const route = getRouteApi('/app/incidents');
const INCIDENTS_MAX = 1000;
const ROWS_SHOWN = 14;
const HEIGHT_MAX = 33 * (ROWS_SHOWN + 1);
const PRIORITIES = [
  { value: 'all', name: 'All priorities' },
  { value: 'P1', name: 'P1' },
  { value: 'P2', name: 'P2' },
  { value: 'P3', name: 'P3' },
  { value: 'P4', name: 'P4' },
] as const;
const TABS = [
  { id: 'active', name: 'Active' },
  { id: 'over', name: 'Over' },
] as const;

export function IncidentsPage() {
  const { show = 'active', priority } = route.useSearch();
  const navigate = route.useNavigate();
  const [isOpening, setOpening] = useState(false);
  const mayOpen = useMay('alerting:incidents:write');
  const mayCall = useMay('alerting:on_call:read');
  return (
    <Page
      title="Incidents"
      actions={
        <>
          <Select
            label="Priority"
            isLabelHidden
            value={priority ?? 'all'}
            choices={PRIORITIES}
            onChange={(next) => void navigate({ search: (search) => ({ ...search, priority: next === 'all' ? undefined : next }) })}
          />
          {mayOpen && (
            <Button kind="primary" icon="plus" onPress={() => { setOpening(true); }}>
              Open an incident
            </Button>
          )}
        </>
      }
    >
      <Panel isFlush>
        <Tabs label="Which" tabs={TABS} selected={show} onSelect={(next) => void navigate({ search: (search) => ({ ...search, show: next === 'over' ? next : undefined }) })}>
          <Incidents isActive={show === 'active'} priority={priority} />
        </Tabs>
      </Panel>
      {mayCall && <OnCallNow />}
      <IncidentFigures />
      {isOpening && <OpenDialog onClose={() => { setOpening(false); }} />}
    </Page>
  );
}

const columns: Column<IncidentView>[] = [
  { id: 'number', name: 'Number', value: (incident) => incident.number, width: '110px' },
  { id: 'priority', name: 'Priority', value: (incident) => incident.priority, width: '90px', render: ({ priority }) => <PriorityMark priority={priority} /> },
  { id: 'title', name: 'What is wrong', value: (incident) => incident.title, width: 'minmax(220px, 3fr)' },
  { id: 'status', name: 'Status', value: (incident) => incident.status, width: '130px', render: ({ status }) => <StatusMark status={status} /> },
  { id: 'services', name: 'Services', value: (incident) => incident.services.join(', '), width: 'minmax(120px, 2fr)', render: ({ services }) => <span title={services.join(', ')}>{services.join(', ') || '–'}</span> },
  { id: 'assignee', name: 'Assignee', value: (incident) => incident.assignee, width: 'minmax(100px, 1fr)' },
  { id: 'level', name: 'Level', value: (incident) => incident.level, width: '110px' },
  { id: 'due', name: 'Promised', unit: 'time', value: (incident) => promiseOf(incident)?.until, width: '160px', render: (incident) => <Promised incident={incident} /> },
  { id: 'age', name: 'Opened', unit: 'time', value: (incident) => incident.opened_at, width: '110px', render: ({ opened_at: at }) => <span title={at}>{ago(at)}</span> },
];

function Incidents({ isActive, priority }: { isActive: boolean; priority: Priority | undefined }) {
  const incidents = queries.useQuery('get', '/api/v1/alerting/incidents', { params: { query: { active: isActive, priority, limit: INCIDENTS_MAX } } }, WATCHED);
  return (
    <Answer query={incidents} height={240} isEmpty={(page) => page.incidents.length === 0} empty={<Empty title={isActive ? 'No incident is active' : 'No incident is over yet'} height={160} />}>
      {(page) => (
        <>
          <DataTable
            label="Incidents"
            rows={byUrgency(page.incidents)}
            columns={columns}
            keyOf={(incident) => incident.number}
            linkOf={(incident) => ({ to: '/incidents/$number', params: { number: incident.number } })}
            {...(page.incidents.length > ROWS_SHOWN ? { height: HEIGHT_MAX } : {})}
          />
          {page.next != null && <p className={css.below}>The newest {INCIDENTS_MAX} are shown; SQL has all: alerting.incidents.</p>}
        </>
      )}
    </Answer>
  );
}

/** How long there is for what is promised next. */
export function Promised({ incident }: { incident: IncidentView }) {
  const promise = promiseOf(incident);
  if (promise === undefined) return <span className={css.muted}>–</span>;
  const { what, until, isLate } = promise;
  return (
    <span className={isLate ? css.wrong : undefined}>
      {what} {isLate ? `due ${ago(until)}` : ago(until)}
    </span>
  );
}
