// What a trace took, where its time went, and what is wrong with it.

import { Link } from '@tanstack/react-router';
import type { Trace } from '../../api/schema';
import { Stat, Stats } from '../../components/Stat';
import { exact, format } from '../../format/number';
import { useClock } from '../../format/time';
import { ServiceName } from './ServiceName';
import { serviceColours } from './serviceColours';
import css from './TracePage.module.css';

const SHARES_MAX = 10;

export function Summary({ trace }: { trace: Trace }) {
  const clock = useClock();
  return (
    <>
      <Stats>
        <Stat label="Duration" value={trace.duration_ns} unit="ns" action={<time dateTime={trace.start}>{clock.full(trace.start)}</time>} />
        <Stat label="Spans" value={trace.spans} unit="count" action={trace.is_truncated ? 'those that start last are missing' : undefined} />
        <Stat label="Services" value={trace.services.length} unit="count" />
        <Stat label="Failed spans" value={trace.errors} unit="count" isWrong={trace.errors > 0} />
        <Stat
          label="Log records"
          value={trace.logs}
          unit="count"
          action={
            trace.logs > 0 ? (
              <Link to="/traces/$id" params={{ id: trace.trace_id }} search={(before) => ({ ...before, view: 'logs' as const })} resetScroll={false}>
                Read them
              </Link>
            ) : undefined
          }
        />
      </Stats>
      <TimeByService trace={trace} />
    </>
  );
}

/** Of the time in which spans ran themselves, how much was whose. */
function TimeByService({ trace }: { trace: Trace }) {
  const colours = serviceColours(trace.services.map(({ service }) => service));
  const all = Math.max(1, trace.services.reduce((sum, { self_ns }) => sum + self_ns, 0));
  const shown = trace.services.slice(0, SHARES_MAX);
  return (
    <section className={css.shares} aria-label="Time by service">
      <div className={css.shareBar} aria-hidden="true">
        {shown.map(({ service, self_ns }) => (
          <span key={service ?? ''} style={{ width: `${(100 * self_ns) / all}%`, background: `var(${colours.get(service ?? '') ?? '--series-8'})` }} />
        ))}
      </div>
      <ul className={css.shareList}>
        {shown.map(({ service, self_ns, errors, spans }) => (
          <li key={service ?? ''} title={`${exact(spans)} spans, ${exact(errors)} failed; self time ${format(self_ns, 'ns')}`}>
            <ServiceName service={service} colours={colours} /> <span className={css.note}>{format(Math.round((1000 * self_ns) / all) / 1000, 'share')}</span>
            {errors > 0 && <span className={css.wrong}>{` ${exact(errors)} failed`}</span>}
          </li>
        ))}
        {trace.services.length > SHARES_MAX && <li className={css.note}>{`and ${trace.services.length - SHARES_MAX} more`}</li>}
      </ul>
    </section>
  );
}

export function Faults({ trace: { faults, trace_id } }: { trace: Trace }) {
  const counted = [faults.missing_parents, faults.further_roots, faults.duplicate_ids, faults.circles, faults.starts_before_parent, faults.ends_before_start];
  const count = counted.reduce((sum, each) => sum + each, 0);
  if (count === 0) return null;
  return (
    <details className={css.faults}>
      <summary>{count === 1 ? 'One thing is wrong with this trace' : `${exact(count)} things are wrong with this trace`}; it is shown as it was sent</summary>
      <ul>
        {faults.told.map((fault) => (
          <li key={`${fault.kind} ${fault.node}`}>{fault.message}</li>
        ))}
        {count > faults.told.length && <li className={css.note}>{`and ${exact(count - faults.told.length)} more`}</li>}
      </ul>
      {faults.missing_parents > 0 && (
        <p className={css.note}>
          Parents may still be on their way. <Link to="/traces/$id" params={{ id: trace_id }} reloadDocument>Read it again</Link>
        </p>
      )}
    </details>
  );
}
