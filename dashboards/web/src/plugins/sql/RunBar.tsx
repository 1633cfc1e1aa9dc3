// Runs the statement, tells how far it is while it runs, and how long it took.

import type { UseQueryResult } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Button } from '../../components/Button';
import { bytes as bytesText, duration, exact } from '../../format/number';
import { useClock } from '../../format/time';
import { keyNames } from '../../shell/shortcuts';
import { millisOf } from '../dashboards/times';
import type { SqlAnswer } from './answer';
import css from './sql.module.css';

const TICK_MS = 100;

interface RunBarProps {
  query: UseQueryResult<SqlAnswer>;
  bytes: number;
  onRun: () => void;
  onCancel: () => void;
}

export function RunBar({ query, bytes, onRun, onCancel }: RunBarProps) {
  return (
    <div className={css.runBar}>
      {query.isFetching ? (
        <Button icon="stop" onPress={onCancel}>
          Cancel
        </Button>
      ) : (
        <Button kind="primary" icon="play" onPress={onRun}>
          Run
        </Button>
      )}
      <span className={css.told} aria-live="polite">
        {query.isFetching ? <Running bytes={bytes} /> : <Done query={query} />}
      </span>
    </div>
  );
}

function Running({ bytes }: { bytes: number }) {
  const [started] = useState(() => performance.now());
  const [now, setNow] = useState(started);
  useEffect(() => {
    const timer = setInterval(() => {
      setNow(performance.now());
    }, TICK_MS);
    return () => {
      clearInterval(timer);
    };
  }, []);
  // Read by screen readers once, not ten times a second.
  return (
    <>
      Running
      <span aria-hidden="true">
        {' '}
        for {((now - started) / 1000).toFixed(1)} s{bytes > 0 && `, ${bytesText(bytes)} received`}
      </span>
    </>
  );
}

function Done({ query: { data, error, isPlaceholderData } }: { query: UseQueryResult<SqlAnswer> }) {
  const clock = useClock();
  if (error !== null || data === undefined || isPlaceholderData) return <>{keyNames('mod+Enter')[0]?.replace('ENTER', 'Enter')} runs it, Ctrl Space completes</>;
  return (
    <>
      {exact(data.rows.length)} {data.rows.length === 1 ? 'row' : 'rows'}
      {data.elapsed_ms !== undefined && ` in ${duration(data.elapsed_ms * 1e6)}`}
      {data.times !== undefined && ` over ${clock.short(millisOf(data.times.from))} – ${clock.short(millisOf(data.times.to))}`}
      {data.isCut && '; there are more, which exports have'}
    </>
  );
}
