// What stands where an answer is not: it is awaited, it is empty, or it failed. Each says what can be done next.

import type { UseQueryResult } from '@tanstack/react-query';
import { Link, useRouter, type ErrorComponentProps } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { failureFrom } from '../api/failure';
import { Button } from './Button';
import css from './states.module.css';

/** In pixels: what failed needs no more room than it takes to say so. */
const FAILED_HEIGHT_MAX = 220;

interface AnswerProps<Data> {
  /** Of `useQuery`; of `useInfiniteQuery` with `data` made of its pages. */
  query: Pick<UseQueryResult<Data, unknown>, 'data' | 'error' | 'isEnabled' | 'isFetching' | 'isPlaceholderData'> & { refetch: () => unknown };
  /** Height in pixels that is kept while the answer is awaited, so that nothing jumps. */
  height?: number;
  /** What stands there when `isEmpty` says so of the answer. */
  empty?: ReactNode;
  isEmpty?: (data: Data) => boolean;
  children: (data: Data) => ReactNode;
}

/** Draws the answer of a query in each of its states. An old answer stays in sight, paler, while the next is awaited. */
export function Answer<Data>({ query, height, empty, isEmpty, children }: AnswerProps<Data>) {
  const { data, error } = query;
  if (data === undefined) {
    if (error === null && query.isEnabled && !query.isFetching) return <Stopped onRetry={() => void query.refetch()} height={height} />;
    return error === null ? <Loading height={height} /> : <Failed error={error} onRetry={() => void query.refetch()} height={height} />;
  }
  return (
    <div className={css.answer} data-stale={query.isPlaceholderData} aria-busy={query.isFetching}>
      {error !== null && <Failed error={error} onRetry={() => void query.refetch()} />}
      <Warnings of={data} />
      {isEmpty?.(data) === true ? empty : children(data)}
    </div>
  );
}

/** Of a question that somebody took back. */
function Stopped({ onRetry, height }: { onRetry: () => void; height: number | undefined }) {
  return (
    <Empty title="Stopped" height={height}>
      <Button icon="refresh" onPress={onRetry}>
        Ask again
      </Button>
    </Empty>
  );
}

export function Loading({ height = 120 }: { height?: number | undefined }) {
  return (
    <div className={css.loading} style={{ height }} role="status" aria-busy="true">
      <span className={css.hidden}>Loading</span>
    </div>
  );
}

interface EmptyProps {
  title: string;
  /** What to do about it. */
  children?: ReactNode;
  /** The button that does it. */
  act?: ReactNode;
  height?: number | undefined;
}

export function Empty({ title, children, act, height }: EmptyProps) {
  return (
    <div className={css.empty} style={{ minHeight: height }}>
      <p className={css.title}>{title}</p>
      {children !== undefined && <div className={css.next}>{children}</div>}
      {act}
    </div>
  );
}

interface FailedProps {
  error: unknown;
  onRetry?: () => void;
  height?: number | undefined;
}

/** Says what the server said. */
export function Failed({ error, onRetry, height }: FailedProps) {
  const failure = failureFrom(error);
  return (
    <div className={css.failed} role="alert" style={{ minHeight: Math.min(height ?? 0, FAILED_HEIGHT_MAX) }}>
      <p className={css.title}>{sentence(failure.message)}</p>
      {failure.hint !== undefined && <p className={css.next}>{sentence(failure.hint)}</p>}
      {onRetry !== undefined && (
        <Button icon="refresh" onPress={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** What the server says is missing from an answer. */
function Warnings({ of }: { of: unknown }) {
  const warnings = typeof of === 'object' && of !== null && 'warnings' in of ? (of.warnings as string[]) : [];
  if (warnings.length === 0) return null;
  return (
    <ul className={css.warnings} role="status">
      {warnings.map((warning) => (
        <li key={warning}>{sentence(warning)}</li>
      ))}
    </ul>
  );
}

/** A page that could not be drawn, inside the shell. */
export function PageFailure({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  return (
    <Failed
      error={error}
      height={240}
      onRetry={() => {
        reset();
        void router.invalidate();
      }}
    />
  );
}

export function NotFound() {
  return (
    <Empty title="There is no such page" height={240}>
      <Link to="/">Go to the overview</Link>
    </Empty>
  );
}

/** The server's messages begin small and end without a full stop. */
function sentence(message: string): string {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?:]$/.test(text) ? text : `${text}.`;
}
