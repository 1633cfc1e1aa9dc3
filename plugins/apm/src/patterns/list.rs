//! Which patterns the log records of a range have, how often and when.

use std::collections::{HashMap, HashSet};

use axum::extract::State;
use axum::{Extension, Json};
use plugin::model::Tenant;
use plugin::model::patterns::{LINE_BYTES_MAX, Miner, OTHER, PatternId};
use plugin::records::Record;
use plugin::{Asked, Failure, PluginContext};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::SERVICES_MAX;
use super::counted::{beginning, name_within};
use super::severities::Severities;
use super::stored::{self, StoredPattern, Wanted};
use crate::conditions::Conditions;
use crate::logs::filter::{LogFilter, LogWanted};
use crate::range::{Buckets, Range, RangeWanted, SPAN_DAYS_MAX, rfc3339};
use crate::rows::{Answer, Row, Source, hex};

/// Log records of which an answer is made, the newest ones.
const RECORDS_READ_MAX: usize = 200_000;
/// Patterns of the tenant that are known beforehand, those that were seen last.
const PATTERNS_READ_MAX: usize = 5000;
/// When a pattern was seen is in the records after so long, in nanoseconds.
const WRITTEN_WITHIN: i64 = 600_000_000_000;
/// Patterns of an answer when it is not said.
const PATTERNS_TOLD: usize = 100;
/// Most patterns of an answer.
const PATTERNS_TOLD_MAX: usize = 500;

/// How many patterns.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct PatternsWanted {
    /// At most so many patterns; 100 when it is not said, 500 at most.
    limit: Option<usize>,
}

/// Patterns of log records, the most frequent first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogPatterns {
    from: String,
    to: String,
    /// Records that were read, the newest ones: what is counted here is of these.
    read: u64,
    /// The oldest time of these; null when there are none.
    read_from: Option<String>,
    /// True when there are older records that were not read.
    is_truncated: bool,
    /// The beginnings of the parts of the range for which `over_time` counts, each so long.
    buckets: Vec<String>,
    bucket_seconds: i64,
    patterns: Vec<LogPattern>,
    /// Patterns that are not in the answer.
    patterns_left_out: u64,
    /// What is missing from the answer, a sentence each.
    warnings: Vec<String>,
}

/// Records that differ in values alone.
#[derive(Debug, Serialize, ToSchema)]
struct LogPattern {
    id: String,
    /// Null where records name no service.
    service: Option<String>,
    /// What they have in common, with `<*>` for what differs; `(other)` for all for which there was no room.
    template: String,
    count: u64,
    /// Of all records that were read, 0 to 1.
    share: f64,
    severities: Severities,
    first_seen: String,
    last_seen: String,
    /// Records in each of the buckets.
    over_time: Vec<u64>,
    /// True when it was never seen before the range, false when it was; null when that is not known (yet).
    is_new: Option<bool>,
    example: LogPatternExample,
}

/// The last record of a pattern, of those with a trace if there are any.
#[derive(Debug, Serialize, ToSchema)]
struct LogPatternExample {
    time: String,
    /// Its beginning, where it is long.
    body: String,
    trace_id: Option<String>,
}

/// Patterns of log records, with counts over time
#[utoipa::path(
    get, path = "/logs/patterns", tag = "apm", security(("caller" = ["apm:logs:read"])),
    params(RangeWanted, LogWanted, PatternsWanted),
    responses((status = 200, body = LogPatterns), (status = 400, description = "The range or a parameter is wrong"))
)]
pub(crate) async fn list(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    Asked(range): Asked<RangeWanted>,
    Asked(logs): Asked<LogWanted>,
    Asked(wanted): Asked<PatternsWanted>,
) -> Result<Json<LogPatterns>, Failure> {
    let (range, filter) = (range.read(SPAN_DAYS_MAX)?, logs.find(&context, &tenant).await?);
    let limit = wanted.limit.unwrap_or(PATTERNS_TOLD).clamp(1, PATTERNS_TOLD_MAX);
    // What has a record in the range was seen since it began, even if the records do not say so yet.
    let since = Some(range.from.saturating_sub(WRITTEN_WITHIN));
    let known = Wanted { service: None, since, patterns_max: PATTERNS_READ_MAX };
    let stored = stored::patterns(&context.records, &tenant, known).await?;
    let source = Source::new(&context, tenant);
    let read_max = RECORDS_READ_MAX.min(source.rows_max().saturating_sub(1));
    let answer = read(&source, range, &filter, read_max).await?;
    let mut warnings = source.warnings();
    if stored.len() >= PATTERNS_READ_MAX {
        warnings.push(format!(
            "only the {PATTERNS_READ_MAX} patterns that were seen last are known here: of others, is_new is null and ids may differ"
        ));
    }
    let group = move || {
        let mut groups = Groups::new(&stored, range.buckets());
        answer.rows().take(read_max).for_each(|row| groups.add(row));
        groups.told(range, answer.len() > read_max, limit, warnings)
    };
    let told = tokio::task::spawn_blocking(group).await;
    told.map(Json).map_err(|cause| Failure::unavailable(format!("the records were not grouped: {cause}")))
}

/// The columns that [`Groups::add`] reads, and one row more than are counted.
async fn read(source: &Source, range: Range, filter: &LogFilter, read_max: usize) -> Result<Answer, Failure> {
    let mut conditions = Conditions::of_logs(range);
    filter.add_to(&mut conditions);
    // As many characters as bytes are learnt, and one to see that there are more.
    let sql = format!(
        "SELECT time, cast(severity_number AS bigint), service_name, trace_id, substr(body, 1, {})
        FROM logs WHERE {} AND body IS NOT NULL ORDER BY time DESC LIMIT {}",
        LINE_BYTES_MAX + 1,
        conditions.text(),
        read_max + 1
    );
    source.ask(sql, conditions.params()).await
}

/// Records by their pattern.
struct Groups<'a> {
    stored: &'a [Record<StoredPattern>],
    /// Services with patterns of their own.
    services: HashSet<&'a str>,
    miners: HashMap<String, Miner>,
    groups: HashMap<PatternId, Group>,
    buckets: Vec<i64>,
    width: i64,
    read: u64,
    oldest: Option<i64>,
}

/// The records of one pattern.
#[derive(Clone, Debug)]
struct Group {
    service: String,
    count: u64,
    severities: Severities,
    first_seen: i64,
    last_seen: i64,
    over_time: Vec<u64>,
    example: (i64, String, Option<String>),
}

impl<'a> Groups<'a> {
    fn new(stored: &'a [Record<StoredPattern>], buckets: Buckets) -> Self {
        Self {
            stored,
            services: stored.iter().map(|record| record.body.service.as_str()).collect(),
            miners: HashMap::new(),
            groups: HashMap::new(),
            buckets: buckets.all().map(|(start, _)| start).collect(),
            width: buckets.width_seconds() * 1_000_000_000,
            read: 0,
            oldest: None,
        }
    }

    /// One record more; they come from the newest to the oldest.
    fn add(&mut self, row: Row<'_>) {
        let (Some(time), Some(body)) = (row.integer(0), row.text(4)) else { return };
        let name = self.service(row.text(2).unwrap_or_default());
        let stored = self.stored;
        let miner = self.miners.entry(name.clone()).or_insert_with(|| begun(&name, stored));
        let id = miner.learn(body);
        for merged in miner.take_merged() {
            if let Some(group) = self.groups.remove(&merged.from) {
                self.groups.entry(merged.into).and_modify(|into| into.merge(&group)).or_insert(group);
            }
        }
        let trace = row.id::<16>(3);
        let buckets = self.buckets.len();
        let group = self.groups.entry(id).or_insert_with(|| Group {
            service: name,
            count: 0,
            severities: Severities::default(),
            first_seen: time,
            last_seen: time,
            over_time: vec![0; buckets],
            example: (time, beginning(body), trace.map(|trace| hex(&trace))),
        });
        if let (None, Some(trace)) = (&group.example.2, trace) {
            group.example = (time, beginning(body), Some(hex(&trace)));
        }
        group.count += 1;
        group.severities.count(row.integer(1).unwrap_or_default());
        group.first_seen = group.first_seen.min(time);
        let first = self.buckets.first().copied().unwrap_or(time);
        let bucket = usize::try_from((time - first).div_euclid(self.width)).unwrap_or_default();
        group.over_time[bucket.min(buckets - 1)] += 1;
        self.read += 1;
        self.oldest = Some(time);
    }

    /// The name under which a service is learnt.
    fn service(&self, name: &str) -> String {
        let name = name_within(name);
        let is_apart = self.services.contains(name) || self.miners.contains_key(name);
        let has_room = self.miners.len() < SERVICES_MAX && !self.services.contains(OTHER);
        if is_apart || has_room { name.to_owned() } else { OTHER.to_owned() }
    }

    fn told(self, range: Range, is_truncated: bool, limit: usize, warnings: Vec<String>) -> LogPatterns {
        let first_seen: HashMap<&str, i64> =
            self.stored.iter().map(|record| (record.id.as_str(), record.body.first_seen)).collect();
        let mut groups: Vec<(PatternId, &Group)> = self.groups.iter().map(|(id, group)| (*id, group)).collect();
        groups.sort_by_key(|(id, group)| (std::cmp::Reverse(group.count), *id));
        let patterns = groups.iter().take(limit).map(|(id, group)| {
            let template = self.miners.get(&group.service).and_then(|miner| miner.template(*id));
            let first_seen = first_seen.get(id.to_string().as_str());
            group.told(*id, template.unwrap_or(OTHER), self.read, first_seen.map(|seen| *seen >= range.from))
        });
        LogPatterns {
            from: rfc3339(range.from),
            to: rfc3339(range.until),
            read: self.read,
            read_from: self.oldest.map(rfc3339),
            is_truncated,
            patterns: patterns.collect(),
            patterns_left_out: groups.len().saturating_sub(limit) as u64,
            buckets: self.buckets.iter().map(|start| rfc3339(*start)).collect(),
            bucket_seconds: self.width / 1_000_000_000,
            warnings,
        }
    }
}

/// A miner that knows what is stored of the service.
fn begun(service: &str, stored: &[Record<StoredPattern>]) -> Miner {
    let mut miner = Miner::new(service);
    for record in stored.iter().filter(|record| record.body.service == service) {
        if let Some((id, template)) = stored::known(record) {
            miner.know(id, template);
        }
    }
    miner.take_merged();
    miner
}

impl Group {
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.severities.add(&other.severities);
        self.first_seen = self.first_seen.min(other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
        self.over_time.iter_mut().zip(&other.over_time).for_each(|(count, other)| *count += other);
        if self.example.2.is_none() && other.example.2.is_some() {
            self.example = other.example.clone();
        }
    }

    fn told(&self, id: PatternId, template: &str, read: u64, is_new: Option<bool>) -> LogPattern {
        let (time, body, trace_id) = self.example.clone();
        LogPattern {
            id: id.to_string(),
            service: Some(self.service.clone()).filter(|service| !service.is_empty()),
            template: template.to_owned(),
            count: self.count,
            share: self.count as f64 / read as f64,
            severities: self.severities,
            first_seen: rfc3339(self.first_seen),
            last_seen: rfc3339(self.last_seen),
            over_time: self.over_time.clone(),
            is_new,
            example: LogPatternExample { time: rfc3339(time), body, trace_id },
        }
    }
}
