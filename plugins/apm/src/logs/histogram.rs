//! How many log records there are over time, by severity.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::{Extension, Json};
use plugin::model::Tenant;
use plugin::{Asked, Failure, PluginContext};
use serde::Serialize;
use utoipa::ToSchema;

use super::filter::LogWanted;
use super::severity;
use crate::conditions::Conditions;
use crate::range::{RangeWanted, SPAN_DAYS_MAX, rfc3339};
use crate::rows::{Row, Source};

/// Counts over time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogHistogram {
    from: String,
    to: String,
    bucket_seconds: i64,
    count: u64,
    buckets: Vec<LogBucket>,
    /// What is missing from the answer, a sentence each.
    warnings: Vec<String>,
}

/// Records of one bucket.
#[derive(Debug, Serialize, ToSchema)]
struct LogBucket {
    start: String,
    count: u64,
    #[serde(flatten)]
    severities: BySeverity,
}

/// Records by the name of their severity.
#[derive(Debug, Default, Serialize, ToSchema)]
struct BySeverity {
    trace: u64,
    debug: u64,
    info: u64,
    warn: u64,
    error: u64,
    fatal: u64,
    /// Records that do not tell it.
    unknown: u64,
}

impl BySeverity {
    /// What the row adds: the name of a severity in its second column, and a count in its third.
    fn add(&mut self, row: Row<'_>) {
        let count = match row.text(1) {
            Some("trace") => &mut self.trace,
            Some("debug") => &mut self.debug,
            Some("info") => &mut self.info,
            Some("warn") => &mut self.warn,
            Some("error") => &mut self.error,
            Some("fatal") => &mut self.fatal,
            _ => &mut self.unknown,
        };
        *count += row.count(2);
    }

    fn sum(&self) -> u64 {
        let Self { trace, debug, info, warn, error, fatal, unknown } = self;
        trace + debug + info + warn + error + fatal + unknown
    }
}

/// Log records over time, by severity
#[utoipa::path(
    get, path = "/logs/histogram", tag = "apm", security(("caller" = ["apm:logs:read"])), params(RangeWanted, LogWanted),
    responses((status = 200, body = LogHistogram), (status = 400, description = "The range or a parameter is wrong"))
)]
pub(crate) async fn show(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    Asked(range): Asked<RangeWanted>,
    Asked(wanted): Asked<LogWanted>,
) -> Result<Json<LogHistogram>, Failure> {
    let (range, filter) = (range.read(SPAN_DAYS_MAX)?, wanted.find(&context, &tenant).await?);
    let (source, buckets) = (Source::new(&context, tenant), range.buckets());
    let mut conditions = Conditions::of_logs(range);
    filter.add_to(&mut conditions);
    let sql = format!(
        "SELECT time_bucket('{} seconds', time) AS bucket, {} AS severity, count(*) FROM logs WHERE {} GROUP BY 1, 2",
        buckets.width_seconds(),
        severity::name_in_sql(),
        conditions.text()
    );
    let answer = source.ask(sql, conditions.params()).await?;
    let mut counted: BTreeMap<i64, BySeverity> = BTreeMap::new();
    for row in answer.rows() {
        counted.entry(row.integer(0).unwrap_or_default()).or_default().add(row);
    }
    let buckets: Vec<LogBucket> = buckets
        .all()
        .map(|(start, _)| {
            let severities = counted.remove(&start).unwrap_or_default();
            LogBucket { start: rfc3339(start), count: severities.sum(), severities }
        })
        .collect();
    Ok(Json(LogHistogram {
        from: rfc3339(range.from),
        to: rfc3339(range.until),
        bucket_seconds: range.buckets().width_seconds(),
        count: buckets.iter().map(|bucket| bucket.count).sum(),
        buckets,
        warnings: source.warnings(),
    }))
}
