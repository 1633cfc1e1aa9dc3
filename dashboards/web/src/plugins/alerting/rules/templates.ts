// Rules to begin with, one of each kind that can be asked.

import type { TEMPLATES } from '..';

export type Template = (typeof TEMPLATES)[number];

export const TEMPLATE_NAMES: Record<Template, { name: string; note: string }> = {
  error_rate: { name: 'Error rate', note: 'share of requests that fail' },
  latency: { name: 'Latency', note: 'response time of requests' },
  sql: { name: 'SQL', note: 'each row is something wrong' },
  promql: { name: 'PromQL', note: 'as Prometheus has it' },
  slo: { name: 'SLO burn', note: 'an error budget is spent too fast' },
};

export const TEMPLATE_TEXTS: Record<Template, string> = {
  error_rate: `- name: Many errors
  condition: error_rate > 1%
  over: 5m
  for: 2m
  severity: warning
  summary: "{{ $labels.service }} fails {{ $value | humanizePercentage }} of its requests"
`,
  latency: `- name: Slow responses
  condition: p95_response_time > 500ms
  over: 10m
  group_by: [service, operation]
  for: 5m
  severity: warning
  summary: "{{ $labels.operation }} takes {{ printf \\"%.0f\\" $value }} ms"
`,
  sql: `- name: Errors in logs
  sql: |
    SELECT service_name AS service, count(*) AS value FROM logs
    WHERE severity_number >= 17 AND time > now() - interval '10 minutes'
    GROUP BY 1 HAVING count(*) > 100
  severity: warning
`,
  promql: `- name: Queue grows
  promql: deriv(queue_depth[10m]) > 1
  for: 10m
  severity: warning
`,
  slo: `- name: Budget burns
  slo: "*"
  severity: warning
`,
};
