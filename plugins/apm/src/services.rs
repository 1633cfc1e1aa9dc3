//! All services with how they do, most requests first.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::{Extension, Json};
use futures::try_join;
use plugin::model::Tenant;
use plugin::{Asked, Failure, PluginContext};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::conditions::{Conditions, REQUESTS};
use crate::measures::{ApdexWanted, COLUMNS, Counted, Measures, OF_SPANS};
use crate::range::{ROLLUP_DAYS_MAX, Range, RangeWanted, rfc3339};
use crate::rows::Source;

/// Most services of an answer.
const SERVICES_MAX: usize = 1000;
/// Most combinations of service, version and environment that are looked at.
const RELEASES_MAX: usize = 20_000;
/// Languages stand in the spans alone, so only the last hours of a range are read for them.
const LANGUAGES_HOURS_MAX: i64 = 1;

/// Which services.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct ServicesWanted {
    /// Also how they did in the range of the same length before.
    compare: bool,
    /// Only what runs in this environment (`deployment.environment.name`).
    environment: Option<String>,
    /// Only services whose name has this in it, in upper or lower case.
    text: Option<String>,
}

/// Services, most requests first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Services {
    from: String,
    to: String,
    apdex_ms: f64,
    services: Vec<ServiceSummary>,
    /// True when there are more services than the answer has.
    is_truncated: bool,
    /// What is missing from the answer, a sentence each.
    warnings: Vec<String>,
}

/// A service that was heard of in the range.
#[derive(Debug, Serialize, ToSchema)]
struct ServiceSummary {
    name: String,
    /// Of the requests it answered: spans of kind `server` and `consumer`.
    #[serde(flatten)]
    now: Measures,
    /// The same in the range before, when that was asked for.
    before: Option<Measures>,
    /// Versions it named, the one that was heard of last first.
    versions: Vec<String>,
    environments: BTreeSet<String>,
    /// As its SDKs say in `telemetry.sdk.language`, in the last hour of the range.
    languages: BTreeSet<String>,
    /// The minute in which it was last heard of; the hour, when the range is longer than a day.
    last_seen: String,
}

/// Services with request rate, errors, latency and apdex
#[utoipa::path(
    get, path = "/services", tag = "apm", security(("caller" = ["apm:services:read"])),
    params(RangeWanted, ApdexWanted, ServicesWanted),
    responses((status = 200, body = Services), (status = 400, description = "The range or a parameter is wrong"))
)]
pub(crate) async fn list(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    Asked(range): Asked<RangeWanted>,
    Asked(apdex): Asked<ApdexWanted>,
    Asked(wanted): Asked<ServicesWanted>,
) -> Result<Json<Services>, Failure> {
    let (range, threshold) = (range.read(ROLLUP_DAYS_MAX)?, apdex.read()?);
    let source = Source::new(&context, tenant);
    let before = async {
        match wanted.compare {
            true => requests(&source, range.before(), &wanted).await.map(Some),
            false => Ok(None),
        }
    };
    // Much of each is opening small files, so that they gain by waiting together.
    let (mut seen, counted, before, mut languages) = try_join!(
        seen(&source, range, &wanted),
        requests(&source, range, &wanted),
        before,
        languages(&source, range, &wanted),
    )?;
    let is_truncated = seen.is_truncated;

    let measures = |counted: &BTreeMap<String, Counted>, name: &str, range| {
        counted.get(name).unwrap_or(&Counted::default()).measures(range, threshold)
    };
    let part = wanted.text.as_deref().unwrap_or_default().to_lowercase();
    seen.services.retain(|name, _| name.to_lowercase().contains(&part));
    let services = seen.services.into_iter().map(|(name, seen)| ServiceSummary {
        now: measures(&counted, &name, range),
        before: before.as_ref().map(|before| measures(before, &name, range.before())),
        languages: languages.remove(&name).unwrap_or_default(),
        versions: seen.versions(),
        last_seen: rfc3339(seen.last),
        environments: seen.environments,
        name,
    });
    let mut services: Vec<ServiceSummary> = services.collect();
    services.sort_by(|a, b| b.now.requests.cmp(&a.now.requests).then_with(|| a.name.cmp(&b.name)));
    let is_truncated = is_truncated || services.len() > SERVICES_MAX;
    services.truncate(SERVICES_MAX);
    Ok(Json(Services {
        from: rfc3339(range.from),
        to: rfc3339(range.until),
        apdex_ms: threshold.millis(),
        services,
        is_truncated,
        warnings: source.warnings(),
    }))
}

/// Services that said anything, requests or not.
#[derive(Debug, Default)]
struct AllSeen {
    services: BTreeMap<String, Seen>,
    is_truncated: bool,
}

/// What a service said of itself.
#[derive(Debug, Default)]
struct Seen {
    last: i64,
    last_of_version: BTreeMap<String, i64>,
    environments: BTreeSet<String>,
}

impl Seen {
    /// The one that was heard of last first.
    fn versions(&self) -> Vec<String> {
        let mut versions: Vec<(&String, &i64)> = self.last_of_version.iter().collect();
        versions.sort_by(|a, b| b.1.cmp(a.1).then_with(|| b.0.cmp(a.0)));
        versions.into_iter().map(|(version, _)| version.clone()).collect()
    }
}

/// Conditions of named services in the range.
fn named(range: Range, wanted: &ServicesWanted) -> Conditions {
    let mut conditions = Conditions::of_spans(range);
    conditions.and("service_name IS NOT NULL");
    conditions.equal_if_said("deployment_environment_name", wanted.environment.as_deref());
    conditions
}

async fn seen(source: &Source, range: Range, wanted: &ServicesWanted) -> Result<AllSeen, Failure> {
    let conditions = named(range, wanted);
    // The inner question is one that rollups answer; the time of a span is in none.
    let sql = format!(
        "SELECT service_name, service_version, deployment_environment_name, max(period) AS last_seen FROM (
            SELECT service_name, service_version, deployment_environment_name,
                date_trunc('{}', start_time) AS period, count(*) AS spans
            FROM spans WHERE {} GROUP BY 1, 2, 3, 4
        ) AS periods
        GROUP BY 1, 2, 3 ORDER BY last_seen DESC LIMIT {}",
        range.unit(),
        conditions.text(),
        RELEASES_MAX + 1
    );
    let answer = source.ask(sql, conditions.params()).await?;
    let mut all = AllSeen { is_truncated: answer.len() > RELEASES_MAX, ..AllSeen::default() };
    for row in answer.rows().take(RELEASES_MAX) {
        let (Some(name), Some(last)) = (row.owned(0), row.integer(3)) else { continue };
        let seen = all.services.entry(name).or_insert_with(|| Seen { last: i64::MIN, ..Seen::default() });
        seen.last = seen.last.max(last);
        if let Some(version) = row.owned(1) {
            let last_of_version = seen.last_of_version.entry(version).or_insert(last);
            *last_of_version = last.max(*last_of_version);
        }
        seen.environments.extend(row.owned(2));
    }
    Ok(all)
}

async fn requests(
    source: &Source,
    range: Range,
    wanted: &ServicesWanted,
) -> Result<BTreeMap<String, Counted>, Failure> {
    let mut conditions = named(range, wanted);
    conditions.and(REQUESTS);
    let sql = format!("SELECT {OF_SPANS}, service_name FROM spans WHERE {} GROUP BY service_name", conditions.text());
    let answer = source.ask(sql, conditions.params()).await?;
    let counted = answer.rows().filter_map(|row| Some((row.owned(COLUMNS)?, Counted::of(row, 0))));
    Ok(counted.collect())
}

async fn languages(
    source: &Source,
    range: Range,
    wanted: &ServicesWanted,
) -> Result<BTreeMap<String, BTreeSet<String>>, Failure> {
    let conditions = named(range.last_hours(LANGUAGES_HOURS_MAX), wanted);
    let sql = format!(
        "SELECT DISTINCT service_name, resource_attributes->>'telemetry.sdk.language' AS language
        FROM spans WHERE {} LIMIT {RELEASES_MAX}",
        conditions.text()
    );
    let mut languages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in source.ask(sql, conditions.params()).await?.rows() {
        if let (Some(name), Some(language)) = (row.owned(0), row.owned(1)) {
            languages.entry(name).or_default().insert(language);
        }
    }
    Ok(languages)
}
