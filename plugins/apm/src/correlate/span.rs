//! What logs and metrics say around one span.

use std::collections::BTreeMap;

use plugin::Failure;
use serde::Serialize;
use utoipa::ToSchema;

use super::links::link;
use super::resource::{self, Resource, Sender};
use super::severity::{LEVEL, SeverityCounts};
use crate::conditions::Conditions;
use crate::metrics::exemplars::{Exemplar, told_in};
use crate::metrics::{IS_RECORDED, PointTable};
use crate::range::{MINUTE, Range, rfc3339};
use crate::rows::{Row, Source, hex};

/// So long before and after a span its surroundings reach.
const AROUND: i64 = 5 * MINUTE;
/// Most metrics of an answer.
const METRICS_MAX: usize = 100;
/// Most metrics of a table that are looked through for those of CPU and memory.
const METRICS_READ_MAX: usize = 5000;

/// A span and what was sent around it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AroundSpan {
    span: SpanFacts,
    resource: Resource,
    /// Five minutes before the span.
    from: String,
    /// Five minutes after it.
    to: String,
    logs: LogsAround,
    /// Of its resource, and of its pod and host; those of CPU and memory first.
    metrics: Vec<MetricAround>,
    /// True when there are more metrics.
    is_truncated: bool,
    /// Values that were measured in the span.
    exemplars: Vec<Exemplar>,
    /// Where there is more, by name.
    links: BTreeMap<&'static str, String>,
    /// What is missing from the answer, a sentence each.
    warnings: Vec<String>,
}

/// The span.
#[derive(Debug, Serialize, ToSchema)]
struct SpanFacts {
    trace_id: String,
    span_id: String,
    name: String,
    kind: String,
    status: String,
    start: String,
    duration_ns: i64,
}

/// Log records around the span.
#[derive(Debug, Serialize, ToSchema)]
struct LogsAround {
    of_span: SeverityCounts,
    of_trace: SeverityCounts,
    /// Of its resource, whatever their trace.
    of_resource: SeverityCounts,
}

/// A metric around the span.
#[derive(Debug, Serialize, ToSchema)]
struct MetricAround {
    name: String,
    r#type: String,
    unit: Option<String>,
    sender: Sender,
    series: u64,
    /// The last value of any of its series; null for histograms and summaries, as are the others.
    last: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    /// The metric over this time.
    link: String,
}

impl AroundSpan {
    /// What is around the span, or the root of the trace.
    pub(super) async fn read(source: &Source, trace_id: &str, span_id: Option<&str>) -> Result<Self, Failure> {
        let Found { span, resource, range } = find(source, trace_id, span_id).await?;
        let logs = logs(source, &span, &resource, range).await?;
        let mut metrics = Vec::new();
        for table in PointTable::ALL {
            metrics.extend(self::metrics(source, table, &resource, range).await?);
        }
        metrics.sort_by_key(|metric| rank(&metric.name));
        let is_truncated = metrics.len() > METRICS_MAX;
        metrics.truncate(METRICS_MAX);
        let mut points = Conditions::in_range("time", told_in(range));
        let itself = resource.itself(&mut points);
        points.and(itself);
        let of_span = [("trace =", span.trace_id.as_str().into()), ("span =", span.span_id.as_str().into())];
        let exemplars = super::exemplars(source, range, &points, &of_span).await?;
        Ok(Self {
            links: links(&span, &resource, range),
            from: rfc3339(range.from),
            to: rfc3339(range.until),
            warnings: source.warnings(),
            span,
            resource,
            logs,
            metrics,
            is_truncated,
            exemplars,
        })
    }
}

struct Found {
    span: SpanFacts,
    resource: Resource,
    range: Range,
}

async fn find(source: &Source, trace_id: &str, span_id: Option<&str>) -> Result<Found, Failure> {
    let mut conditions = Conditions::none();
    conditions.equal("trace_id", trace_id).equal_if_said("span_id", span_id);
    let sql = format!(
        "SELECT trace_id, span_id, name, kind, status_code, start_time, duration_ns, {}
        FROM spans WHERE {} ORDER BY CASE WHEN parent_span_id IS NULL THEN 0 ELSE 1 END, start_time LIMIT 1",
        resource::COLUMNS,
        conditions.text()
    );
    let answer = source.ask(sql, conditions.params()).await?;
    let found = answer.rows().next().and_then(found);
    found.ok_or_else(|| {
        let what = span_id.map_or_else(String::new, |span_id| format!("no span {span_id} in "));
        Failure::not_found(format!("there is {what}{}trace {trace_id}", if what.is_empty() { "no " } else { "" }))
            .hinting("spans are there when they have arrived, and until they expire")
    })
}

fn found(row: Row<'_>) -> Option<Found> {
    let (start, duration) = (row.integer(5)?, row.integer(6)?);
    let span = SpanFacts {
        trace_id: hex(&row.id::<16>(0)?),
        span_id: hex(&row.id::<8>(1)?),
        name: row.owned(2)?,
        kind: row.owned(3)?,
        status: row.owned(4)?,
        start: rfc3339(start),
        duration_ns: duration,
    };
    let until = start.saturating_add(duration.max(0)).saturating_add(AROUND);
    let range = Range { from: start.saturating_sub(AROUND), until };
    Some(Found { span, resource: Resource::of(row, 7), range })
}

async fn logs(source: &Source, span: &SpanFacts, resource: &Resource, range: Range) -> Result<LogsAround, Failure> {
    let mut conditions = Conditions::in_range("time", range);
    let (trace, of_span) = (conditions.param(span.trace_id.as_str()), conditions.param(span.span_id.as_str()));
    let itself = resource.itself(&mut conditions);
    conditions.and(format!("(trace_id = {trace} OR {itself})"));
    let sql = format!(
        "SELECT {LEVEL} AS level, count(*) FILTER (WHERE trace_id = {trace} AND span_id = {of_span}) AS of_span,
            count(*) FILTER (WHERE trace_id = {trace}) AS of_trace, count(*) FILTER (WHERE {itself}) AS of_resource
        FROM logs WHERE {} GROUP BY 1",
        conditions.text()
    );
    let answer = source.ask(sql, conditions.params()).await?;
    let [of_span, of_trace, of_resource] = [1, 2, 3].map(|place| SeverityCounts::of(&answer, place));
    Ok(LogsAround { of_span, of_trace, of_resource })
}

async fn metrics(
    source: &Source,
    table: PointTable,
    resource: &Resource,
    range: Range,
) -> Result<Vec<MetricAround>, Failure> {
    let mut conditions = Conditions::in_range("time", range);
    let itself = resource.itself(&mut conditions);
    let (pod, host) = resource.pod_and_host(&mut conditions);
    conditions.and(format!("({itself} OR {pod} OR {host})")).and(IS_RECORDED);
    let values = match table {
        PointTable::Numbers => "last_value(value ORDER BY time) AS last, min(value) AS least, max(value) AS most",
        PointTable::Histograms => {
            "cast(NULL AS double) AS last, cast(NULL AS double) AS least, cast(NULL AS double) AS most"
        }
    };
    let sql = format!(
        "SELECT name, type, unit, CASE WHEN {itself} THEN 0 WHEN {pod} THEN 1 ELSE 2 END AS sender,
            count(DISTINCT series_id) AS series, {values}
        FROM {} WHERE {} GROUP BY 1, 2, 3, 4 ORDER BY name LIMIT {}",
        table.name(),
        conditions.text(),
        METRICS_READ_MAX
    );
    let answer = source.ask(sql, conditions.params()).await?;
    Ok(answer.rows().filter_map(|row| metric(row, resource, range)).collect())
}

fn metric(row: Row<'_>, resource: &Resource, range: Range) -> Option<MetricAround> {
    let (name, kind) = (row.owned(0)?, row.owned(1)?);
    let sender = match row.integer(3)? {
        0 => Sender::Itself,
        1 => Sender::Pod,
        _ => Sender::Host,
    };
    let filter = resource.labels(sender);
    Some(MetricAround {
        link: link(&["metrics", &name, "range"], range, &[("type", &kind), ("filter", &filter)]),
        unit: row.owned(2),
        sender,
        series: row.count(4),
        last: row.double(5),
        min: row.double(6),
        max: row.double(7),
        name,
        r#type: kind,
    })
}

/// What people look at first.
fn rank(name: &str) -> (u8, String) {
    let name = name.to_lowercase();
    let rank = if name.contains("cpu") { 0 } else { 2 - u8::from(name.contains("memory")) };
    (rank, name)
}

fn links(span: &SpanFacts, resource: &Resource, range: Range) -> BTreeMap<&'static str, String> {
    let (trace, of_span) = (("trace_id", span.trace_id.as_str()), ("span_id", span.span_id.as_str()));
    let identity = resource.identity_label();
    let mut of_resource: Vec<(&str, &str)> = Vec::new();
    of_resource.extend(resource.service.as_deref().map(|service| ("service", service)));
    of_resource.extend(identity.as_deref().map(|identity| ("attributes", identity)));
    let mut links = BTreeMap::from([
        ("trace", format!("/api/v1/apm/traces/{}", span.trace_id)),
        ("logs_of_span", link(&["logs"], range, &[trace, of_span])),
        ("logs_of_trace", link(&["logs"], range, &[trace])),
        ("logs_of_resource", link(&["logs"], range, &of_resource)),
    ]);
    if let Some(service) = &resource.service {
        let service_asked = [("service", service.as_str())];
        links.insert("service", link(&["services", service], range, &[]));
        links.insert("around_service", link(&["correlate"], range, &service_asked));
        links.insert("metrics_of_service", link(&["metrics"], range, &service_asked));
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_and_memory_come_first() {
        let mut names = ["disk.io", "process.memory.usage", "System.CPU.time", "a"];

        names.sort_by_key(|name| rank(name));

        assert_eq!(names, ["System.CPU.time", "process.memory.usage", "a", "disk.io"]);
    }
}
