//! Views over the telemetry tables, as SQL.

/// A view that every tenant has.
#[derive(Debug)]
pub(crate) struct View {
    /// Name in SQL.
    pub(crate) name: &'static str,
    /// Its definition, over tables only.
    pub(crate) sql: &'static str,
}

/// Every view, in the order they are listed to people.
pub(crate) const ALL: [View; 7] = [
    View { name: "services", sql: SERVICES },
    View { name: "operations", sql: OPERATIONS },
    View { name: "traces", sql: TRACES },
    View { name: "service_minutes", sql: SERVICE_MINUTES },
    View { name: "service_hours", sql: SERVICE_HOURS },
    View { name: "service_days", sql: SERVICE_DAYS },
    View { name: "service_edges", sql: SERVICE_EDGES },
];

/// One row a service, with the version and environment it named last.
const SERVICES: &str = "
SELECT
    service_name,
    service_namespace,
    last_value(service_version ORDER BY start_time) FILTER (WHERE service_version IS NOT NULL) AS service_version,
    last_value(deployment_environment_name ORDER BY start_time)
        FILTER (WHERE deployment_environment_name IS NOT NULL) AS deployment_environment_name,
    count(*) AS span_count,
    count(*) FILTER (WHERE status_code = 'error') AS error_count,
    min(start_time) AS first_seen,
    max(start_time) AS last_seen
FROM spans
GROUP BY service_name, service_namespace";

/// One row an operation of a service.
const OPERATIONS: &str = "
SELECT
    service_name,
    name,
    kind,
    count(*) AS span_count,
    count(*) FILTER (WHERE status_code = 'error') AS error_count,
    avg(duration_ns) AS avg_duration_ns,
    approx_percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ns) AS p95_duration_ns,
    min(start_time) AS first_seen,
    max(start_time) AS last_seen
FROM spans
GROUP BY service_name, name, kind";

/// One row a trace; the root is the earliest span without a parent, and unknown while it has not arrived.
const TRACES: &str = "
SELECT
    trace_id,
    first_value(service_name ORDER BY start_time) FILTER (WHERE parent_span_id IS NULL) AS root_service_name,
    first_value(name ORDER BY start_time) FILTER (WHERE parent_span_id IS NULL) AS root_name,
    min(start_time) AS start_time,
    max(end_time) AS end_time,
    CAST(max(end_time) AS BIGINT) - CAST(min(start_time) AS BIGINT) AS duration_ns,
    count(*) AS span_count,
    count(*) FILTER (WHERE status_code = 'error') AS error_count,
    array_agg(DISTINCT service_name) AS services
FROM spans
GROUP BY trace_id";

/// One row for each minute and operation, by status: the rows of the rollup of this name, added up.
const SERVICE_MINUTES: &str = "
SELECT
    minute,
    service_name,
    service_namespace,
    service_version,
    deployment_environment_name,
    name,
    kind,
    status_code,
    http_response_status_code,
    sum(requests) AS requests,
    sum(errors) AS errors,
    sum(duration_sum_ns) AS duration_sum_ns,
    min(duration_min_ns) AS duration_min_ns,
    max(duration_max_ns) AS duration_max_ns,
    sketch(duration_sketch) AS duration_sketch
FROM service_minutes
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9";

/// The same by hour.
const SERVICE_HOURS: &str = "
SELECT
    hour,
    service_name,
    service_namespace,
    service_version,
    deployment_environment_name,
    name,
    kind,
    status_code,
    http_response_status_code,
    sum(requests) AS requests,
    sum(errors) AS errors,
    sum(duration_sum_ns) AS duration_sum_ns,
    min(duration_min_ns) AS duration_min_ns,
    max(duration_max_ns) AS duration_max_ns,
    sketch(duration_sketch) AS duration_sketch
FROM service_hours
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9";

/// The same by day.
const SERVICE_DAYS: &str = "
SELECT
    date_trunc('day', hour) AS day,
    service_name,
    service_namespace,
    service_version,
    deployment_environment_name,
    name,
    kind,
    status_code,
    http_response_status_code,
    sum(requests) AS requests,
    sum(errors) AS errors,
    sum(duration_sum_ns) AS duration_sum_ns,
    min(duration_min_ns) AS duration_min_ns,
    max(duration_max_ns) AS duration_max_ns,
    sketch(duration_sketch) AS duration_sketch
FROM service_hours
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9";

/// Calls between services, and from services to databases, queues and hosts, by minute: halves of calls that are in several
/// segments are joined here, and a half that finds no other counts as it is.
const SERVICE_EDGES: &str = "
WITH callers AS (
    SELECT trace_id, span_id, min(source) AS source FROM service_edges WHERE half = 'caller' GROUP BY trace_id, span_id
),
answered AS (
    SELECT DISTINCT trace_id, span_id FROM service_edges WHERE half = 'callee'
),
edges AS (
    SELECT minute, source, target, target_kind, system, kind, deployment_environment_name,
        calls, errors, duration_sum_ns, duration_min_ns, duration_max_ns, duration_sketch
    FROM service_edges WHERE half IS NULL
    UNION ALL
    SELECT minute, callers.source, target, target_kind, system, kind, deployment_environment_name,
        calls, errors, duration_sum_ns, duration_min_ns, duration_max_ns, duration_sketch
    FROM service_edges callee
    LEFT JOIN callers ON callee.trace_id = callers.trace_id AND callee.span_id = callers.span_id
    WHERE half = 'callee'
    UNION ALL
    SELECT minute, source, target, target_kind, system, kind, deployment_environment_name,
        calls, errors, duration_sum_ns, duration_min_ns, duration_max_ns, duration_sketch
    FROM service_edges caller
    WHERE half = 'caller' AND calls > 0 AND NOT EXISTS (
        SELECT 1 FROM answered WHERE answered.trace_id = caller.trace_id AND answered.span_id = caller.span_id
    )
)
SELECT
    minute,
    source,
    target,
    target_kind,
    system,
    kind,
    deployment_environment_name,
    sum(calls) AS calls,
    sum(errors) AS errors,
    sum(duration_sum_ns) AS duration_sum_ns,
    min(duration_min_ns) AS duration_min_ns,
    max(duration_max_ns) AS duration_max_ns,
    sketch(duration_sketch) AS duration_sketch
FROM edges
GROUP BY 1, 2, 3, 4, 5, 6, 7";
