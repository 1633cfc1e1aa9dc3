// One incident: what happened, what belongs to it, and all that can be done about it.

import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { queries } from '../../../api/client';
import type { Entry, EntryKind, IncidentDetail } from '../../../api/schema';
import { Page, Panel } from '../../../components/Page';
import { Answer, Empty, Loading } from '../../../components/states';
import { format } from '../../../format/number';
import { useClock } from '../../../format/time';
import { useMay } from '../../../shell/me';
import css from '../alerting.module.css';
import { AlertTable } from '../alerts/AlertTable';
import { unitOf } from '../alerts/units';
import { WATCHED } from '../change';
import { deliveryOf, useNotifications } from '../deliveries';
import { IncidentLink, SqlLink } from '../elsewhere';
import { Fact, Facts } from '../../../components/Facts';
import { PriorityMark, StatusMark } from '../marks';
import { allRules } from '../rules/allRules';
import { Timeline, type Happening } from '../Timeline';
import { STAGE_NAMES } from './choices';
import { IncidentActs } from './IncidentActs';
import { Promised } from './IncidentsPage';

const route = getRouteApi('/app/incidents/$number');
const ROWS_LINKS_MAX = 10;

export function IncidentPage() {
  const { number } = route.useParams();
  const incident = queries.useQuery('get', '/api/v1/alerting/incidents/{number}', { params: { path: { number } } }, WATCHED);
  const mayWrite = useMay('alerting:incidents:write');
  return (
    <Page
      title={incident.data === undefined ? number : `${number} ${incident.data.title}`}
      parent={<Link to="/incidents">Incidents</Link>}
      actions={mayWrite && incident.data !== undefined && <IncidentActs incident={incident.data} />}
    >
      <Answer query={incident} height={560}>
        {(found) => <Incident incident={found} />}
      </Answer>
    </Page>
  );
}

function Incident({ incident }: { incident: IncidentDetail }) {
  const rules = useQuery(allRules());
  const notifications = useNotifications(`incident/${incident.number}`, WATCHED);
  const deliveries = (notifications.data?.notifications ?? []).map(deliveryOf);
  return (
    <>
      <div className={css.split}>
        <Panel title="What happened">
          {/* Not in pieces: what came later would push the rest down. */}
          {notifications.isLoading ? <Loading height={480} /> : <Timeline happenings={[...incident.timeline.map(happeningOf), ...deliveries]} isNewestFirst />}
          {(incident.is_truncated || notifications.data?.is_truncated === true) && <p className={css.muted}>There is more than is shown; SQL has all: alerting.timeline, alerting.notifications.</p>}
        </Panel>
        <div className={css.aside}>
          <Panel title="How it is">
            <IncidentFacts incident={incident} />
          </Panel>
        </div>
      </div>
      <Panel title="Alerts" isFlush>
        {incident.alerts_shown.length === 0 ? (
          <Empty title="It has no alerts" height={96} />
        ) : (
          <AlertTable label="Alerts of the incident" alerts={incident.alerts_shown} unitOfRule={(name) => unitOf(rules.data?.find((rule) => rule.name === name)?.yaml ?? '')} hasRules />
        )}
      </Panel>
    </>
  );
}

function IncidentFacts({ incident }: { incident: IncidentDetail }) {
  const clock = useClock();
  // The newest of each set of labels: earlier ones are a click further, on the page of their alert.
  const newest = incident.alerts_shown.filter((alert, at, all) => all.findIndex((each) => each.fingerprint === alert.fingerprint && each.rule === alert.rule) === at);
  const rows = newest.flatMap((alert) => (alert.rows == null ? [] : [{ id: alert.id, labels: alert.labels, asked: alert.rows }]));
  return (
    <Facts>
      <Fact name="Status">
        <PriorityMark priority={incident.priority} />
        <StatusMark status={incident.status} />
        <span className={css.muted}>{STAGE_NAMES[incident.stage]}</span>
      </Fact>
      {incident.is_active && (
        <Fact name="Promised">
          <Promised incident={incident} />
        </Fact>
      )}
      <Fact name="Assignee">{incident.assignee ?? <span className={css.muted}>nobody yet</span>}</Fact>
      <Fact name="Level">
        {incident.level}
        <span className={css.muted}>since {clock.short(incident.level_since)}</span>
      </Fact>
      <Fact name="Opened">{clock.full(incident.opened_at)}</Fact>
      {incident.due != null && incident.is_active && <Fact name="Goes up">{clock.full(incident.due)}</Fact>}
      {incident.first_response_seconds != null && <Fact name="First response">after {format(incident.first_response_seconds, 's')}</Fact>}
      {incident.resolution_seconds != null && <Fact name="Resolved">after {format(incident.resolution_seconds, 's')}</Fact>}
      {incident.rule != null && (
        <Fact name="Rule">
          <Link to="/rules/$name" params={{ name: incident.rule }}>
            {incident.rule}
          </Link>
        </Fact>
      )}
      {incident.services.length > 0 && (
        <Fact name="Services">
          {incident.services.map((name) => (
            <Link key={name} to="/services/$name" params={{ name }}>
              {name}
            </Link>
          ))}
        </Fact>
      )}
      {incident.links.length > 0 && (
        <Fact name="Links">
          {incident.links.map((link) => (
            <IncidentLink key={link.url} link={link} />
          ))}
        </Fact>
      )}
      {rows.length > 0 && (
        <Fact name="Rows">
          {rows.slice(0, ROWS_LINKS_MAX).map(({ id, labels, asked }) => (
            <SqlLink key={id} asked={asked}>
              of {Object.values(labels).join(', ') || 'all'}
            </SqlLink>
          ))}
        </Fact>
      )}
      <Learned incident={incident} />
    </Facts>
  );
}

function Learned({ incident }: { incident: IncidentDetail }) {
  return (
    <>
      {incident.resolution != null && (
        <Fact name="What was done">
          <span className={css.text}>{incident.resolution}</span>
        </Fact>
      )}
      {incident.causes != null && (
        <Fact name="Why it was">
          <span className={css.text}>{incident.causes}</span>
        </Fact>
      )}
      {incident.actions.length > 0 && (
        <Fact name="Against it">
          <ul>
            {incident.actions.map((action) => (
              <li key={action}>{action}</li>
            ))}
          </ul>
        </Fact>
      )}
      {incident.satisfaction != null && <Fact name="Satisfaction">{incident.satisfaction} of 5</Fact>}
    </>
  );
}

const WHAT: Record<EntryKind, { what: string; tone?: Happening['tone'] }> = {
  opened: { what: 'Opened', tone: 'error' },
  alert_firing: { what: 'Alert fires', tone: 'error' },
  alert_resolved: { what: 'Alert is over', tone: 'good' },
  quiet: { what: 'All alerts are over', tone: 'good' },
  acknowledged: { what: 'Acknowledged', tone: 'accent' },
  assigned: { what: 'Assigned', tone: 'accent' },
  note: { what: 'Note' },
  priority: { what: 'Priority changed', tone: 'warning' },
  escalation_decision: { what: 'Decided to escalate', tone: 'warning' },
  escalated: { what: 'Escalated', tone: 'warning' },
  // Whether it has reached them, their notifications say.
  told: { what: 'To be told' },
  resolved: { what: 'Resolved', tone: 'good' },
  reopened: { what: 'Reopened', tone: 'error' },
  reviewed: { what: 'Reviewed', tone: 'good' },
};

function happeningOf(entry: Entry, at: number): Happening {
  const { what, tone } = WHAT[entry.kind];
  return { id: String(at), at: entry.at, what, tone, text: entry.text, who: whoOf(entry) };
}

/** Who did it, where that is not the platform by itself or the rule of the incident. */
function whoOf({ who, who_name: name }: Entry): string | undefined {
  return who === 'platform' || who.startsWith('rule/') ? undefined : `by ${name ?? who}`;
}
