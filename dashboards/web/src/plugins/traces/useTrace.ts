// A trace, page by page until all of it is there: the first small, so that something is seen at once.

import { useInfiniteQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import { api } from '../../api/client';

const FIRST_PAGE = 1000;
const PAGE = 5000;

export function useTrace(id: string) {
  const [isStopped, setStopped] = useState(false);
  const pages = useInfiniteQuery({
    queryKey: ['trace', id],
    queryFn: async ({ pageParam: offset, signal }) => {
      const query = { offset, limit: offset === 0 ? FIRST_PAGE : PAGE };
      const { data } = await api.GET('/api/v1/apm/traces/{id}', { params: { path: { id }, query }, signal });
      if (data === undefined) throw new Error('the server answered nothing');
      return data;
    },
    initialPageParam: 0,
    getNextPageParam: (last) => last.next ?? undefined,
  });
  const { data, hasNextPage, isFetching, isError, fetchNextPage } = pages;
  useEffect(() => {
    if (hasNextPage && !isFetching && !isError && !isStopped) void fetchNextPage();
  }, [hasNextPage, isFetching, isError, isStopped, fetchNextPage]);
  const nodes = useMemo(() => data?.pages.flatMap((page) => page.nodes) ?? [], [data]);
  return {
    query: { ...pages, data: data?.pages[0] },
    nodes,
    isWhole: !hasNextPage,
    isStopped,
    stop: () => {
      setStopped(true);
    },
    go: () => {
      setStopped(false);
      void fetchNextPage();
    },
  };
}
