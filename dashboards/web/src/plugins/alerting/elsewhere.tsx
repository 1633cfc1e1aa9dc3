// Links from alerts and incidents to what they rest on.

import { Link, useNavigate } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Link as LinkOfServer, RowsAsked } from '../../api/schema';
import { rangeBetween } from '../../range/range';

const TRACE_ID_SHOWN = 12;

export function TraceLink({ id }: { id: string }) {
  return (
    <Link to="/traces/$id" params={{ id }} title={id}>
      {id.slice(0, TRACE_ID_SHOWN)}…
    </Link>
  );
}

/** The statement as it was asked: of the time it was asked for. */
export function SqlLink({ asked, children }: { asked: RowsAsked; children: ReactNode }) {
  return (
    <Link to="/sql" search={{ sql: asked.sql, params: JSON.stringify(asked.params), as_of: asked.as_of }}>
      {children}
    </Link>
  );
}

/** Goes to the failed traces of a service in a time, in milliseconds since 1970. */
export function useErrorsOf(service: string): (from: number, to: number) => void {
  const navigate = useNavigate();
  return (from, to) => {
    void navigate({ to: '/traces', search: { service, status: 'error', ...rangeBetween(from, to) } });
  };
}

/** A link that an incident has: to a trace as the API names it, or to whatever somebody wrote. */
export function IncidentLink({ link }: { link: LinkOfServer }) {
  const trace = traceOf(link.url);
  if (trace !== undefined) return <TraceLink id={trace} />;
  return (
    <a href={link.url} rel="noreferrer">
      {link.name}
    </a>
  );
}

/** The id in the address of a trace, of the API or of the app. */
export function traceOf(url: string): string | undefined {
  return /^(?:https?:\/\/[^/]+)?(?:\/api\/v1\/apm)?\/traces\/([0-9a-f]{32})$/.exec(url)?.[1];
}
