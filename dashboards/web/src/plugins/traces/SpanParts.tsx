// Lists of a span: attributes, events, links, log lines.

import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Attribute, SpanDetails, SpanEvent, SpanLink } from '../../api/schema';
import { Icon } from '../../components/Icon';
import { exact } from '../../format/number';
import { traceLink } from '../../shell/link';
import { logsLink, tracesLink } from './links';
import css from './SpanDetails.module.css';
import { attributesText } from './spanSearch';
import { afterStart, Severity } from './TraceLogs';
import { isPlain, valueText } from './values';

interface SectionProps {
  title: string;
  count?: number;
  isOpen?: boolean;
  children: ReactNode;
}

export function Section({ title, count, isOpen = false, children }: SectionProps) {
  return (
    <details className={css.section} open={isOpen}>
      <summary>
        <h3>{title}</h3>
        {count !== undefined && <span className={css.note}>{exact(count)}</span>}
      </summary>
      {children}
    </details>
  );
}

interface AttributesProps {
  title: string;
  attributes: readonly Attribute[];
  isOpen?: boolean;
  /** Of what no search asks for. */
  isWithoutFilter?: boolean;
}

export function Attributes({ title, attributes, isOpen = false, isWithoutFilter = false }: AttributesProps) {
  if (attributes.length === 0) return null;
  return (
    <Section title={title} count={attributes.length} isOpen={isOpen}>
      <AttributeList attributes={attributes} isWithoutFilter={isWithoutFilter} />
    </Section>
  );
}

function AttributeList({ attributes, isWithoutFilter = false }: { attributes: readonly Attribute[]; isWithoutFilter?: boolean }) {
  return (
    <dl className={css.attributes}>
      {attributes.map(({ key, value }, at) => (
        <div key={`${at} ${key}`} className={css.attribute}>
          <dt>{key}</dt>
          <dd>
            <Value value={value} />
            {!isWithoutFilter && isPlain(value) && (
              <Link {...tracesLink({ attributes: attributesText({ [key]: value }) })} className={css.filter} aria-label={`Traces with ${key}=${String(value)}`} title="Traces with this value">
                <Icon name="search" />
              </Link>
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Value({ value }: { value: unknown }) {
  const text = valueText(value);
  // A stack trace or a statement keeps its lines.
  if (!text.includes('\n')) return <span className={css.value}>{text}</span>;
  // It scrolls, so the keyboard has to reach it.
  // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
  return <pre className={css.lines} tabIndex={0}>{text}</pre>;
}

export function Events({ events, traceStart }: { events: readonly SpanEvent[]; traceStart: string }) {
  if (events.length === 0) return null;
  return (
    <Section title="Events" count={events.length} isOpen>
      <ol className={css.events}>
        {events.map((event, at) => (
          <li key={`${at} ${event.time}`}>
            <p className={css.eventName} data-error={event.name === 'exception'}>
              {event.name} <span className={css.note}>{afterStart(event.time, traceStart)}</span>
            </p>
            <AttributeList attributes={event.attributes} isWithoutFilter />
          </li>
        ))}
      </ol>
    </Section>
  );
}

export function Links({ links }: { links: readonly SpanLink[] }) {
  if (links.length === 0) return null;
  return (
    <Section title="Links" count={links.length} isOpen>
      <ul className={css.events}>
        {links.map((link, at) => (
          <li key={`${at} ${link.span_id ?? ''}`}>
            {link.trace_id == null ? <p>A link that names no trace</p> : <Link {...traceLink(link.trace_id, link.span_id)}>{`Trace ${link.trace_id.slice(0, 8)}…, span ${link.span_id ?? 'unknown'}`}</Link>}
            <AttributeList attributes={link.attributes} isWithoutFilter />
          </li>
        ))}
      </ul>
    </Section>
  );
}

export function FirstLogs({ details, traceStart }: { details: SpanDetails; traceStart: string }) {
  if (details.logs === 0) return null;
  return (
    <Section title="Log records" count={details.logs} isOpen>
      <ol className={css.logs}>
        {details.first_logs.map((line, at) => (
          <li key={`${at} ${line.time}`}>
            <Severity line={line} />
            <span className={css.note}>{afterStart(line.time, traceStart)}</span>
            <span className={css.value}>{valueText(line.body ?? line.event_name)}</span>
          </li>
        ))}
      </ol>
      {details.logs > details.first_logs.length && <Link {...logsLink({ trace_id: details.trace_id })}>All log records of the trace</Link>}
    </Section>
  );
}
