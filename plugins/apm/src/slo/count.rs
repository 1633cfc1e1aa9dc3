//! Counts events by the minute: requests from rollups, many SLOs in one reading; freshness and statements one by one.

use std::collections::BTreeSet;

use plugin::query::QueryError;

use super::burn::Counts;
use super::document::{Indicator, Minutes, Slo};
use super::{freshness, ratio};
use crate::conditions::{Conditions, REQUESTS};
use crate::range::Range;
use crate::rows::{Row, Source};

const NANOS_A_MINUTE: i64 = 60_000_000_000;
const NANOS_A_MILLISECOND: f64 = 1_000_000.0;

impl Minutes {
    pub(crate) fn range(self) -> Range {
        Range { from: self.from * NANOS_A_MINUTE, until: self.until * NANOS_A_MINUTE }
    }

    /// The minute of a time in nanoseconds.
    pub(crate) fn of(nanos: i64) -> i64 {
        nanos.div_euclid(NANOS_A_MINUTE)
    }

    /// One value for each of them, nothing at first.
    pub(crate) fn nothing(self) -> Vec<Counts> {
        vec![Counts::default(); usize::try_from(self.until - self.from).unwrap_or(0)]
    }

    /// The place of a time in such values.
    pub(crate) fn place(self, nanos: i64) -> Option<usize> {
        let minute = Self::of(nanos);
        usize::try_from(minute - self.from).ok().filter(|_| minute < self.until)
    }
}

/// The counts of each minute for each of these SLOs, or why there are none. Several are counted together when all are of requests.
pub(crate) async fn together(source: &Source, minutes: Minutes, slos: &[&Slo]) -> Result<Vec<Vec<Counts>>, String> {
    let alone = match slos {
        [slo] => Some((slo.service.as_str(), &slo.indicator)),
        _ => None,
    };
    match alone {
        Some((service, Indicator::Freshness { signal, max_age_seconds })) => {
            let counts = freshness::count(source, minutes, service, (*signal, *max_age_seconds)).await;
            counts.map(|counts| vec![counts]).map_err(|cause| cause.to_string())
        }
        Some((_, Indicator::Sql { statement, by_minute })) => {
            let counts = ratio::count(source, minutes, statement, *by_minute).await;
            counts.map(|counts| vec![counts]).map_err(|cause| cause.to_string())
        }
        _ => requests(source, minutes, slos).await.map_err(|cause| cause.to_string()),
    }
}

/// Whole minutes of spans: the engine answers from rollups, and from the spans where rollups cannot tell operations apart.
async fn requests(source: &Source, minutes: Minutes, slos: &[&Slo]) -> Result<Vec<Vec<Counts>>, QueryError> {
    let mut conditions = Conditions::of_spans(minutes.range());
    conditions.and(REQUESTS);
    let services: BTreeSet<&str> = slos.iter().map(|slo| slo.service.as_str()).collect();
    let services: Vec<String> = services.into_iter().map(|service| conditions.param(service)).collect();
    conditions.and(format!("service_name IN ({})", services.join(", ")));
    let columns: Vec<String> =
        slos.iter().enumerate().map(|(number, slo)| columns(&mut conditions, number, slo)).collect();
    let sql = format!(
        "SELECT date_trunc('minute', start_time) AS minute, {} FROM spans WHERE {} GROUP BY 1",
        columns.join(", "),
        conditions.text()
    );
    let answer = source.try_ask(sql, conditions.params()).await?;
    let mut counted: Vec<Vec<Counts>> = slos.iter().map(|_| minutes.nothing()).collect();
    for row in answer.rows() {
        let Some(place) = row.integer(0).and_then(|minute| minutes.place(minute)) else { continue };
        for (number, slo) in slos.iter().enumerate() {
            counted[number][place] = counts(row, 1 + 2 * number, slo);
        }
    }
    Ok(counted)
}

/// The two columns of an SLO that [`counts`] reads.
fn columns(conditions: &mut Conditions, number: usize, slo: &Slo) -> String {
    let (operation, environment) = match &slo.indicator {
        Indicator::Availability { operation, environment } => (operation, environment),
        Indicator::Latency { operation, environment, .. } => (operation, environment),
        Indicator::Freshness { .. } | Indicator::Sql { .. } => (&None, &None),
    };
    let named = [("service_name", Some(&slo.service)), ("name", operation.as_ref())];
    let named = named.into_iter().chain([("deployment_environment_name", environment.as_ref())]);
    let equal = named.filter_map(|(column, value)| Some(format!("{column} = {}", conditions.param(value?.as_str()))));
    let valid = equal.collect::<Vec<_>>().join(" AND ");
    let good = match slo.indicator {
        Indicator::Latency { .. } => "sketch(duration_ns)",
        _ => "count(*)",
    };
    format!(
        "count(*) FILTER (WHERE {valid}) AS valid{number}, \
         {good} FILTER (WHERE {valid} AND status_code <> 'error') AS good{number}"
    )
}

fn counts(row: Row<'_>, place: usize, slo: &Slo) -> Counts {
    let good = match slo.indicator {
        Indicator::Latency { threshold_ms, .. } => {
            row.sketch(place + 1).count_at_most((threshold_ms * NANOS_A_MILLISECOND) as i64)
        }
        _ => row.count(place + 1),
    };
    Counts { good, valid: row.count(place) }
}
