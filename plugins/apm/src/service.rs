//! One service: over time, by operation, status, version and instance, and with what it works together.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use plugin::model::Tenant;
use plugin::{Asked, Failure, PluginContext, near};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::conditions::{Conditions, REQUESTS};
use crate::edges::{CallMeasures, Edge, End, NodeKind, edges};
use crate::measures::{ApdexWanted, COLUMNS, Counted, Measures, OF_SPANS, Threshold};
use crate::range::{ROLLUP_DAYS_MAX, Range, RangeWanted, rfc3339};
use crate::rows::{Row, Source};

/// Most rows of a breakdown; those with the most requests.
const PARTS_MAX: usize = 200;
/// Instances stand in the spans alone, so only the last hours of a range are read for them.
const INSTANCES_HOURS_MAX: i64 = 24;
/// Most names that are looked through for one that was meant.
const NAMES_MAX: usize = 10_000;

/// Which service, where.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct ServiceWanted {
    /// Also how it did in the range of the same length before.
    compare: bool,
    /// Only what runs in this environment (`deployment.environment.name`).
    environment: Option<String>,
}

/// How a service does.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ServiceDetails {
    name: String,
    from: String,
    to: String,
    apdex_ms: f64,
    /// Of the requests it answered: spans of kind `server` and `consumer`.
    now: Measures,
    /// The same in the range before, when that was asked for.
    before: Option<Measures>,
    /// Width of a bucket of `over_time`.
    bucket_seconds: i64,
    /// Every bucket of the range, in order; the first and the last may be cut by its ends.
    over_time: Vec<ServiceBucket>,
    /// Spans of any kind by name, requests before all others.
    operations: Vec<ServiceOperation>,
    statuses: Vec<ServiceStatus>,
    versions: Vec<ServiceVersion>,
    /// Of the last day of the range.
    instances: Vec<ServiceInstance>,
    databases: Vec<ServicePeer>,
    /// Queues that it sends to, and those that it receives from.
    queues: Vec<ServicePeer>,
    callers: Vec<ServicePeer>,
    /// Services and hosts that it calls.
    callees: Vec<ServicePeer>,
    /// Breakdowns that have more parts than are shown, by name.
    truncated: Vec<String>,
    /// What is missing from the answer, a sentence each.
    warnings: Vec<String>,
}

/// Requests in one part of the range.
#[derive(Debug, Serialize, ToSchema)]
struct ServiceBucket {
    start: String,
    #[serde(flatten)]
    measures: Measures,
}

/// Spans of one name and kind.
#[derive(Debug, Serialize, ToSchema)]
struct ServiceOperation {
    name: String,
    /// `server`, `client`, `internal`, `producer` or `consumer`.
    kind: String,
    #[serde(flatten)]
    measures: Measures,
}

/// Requests that ended alike.
#[derive(Debug, Serialize, ToSchema)]
struct ServiceStatus {
    /// `unset`, `ok` or `error`.
    status_code: String,
    http_response_status_code: Option<i64>,
    #[serde(flatten)]
    measures: Measures,
}

/// Requests that one version answered.
#[derive(Debug, Serialize, ToSchema)]
struct ServiceVersion {
    /// Null for requests that name none.
    version: Option<String>,
    #[serde(flatten)]
    measures: Measures,
}

/// Requests that one instance answered.
#[derive(Debug, Serialize, ToSchema)]
struct ServiceInstance {
    /// `service.instance.id`, where it is said.
    id: Option<String>,
    host: Option<String>,
    pod: Option<String>,
    #[serde(flatten)]
    measures: Measures,
}

/// Who is called by the service, or calls it.
#[derive(Debug, Serialize, ToSchema)]
struct ServicePeer {
    /// Its node on the map; null for callers that are not known.
    id: Option<String>,
    kind: NodeKind,
    system: Option<String>,
    /// Null for callers that are not known.
    name: Option<String>,
    direction: CallDirection,
    #[serde(flatten)]
    called: CallMeasures,
}

/// Which way calls and messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum CallDirection {
    /// From the peer to the service.
    In,
    /// From the service to the peer.
    Out,
}

/// A service over time, by operation, status, version and instance, and with what it works together
#[utoipa::path(
    get, path = "/services/{name}", tag = "apm", security(("caller" = ["apm:services:read"])),
    params(("name" = String, Path), RangeWanted, ApdexWanted, ServiceWanted),
    responses(
        (status = 200, body = ServiceDetails),
        (status = 400, description = "The range or a parameter is wrong"),
        (status = 404, description = "No service of that name was ever heard of"),
    )
)]
pub(crate) async fn show(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    Path(name): Path<String>,
    Asked(range): Asked<RangeWanted>,
    Asked(apdex): Asked<ApdexWanted>,
    Asked(wanted): Asked<ServiceWanted>,
) -> Result<Json<ServiceDetails>, Failure> {
    let (range, threshold) = (range.read(ROLLUP_DAYS_MAX)?, apdex.read()?);
    let source = Source::new(&context, tenant);
    let mut asked =
        Questions { source: &source, name: &name, range, wanted: &wanted, threshold, truncated: Vec::new() };
    let operations = asked.operations().await?;
    if operations.is_empty() {
        check_known(&source, &name).await?;
    }
    let (now, over_time) = asked.over_time().await?;
    let before = match wanted.compare {
        true => Some(asked.before().await?),
        false => None,
    };
    let (statuses, versions, instances) = (asked.statuses().await?, asked.versions().await?, asked.instances().await?);
    let peers = asked.peers().await?;
    let truncated = asked.truncated;
    let (databases, peers) = apart(peers, |peer| peer.kind == NodeKind::Database);
    let (queues, peers) = apart(peers, |peer| peer.kind == NodeKind::Queue);
    let (callers, callees) = apart(peers, |peer| peer.direction == CallDirection::In);
    Ok(Json(ServiceDetails {
        from: rfc3339(range.from),
        to: rfc3339(range.until),
        apdex_ms: threshold.millis(),
        now,
        before,
        bucket_seconds: range.buckets().width_seconds(),
        over_time,
        operations,
        statuses,
        versions,
        instances,
        databases,
        queues,
        callers,
        callees,
        truncated,
        warnings: source.warnings(),
        name,
    }))
}

fn apart(peers: Vec<ServicePeer>, is_one: impl Fn(&ServicePeer) -> bool) -> (Vec<ServicePeer>, Vec<ServicePeer>) {
    peers.into_iter().partition(is_one)
}

/// Refuses a name that no span ever had, telling which names are near.
pub(crate) async fn check_known(source: &Source, name: &str) -> Result<(), Failure> {
    let sql = format!(
        "SELECT service_name, count(*) AS spans FROM spans WHERE service_name IS NOT NULL GROUP BY 1 LIMIT {NAMES_MAX}"
    );
    let answer = source.ask(sql, Vec::new()).await?;
    let names: Vec<&str> = answer.rows().filter_map(|row| row.text(0)).collect();
    if names.contains(&name) {
        return Ok(());
    }
    let failure = Failure::not_found(format!("there is no service '{name}'"));
    let near = near(name, names);
    Err(match near.is_empty() {
        true => failure.hinting("GET /api/v1/apm/services lists those that there are"),
        false => failure.hinting(format!("there is {}", near.join(", "))),
    })
}

/// What is asked of one service.
struct Questions<'a> {
    source: &'a Source,
    name: &'a str,
    range: Range,
    wanted: &'a ServiceWanted,
    threshold: Threshold,
    /// Breakdowns that were cut.
    truncated: Vec<String>,
}

impl Questions<'_> {
    fn spans(&self, range: Range) -> Conditions {
        let mut conditions = Conditions::of_spans(range);
        conditions.equal("service_name", self.name);
        conditions.equal_if_said("deployment_environment_name", self.wanted.environment.as_deref());
        conditions
    }

    fn requests(&self, range: Range) -> Conditions {
        let mut conditions = self.spans(range);
        conditions.and(REQUESTS);
        conditions
    }

    /// The sum of all buckets, and each of them.
    async fn over_time(&self) -> Result<(Measures, Vec<ServiceBucket>), Failure> {
        let (conditions, buckets) = (self.requests(self.range), self.range.buckets());
        let sql = format!(
            "SELECT {OF_SPANS}, time_bucket('{} seconds', start_time) AS bucket FROM spans WHERE {} GROUP BY bucket",
            buckets.width_seconds(),
            conditions.text()
        );
        let answer = self.source.ask(sql, conditions.params()).await?;
        let counted = answer.rows().filter_map(|row| Some((row.integer(COLUMNS)?, Counted::of(row, 0))));
        let counted: BTreeMap<i64, Counted> = counted.collect();
        let (mut all, nothing) = (Counted::default(), Counted::default());
        counted.values().for_each(|bucket| all.add(bucket));
        let over_time = buckets.all().map(|(start, part)| {
            let measures = counted.get(&start).unwrap_or(&nothing).measures(part, self.threshold);
            ServiceBucket { start: rfc3339(start), measures }
        });
        Ok((all.measures(self.range, self.threshold), over_time.collect()))
    }

    async fn before(&self) -> Result<Measures, Failure> {
        let range = self.range.before();
        let conditions = self.requests(range);
        let sql = format!("SELECT {OF_SPANS} FROM spans WHERE {}", conditions.text());
        let answer = self.source.ask(sql, conditions.params()).await?;
        let counted = answer.rows().next().map_or_else(Counted::default, |row| Counted::of(row, 0));
        Ok(counted.measures(range, self.threshold))
    }

    async fn operations(&mut self) -> Result<Vec<ServiceOperation>, Failure> {
        let conditions = self.spans(self.range);
        let (by, order) = ("name, kind", format!("{REQUESTS} DESC, requests DESC, name, kind"));
        let parts = self.parts("operations", conditions, self.range, by, &order, |row, measures| ServiceOperation {
            name: row.owned(COLUMNS).unwrap_or_default(),
            kind: row.owned(COLUMNS + 1).unwrap_or_default(),
            measures,
        });
        parts.await
    }

    async fn statuses(&mut self) -> Result<Vec<ServiceStatus>, Failure> {
        let (by, conditions) = ("status_code, http_response_status_code", self.requests(self.range));
        let parts =
            self.parts("statuses", conditions, self.range, by, "requests DESC", |row, measures| ServiceStatus {
                status_code: row.owned(COLUMNS).unwrap_or_default(),
                http_response_status_code: row.integer(COLUMNS + 1),
                measures,
            });
        parts.await
    }

    async fn versions(&mut self) -> Result<Vec<ServiceVersion>, Failure> {
        let conditions = self.requests(self.range);
        let parts =
            self.parts("versions", conditions, self.range, "service_version", "requests DESC", |row, measures| {
                ServiceVersion { version: row.owned(COLUMNS), measures }
            });
        parts.await
    }

    async fn instances(&mut self) -> Result<Vec<ServiceInstance>, Failure> {
        let range = self.range.last_hours(INSTANCES_HOURS_MAX);
        let (by, conditions) = ("service_instance_id, host_name, k8s_pod_name", self.requests(range));
        let parts = self.parts("instances", conditions, range, by, "requests DESC", |row, measures| ServiceInstance {
            id: row.owned(COLUMNS),
            host: row.owned(COLUMNS + 1),
            pod: row.owned(COLUMNS + 2),
            measures,
        });
        parts.await
    }

    /// Requests by some columns; a part is made of the row, which has them behind the measures.
    async fn parts<T>(
        &mut self,
        what: &str,
        conditions: Conditions,
        range: Range,
        by: &str,
        order: &str,
        part: impl Fn(Row<'_>, Measures) -> T,
    ) -> Result<Vec<T>, Failure> {
        let sql = format!(
            "SELECT {OF_SPANS}, {by} FROM spans WHERE {} GROUP BY {by} ORDER BY {order} LIMIT {}",
            conditions.text(),
            PARTS_MAX + 1
        );
        let answer = self.source.ask(sql, conditions.params()).await?;
        if answer.len() > PARTS_MAX {
            self.truncated.push(what.to_owned());
        }
        let rows = answer.rows().take(PARTS_MAX);
        Ok(rows.map(|row| part(row, Counted::of(row, 0).measures(range, self.threshold))).collect())
    }

    async fn peers(&mut self) -> Result<Vec<ServicePeer>, Failure> {
        let mut conditions = Conditions::of_edges(self.range);
        conditions.equal_if_said("deployment_environment_name", self.wanted.environment.as_deref());
        let name = conditions.param(self.name);
        conditions.and(format!("(source = {name} OR target = {name} AND target_kind = 'service')"));
        let found = edges(self.source, &conditions).await?;
        if found.is_truncated {
            self.truncated.push("peers".to_owned());
        }
        let itself = End::service(self.name.to_owned());
        Ok(found.edges.into_iter().map(|edge| peer(&itself, edge, self.range)).collect())
    }
}

fn peer(itself: &End, Edge { source, target, calls }: Edge, range: Range) -> ServicePeer {
    let (other, direction) = match source {
        // A service that calls itself is its own callee.
        Some(source) if source == *itself => (Some(target), CallDirection::Out),
        source => (source, CallDirection::In),
    };
    let called = calls.measures(range);
    match other {
        Some(other) => {
            let id = Some(other.id());
            ServicePeer { id, kind: other.kind, system: other.system, name: Some(other.name), direction, called }
        }
        None => ServicePeer { id: None, kind: NodeKind::Service, system: None, name: None, direction, called },
    }
}
