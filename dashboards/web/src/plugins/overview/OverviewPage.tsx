// How everything is: requests, what is wrong now, and where to look first.

import { Link, Navigate } from '@tanstack/react-router';
import { queries } from '../../api/client';
import type { Services } from '../../api/schema';
import { Page, Panel, Grid } from '../../components/Page';
import { Stat, Stats } from '../../components/Stat';
import { Answer } from '../../components/states';
import { useRange } from '../../range/useRange';
import { useMay } from '../../shell/me';
import { isWrong } from '../apm/measures';
import { ActiveIncidents, AttentionLinks, FiringAlerts } from './attention';
import { LogsOverTime, RequestsByDuration, WorstServices } from './parts';

export function OverviewPage() {
  const { query: range, live } = useRange();
  const services = queries.useQuery('get', '/api/v1/apm/services', { params: { query: { ...range, compare: true } } }, live);
  const mayIncidents = useMay('alerting:incidents:read');
  const mayAlerts = useMay('alerting:alerts:read');
  const ever = useIsAnythingEver(services.data);
  if (ever === false) return <Navigate to="/start" replace />;
  return (
    <Page title="Overview">
      <Answer query={services} height={86}>
        {(answer) => <Figures services={answer.services} />}
      </Answer>
      <Grid min={480}>
        <Panel>
          <RequestsByDuration />
        </Panel>
        <Panel>
          <LogsOverTime />
        </Panel>
      </Grid>
      <Grid min={480}>
        <Panel title="Services with the most errors" isFlush actions={<Link to="/services">All services</Link>}>
          <Answer query={services} height={288}>
            {(answer) => <WorstServices services={answer.services} />}
          </Answer>
        </Panel>
        {(mayIncidents || mayAlerts) && (
          <Panel title="Needs attention" isFlush actions={<AttentionLinks />}>
            {mayIncidents && <ActiveIncidents />}
            {mayAlerts && <FiringAlerts />}
          </Panel>
        )}
      </Grid>
    </Page>
  );
}

/** False when no service was heard of in a month; undefined while that is not known. */
function useIsAnythingEver(now: Services | undefined): boolean | undefined {
  const isEmpty = now?.services.length === 0;
  const month = queries.useQuery('get', '/api/v1/apm/services', { params: { query: { from: 'now-30d' } } }, { enabled: isEmpty });
  if (now === undefined) return undefined;
  return isEmpty ? month.data && month.data.services.length > 0 : true;
}

function Figures({ services }: { services: Services['services'] }) {
  const now = totalOf(services);
  const before = totalOf(services.flatMap((service) => service.before ?? []));
  return (
    <Stats>
      <Stat label="Services" value={services.length} unit="count" action={<Link to="/services">See all</Link>} />
      <Stat label="Requests" value={now.rate} before={before.rate} unit="per_second" />
      <Stat label="Errors" value={now.errorShare} before={before.errorShare} unit="share" better="lower" isWrong={isWrong(now.errorShare)} />
      <Stat label="Failed requests" value={now.errors} before={before.errors} unit="count" better="lower" />
    </Stats>
  );
}

function totalOf(all: { requests: number; errors: number; rate_per_second: number }[]) {
  const sum = (of: (each: (typeof all)[number]) => number) => all.reduce((total, each) => total + of(each), 0);
  const requests = sum((each) => each.requests);
  const errors = sum((each) => each.errors);
  return { rate: sum((each) => each.rate_per_second), errors, errorShare: requests === 0 ? null : errors / requests };
}
