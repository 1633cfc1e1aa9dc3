// The statement of the address: asked when it changes, when the range does that it names, and again when it is run again.

import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { api } from '../../api/client';
import { useRange } from '../../range/useRange';
import type { SqlAnswer } from './answer';
import { ask } from './ask';
import type { SqlSearch } from './index';
import { askedOf, isRanged } from './ranged';

/** What an answer is known by: other ranges make another one only where the statement names them. */
export function useQuestion(search: SqlSearch) {
  const { query: range, live } = useRange();
  const isOverRange = isRanged(search.sql ?? '');
  return {
    key: [search.sql, search.params, search.as_of, isOverRange ? range : undefined],
    // Otherwise asked again only by who runs it again: an answer may take a minute. The last hour is another one when it is chosen again.
    again: isOverRange ? { staleTime: 0, refetchInterval: live.refetchInterval } : { staleTime: Infinity },
    asked: () => askedOf(search, range),
  };
}

export function useStatement(search: SqlSearch) {
  const queryClient = useQueryClient();
  const [bytes, setBytes] = useState(0);
  const remember = useRemember();
  const { key, again, asked } = useQuestion(search);
  const queryKey = ['sql', 'answer', ...key];
  const query = useQuery({
    queryKey,
    enabled: search.sql !== undefined,
    ...again,
    refetchOnReconnect: false,
    retry: false,
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }): Promise<SqlAnswer> => {
      setBytes(0);
      const started = performance.now();
      const { statement, times } = asked();
      const answer = await ask(statement, signal, setBytes);
      remember(search.sql ?? '', Math.round(performance.now() - started), answer.rows.length);
      return { ...answer, times };
    },
  });
  const cancel = () => void queryClient.cancelQueries({ queryKey });
  return { query, bytes, cancel };
}

function useRemember() {
  const queryClient = useQueryClient();
  const last = useRef<string>(undefined);
  return (sql: string, took_ms: number, rows: number) => {
    // A live page and every zoom ask it again, which is nothing new.
    if (last.current === sql && isRanged(sql)) return;
    last.current = sql;
    api.POST('/api/v1/dashboards/queries/history', { body: { sql, took_ms, rows } }).then(
      () => queryClient.invalidateQueries({ queryKey: ['get', '/api/v1/dashboards/queries/history'] }),
      // What was asked is answered, whether it is remembered or not.
      () => undefined,
    );
  };
}
