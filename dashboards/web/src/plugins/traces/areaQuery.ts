// A search within a part of the heat map. The map without a kind is of requests, so a part of it is of those spans that answer them.

import type { HeatMapArea } from '../../components/chart/HeatMap';
import type { Range } from '../../range/range';
import { rangeOfArea } from './area';
import { spanQuery, type SpanSearch } from './spanSearch';

export function queryIn(range: Range, search: SpanSearch, area: HeatMapArea | undefined) {
  const query = { ...range, ...spanQuery(search) };
  if (area === undefined) return query;
  return {
    ...query,
    ...rangeOfArea(area),
    kind: search.kind ?? 'server',
    min_duration_ms: Math.max(area.min, search.min_ms ?? 0),
    max_duration_ms: Math.min(area.max, search.max_ms ?? Number.MAX_VALUE),
  };
}
