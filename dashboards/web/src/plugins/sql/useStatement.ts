// The statement of the address: asked when it changes, and again when it is run again.

import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../../api/client';
import type { Statement } from '../../api/schema';
import { ask } from './ask';
import { paramsOf } from './answer';
import type { SqlSearch } from './index';

/** What is sent for an address; throws a `Failure` when its parameters are none. */
export function statementOf({ sql = '', params, as_of }: SqlSearch): Statement {
  return { sql, params: paramsOf(params), ...(as_of === undefined ? {} : { as_of }) };
}

export function useStatement(search: SqlSearch) {
  const queryClient = useQueryClient();
  const [bytes, setBytes] = useState(0);
  const queryKey = ['sql', 'answer', search.sql, search.params, search.as_of];
  const query = useQuery({
    queryKey,
    enabled: search.sql !== undefined,
    // Asked again only by who runs it again: an answer may take a minute.
    staleTime: Infinity,
    retry: false,
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      setBytes(0);
      const started = performance.now();
      const answer = await ask(statementOf(search), signal, setBytes);
      remember(search.sql ?? '', Math.round(performance.now() - started), answer.rows.length).then(
        () => queryClient.invalidateQueries({ queryKey: ['get', '/api/v1/dashboards/queries/history'] }),
        // What was asked is answered, whether it is remembered or not.
        () => undefined,
      );
      return answer;
    },
  });
  const cancel = () => void queryClient.cancelQueries({ queryKey });
  return { query, bytes, cancel };
}

function remember(sql: string, took_ms: number, rows: number) {
  return api.POST('/api/v1/dashboards/queries/history', { body: { sql, took_ms, rows } });
}
