// All rules of the tenant, page by page: lists and units need every one.

import { queryOptions } from '@tanstack/react-query';
import { api } from '../../../api/client';
import type { RuleView } from '../../../api/schema';

const PAGE = 1000;

export function allRules() {
  return queryOptions({
    queryKey: ['all rules'],
    queryFn: async ({ signal }) => {
      const rules: RuleView[] = [];
      for (let after: string | undefined, isMore = true; isMore; ) {
        const { data } = await api.GET('/api/v1/alerting/rules', { params: { query: { after, limit: PAGE } }, signal });
        rules.push(...(data?.rules ?? []));
        after = data?.next ?? undefined;
        isMore = after !== undefined;
      }
      return rules;
    },
  });
}
