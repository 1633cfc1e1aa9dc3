//! What spans, logs and exemplars say of a service in a range, as around a spike of a metric.

use std::collections::BTreeMap;

use plugin::Failure;
use serde::Serialize;
use utoipa::ToSchema;

use super::links::link;
use super::severity::{LEVEL, SeverityCounts};
use crate::conditions::{Conditions, REQUESTS};
use crate::metrics::exemplars::{Exemplar, told_in};
use crate::range::{Range, rfc3339};
use crate::rows::{Row, Source, hex};

/// Most requests of a list.
const REQUESTS_MAX: usize = 10;

/// A service in a range.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AroundService {
    service: String,
    from: String,
    to: String,
    requests: u64,
    errors: u64,
    /// The last requests that failed.
    failed: Vec<RequestFacts>,
    /// The requests that took longest.
    slowest: Vec<RequestFacts>,
    logs: SeverityCounts,
    /// Values of its metrics with their traces, the newest first.
    exemplars: Vec<Exemplar>,
    /// Where there is more, by name.
    links: BTreeMap<&'static str, String>,
    /// What is missing from the answer, a sentence each.
    warnings: Vec<String>,
}

/// One request that the service answered.
#[derive(Debug, Serialize, ToSchema)]
struct RequestFacts {
    trace_id: String,
    span_id: String,
    operation: String,
    start: String,
    duration_ns: i64,
    status: String,
}

impl AroundService {
    pub(super) async fn read(
        source: &Source,
        service: &str,
        range: Range,
        metric: Option<&str>,
    ) -> Result<Self, Failure> {
        let mut requests = Conditions::of_spans(range);
        requests.equal("service_name", service).and(REQUESTS);
        let (count, errors) = counts(source, &requests).await?;
        let slowest = list(source, &requests, "duration_ns DESC").await?;
        let mut failing = requests.clone();
        failing.and("status_code = 'error'");
        let failed = list(source, &failing, "start_time DESC").await?;
        let mut points = Conditions::in_range("time", told_in(range));
        points.equal("service_name", service).equal_if_said("name", metric);
        Ok(Self {
            service: service.to_owned(),
            from: rfc3339(range.from),
            to: rfc3339(range.until),
            requests: count,
            errors,
            failed,
            slowest,
            logs: logs(source, service, range).await?,
            exemplars: super::exemplars(source, range, &points, &[]).await?,
            links: links(service, range, metric),
            warnings: source.warnings(),
        })
    }
}

async fn counts(source: &Source, requests: &Conditions) -> Result<(u64, u64), Failure> {
    let sql =
        format!("SELECT count(*), count(*) FILTER (WHERE status_code = 'error') FROM spans WHERE {}", requests.text());
    let answer = source.ask(sql, requests.params()).await?;
    Ok(answer.rows().next().map_or((0, 0), |row| (row.count(0), row.count(1))))
}

async fn list(source: &Source, requests: &Conditions, order: &str) -> Result<Vec<RequestFacts>, Failure> {
    let sql = format!(
        "SELECT trace_id, span_id, name, start_time, duration_ns, status_code
        FROM spans WHERE {} ORDER BY {order} LIMIT {REQUESTS_MAX}",
        requests.text()
    );
    Ok(source.ask(sql, requests.params()).await?.rows().filter_map(request).collect())
}

fn request(row: Row<'_>) -> Option<RequestFacts> {
    Some(RequestFacts {
        trace_id: hex(&row.id::<16>(0)?),
        span_id: hex(&row.id::<8>(1)?),
        operation: row.owned(2)?,
        start: rfc3339(row.integer(3)?),
        duration_ns: row.integer(4)?,
        status: row.owned(5)?,
    })
}

async fn logs(source: &Source, service: &str, range: Range) -> Result<SeverityCounts, Failure> {
    let mut conditions = Conditions::in_range("time", range);
    conditions.equal("service_name", service);
    let sql = format!("SELECT {LEVEL} AS level, count(*) AS records FROM logs WHERE {} GROUP BY 1", conditions.text());
    Ok(SeverityCounts::of(&source.ask(sql, conditions.params()).await?, 1))
}

fn links(service: &str, range: Range, metric: Option<&str>) -> BTreeMap<&'static str, String> {
    let of_service = ("service", service);
    let mut links = BTreeMap::from([
        ("service", link(&["services", service], range, &[])),
        ("errors", link(&["services", service, "errors"], range, &[])),
        ("slowest_traces", link(&["traces"], range, &[of_service, ("sort", "duration")])),
        ("failed_traces", link(&["traces"], range, &[of_service, ("status", "error")])),
        ("logs", link(&["logs"], range, &[of_service])),
        ("metrics", link(&["metrics"], range, &[of_service])),
    ]);
    if let Some(metric) = metric {
        let filter = serde_json::json!({ "service.name": service }).to_string();
        let filtered = [("filter", filter.as_str())];
        links.insert("metric", link(&["metrics", metric, "range"], range, &filtered));
        links.insert("exemplars", link(&["metrics", metric, "exemplars"], range, &filtered));
    }
    links
}
