// One alert: what was found, what it asked for, who was told of it, and how it was before.

import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { queries } from '../../../api/client';
import type { AlertDetail } from '../../../api/schema';
import { Badge } from '../../../components/Badge';
import { Button } from '../../../components/Button';
import { Page, Panel } from '../../../components/Page';
import { Answer } from '../../../components/states';
import { format } from '../../../format/number';
import { useClock } from '../../../format/time';
import { useMay } from '../../../shell/me';
import css from '../alerting.module.css';
import { WATCHED } from '../change';
import { TraceLink } from '../elsewhere';
import { Fact, Facts } from '../../../components/Facts';
import { AlertStateMark, LabelList, SeverityMark } from '../marks';
import { allRules } from '../rules/allRules';
import { AlertHistory } from './AlertHistory';
import { AlertRows } from './AlertRows';
import { matchersOf } from './matchers';
import { SilenceDialog } from './SilenceDialog';
import { unitOf } from './units';

const route = getRouteApi('/app/alerts/$id');

export function AlertPage() {
  const { id } = route.useParams();
  const alert = queries.useQuery('get', '/api/v1/alerting/alerts/{id}', { params: { path: { id } } }, WATCHED);
  const [isSilencing, setSilencing] = useState(false);
  const maySilence = useMay('alerting:silences:write');
  return (
    <Page
      title={alert.data?.rule ?? 'Alert'}
      parent={<Link to="/alerts">Alerts</Link>}
      actions={
        alert.data !== undefined && (
          <>
            <Link to="/rules/$name" params={{ name: alert.data.rule }}>
              Rule
            </Link>
            {maySilence && alert.data.state !== 'resolved' && <Button onPress={() => { setSilencing(true); }}>Silence…</Button>}
          </>
        )
      }
    >
      <Answer query={alert} height={480}>
        {(found) => (
          <>
            <div className={css.split}>
              <Panel title="What is so">
                <AlertFacts alert={found} />
              </Panel>
              <Panel title="What happened">
                <AlertHistory alert={found} />
              </Panel>
            </div>
            <AlertRows alert={found} />
            {isSilencing && <SilenceDialog matchers={matchersOf(found)} onClose={() => { setSilencing(false); }} />}
          </>
        )}
      </Answer>
    </Page>
  );
}

function AlertFacts({ alert }: { alert: AlertDetail }) {
  const clock = useClock();
  const rules = useQuery(allRules());
  const unit = unitOf(rules.data?.find((rule) => rule.name === alert.rule)?.yaml ?? '');
  const { summary, ...annotations } = alert.annotations;
  return (
    <Facts>
      <Fact name="State">
        <AlertStateMark state={alert.state} />
        <SeverityMark severity={alert.severity} />
        {alert.muted_by?.map((by) => <Badge key={by}>muted by {by}</Badge>)}
      </Fact>
      {summary !== undefined && <Fact name="Summary">{summary}</Fact>}
      <Fact name="Value">{format(alert.value, unit)}</Fact>
      <Fact name="Labels">
        <LabelList labels={alert.labels} />
      </Fact>
      <Fact name="True since">{clock.full(alert.active_since)}</Fact>
      {alert.incident != null && (
        <Fact name="Incident">
          <Link to="/incidents/$number" params={{ number: alert.incident }}>
            {alert.incident}
          </Link>
        </Fact>
      )}
      {alert.labels.service !== undefined && (
        <Fact name="Service">
          <Link to="/services/$name" params={{ name: alert.labels.service }}>
            {alert.labels.service}
          </Link>
        </Fact>
      )}
      {alert.traces.length > 0 && (
        <Fact name="Traces">
          {alert.traces.map((trace) => (
            <TraceLink key={trace} id={trace} />
          ))}
        </Fact>
      )}
      {alert.runbook != null && (
        <Fact name="Runbook">
          <a href={alert.runbook} rel="noreferrer">
            {alert.runbook}
          </a>
        </Fact>
      )}
      {Object.entries(annotations).map(([name, text]) => (
        <Fact key={name} name={name}>
          <span className={css.text}>{text}</span>
        </Fact>
      ))}
    </Facts>
  );
}
