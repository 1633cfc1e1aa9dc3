// The form of an SLO: texts that become what the API takes.

import type { FreshSignal, Indicator, SloView, SloWanted } from '../../api/schema';

export interface SloTexts {
  name: string;
  service: string;
  description: string;
  owner: string;
  objective: string;
  windowDays: string;
  kind: Indicator['kind'];
  operation: string;
  environment: string;
  thresholdMs: string;
  maxAgeSeconds: string;
  signal: FreshSignal;
  statement: string;
}

const STATEMENT = `select date_trunc('minute', time) as minute,
  sum(case when severity_number < 17 then 1 else 0 end) as good, count(*) as valid
from logs where time >= $1 and time < $2 group by 1`;

export const NEW_SLO: SloTexts = {
  name: '',
  service: '',
  description: '',
  owner: '',
  objective: '99.9',
  windowDays: '30',
  kind: 'availability',
  operation: '',
  environment: '',
  thresholdMs: '500',
  maxAgeSeconds: '120',
  signal: 'spans',
  statement: STATEMENT,
};

export function textsOf({ indicator, ...slo }: SloView): SloTexts {
  const texts = { ...NEW_SLO, name: slo.name, service: slo.service, description: slo.description, owner: slo.owner, objective: String(slo.objective), windowDays: String(slo.window_days), kind: indicator.kind };
  switch (indicator.kind) {
    case 'availability':
      return { ...texts, ...askedOf(indicator) };
    case 'latency':
      return { ...texts, ...askedOf(indicator), thresholdMs: String(indicator.threshold_ms) };
    case 'freshness':
      return { ...texts, maxAgeSeconds: String(indicator.max_age_seconds), signal: indicator.signal };
    case 'sql':
      return { ...texts, statement: indicator.statement };
  }
}

/** `before` is the SLO that is changed: what the form has no field for stays, and nobody's change is lost. */
export function wantedOf(texts: SloTexts, before?: SloView): SloWanted {
  return {
    name: texts.name,
    service: texts.service,
    description: texts.description,
    owner: texts.owner,
    objective: Number(texts.objective),
    window_days: Number(texts.windowDays),
    indicator: indicatorOf(texts),
    ...(before === undefined ? {} : { bad_events_min: before.bad_events_min, version: before.version }),
  };
}

function indicatorOf(texts: SloTexts): Indicator {
  const of = { operation: texts.operation || null, environment: texts.environment || null };
  switch (texts.kind) {
    case 'availability':
      return { kind: 'availability', ...of };
    case 'latency':
      return { kind: 'latency', threshold_ms: Number(texts.thresholdMs), ...of };
    case 'freshness':
      return { kind: 'freshness', signal: texts.signal, max_age_seconds: Number(texts.maxAgeSeconds) };
    case 'sql':
      return { kind: 'sql', statement: texts.statement };
  }
}

function askedOf({ operation, environment }: { operation?: string | null; environment?: string | null }) {
  return { operation: operation ?? '', environment: environment ?? '' };
}
