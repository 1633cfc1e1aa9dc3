//! What is kept of an SLO: what was promised, how it stands, and the rows of the table by which it burns.

use plugin::model::Timestamp;
use plugin::records::{Document, Error, Key, RecordId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::burn::{Budget, Counts, Severity};

/// A promise of a service, and how it is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Slo {
    pub(crate) name: String,
    pub(crate) service: String,
    pub(crate) description: String,
    pub(crate) owner: String,
    /// In percent.
    pub(crate) objective: f64,
    pub(crate) window_days: u32,
    /// With fewer bad events in its long window, no row of the table burns.
    pub(crate) bad_events_min: u64,
    pub(crate) indicator: Indicator,
    /// Counts up with every change of what is counted.
    pub(crate) generation: u64,
    /// Under which hours are kept; another one for each generation.
    pub(crate) series: String,
}

impl Document for Slo {
    const COLLECTION: &'static str = "apm.slos";
    const KEYS: &'static [Key] = &[Key::lookup("service")];
    const HIDDEN: &'static [&'static str] = &["series"];

    fn example() -> Option<Self> {
        Some(Self {
            name: "checkout-latency".to_owned(),
            service: "checkout".to_owned(),
            description: "carts are paid for while people still want to".to_owned(),
            owner: "shop".to_owned(),
            objective: 99.9,
            window_days: 30,
            bad_events_min: 10,
            indicator: Indicator::Latency {
                threshold_ms: 500.0,
                operation: Some("POST /checkout".to_owned()),
                environment: Some("production".to_owned()),
            },
            generation: 1,
            series: "01".to_owned(),
        })
    }
}

impl Slo {
    /// Its id: names stay what they are.
    pub(crate) fn id(&self) -> Result<RecordId, Error> {
        RecordId::new(&self.name)
    }

    /// What it leaves to fail.
    pub(crate) fn budget(&self) -> Budget {
        Budget::of_objective(self.objective).expect("an objective is checked before it is kept")
    }

    /// True when both count the same.
    pub(crate) fn counts_as(&self, other: &Self) -> bool {
        (&self.service, &self.indicator) == (&other.service, &other.indicator)
    }

    /// True when both promise the same and count the same.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        let other = Self { generation: self.generation, series: self.series.clone(), ..other.clone() };
        *self == other
    }
}

/// What counts as an event, and which of them are good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Indicator {
    /// Requests of the service (spans of kind `server` and `consumer`); good are those that are no errors.
    Availability {
        /// Only spans of this name.
        operation: Option<String>,
        /// Only what runs in this environment (`deployment.environment.name`).
        environment: Option<String>,
    },
    /// Requests of the service; good are those that are no errors and take at most `threshold_ms`, or up to 1/64 more than that.
    Latency {
        threshold_ms: f64,
        /// Only spans of this name.
        operation: Option<String>,
        /// Only what runs in this environment (`deployment.environment.name`).
        environment: Option<String>,
    },
    /// Minutes; good are those at whose end the last span (by its start), log record or point of a metric of the service is at most so
    /// old. Counted from when it is written.
    Freshness { signal: FreshSignal, max_age_seconds: u32 },
    /// What a statement over telemetry says: columns `good` and `valid`, numbers of events from `$1` to before `$2`. With a column
    /// `minute` it says so of each minute, and the window is counted back; without, it counts from when it is written.
    Sql {
        statement: String,
        /// Whether the statement has a column `minute`; found out when it is written.
        #[serde(default)]
        #[schema(read_only)]
        by_minute: bool,
    },
}

impl Indicator {
    /// Whether what was before it was written can be counted too.
    pub(crate) fn is_counted_back(&self) -> bool {
        match self {
            Self::Availability { .. } | Self::Latency { .. } => true,
            // Rows that were deleted since look like silence.
            Self::Freshness { .. } => false,
            Self::Sql { by_minute, .. } => *by_minute,
        }
    }
}

/// What a service sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FreshSignal {
    Spans,
    Logs,
    Metrics,
}

/// How an SLO stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SloState)]
pub(crate) enum State {
    /// Nothing burns.
    Ok,
    /// A row of severity `ticket` burns.
    Ticket,
    /// A row of severity `page` burns.
    Page,
    /// No row has an event to judge by, or nothing was counted yet.
    #[default]
    NoData,
}

/// Minutes since 1970 from one to before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Minutes {
    pub(crate) from: i64,
    pub(crate) until: i64,
}

/// How far an SLO is counted, and what that says; its id is the name of the SLO.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// Of which counting it tells.
    pub(crate) series: String,
    /// Version of the SLO it was judged as.
    pub(crate) judged_version: u64,
    /// Minutes since 1970.
    pub(crate) counted_from: i64,
    /// Every minute before it is counted.
    pub(crate) counted_until: i64,
    /// When it was last judged, in nanoseconds.
    pub(crate) evaluated_at: Option<i64>,
    pub(crate) state: State,
    /// In the window.
    pub(crate) good: u64,
    pub(crate) valid: u64,
    /// Of the last hour.
    pub(crate) hour_burn: Option<f64>,
    /// The last time that was counted only afterwards, as nobody was there to.
    pub(crate) caught_up: Option<Minutes>,
    /// Why the last minutes are not counted.
    pub(crate) error: Option<String>,
    /// What is missing from the rows that were counted last.
    pub(crate) warnings: Vec<String>,
    /// The last evaluation in which it was tried to count it, in nanoseconds.
    #[serde(default)]
    pub(crate) attempted_at: Option<i64>,
    /// How many times counting it took too long, until it has caught up.
    #[serde(default)]
    pub(crate) slowed: u32,
}

impl Document for Standing {
    const COLLECTION: &'static str = "apm.slo_standings";
}

impl Standing {
    pub(crate) fn counts(&self) -> Counts {
        Counts { good: self.good, valid: self.valid }
    }
}

/// A row of the table for one SLO: what others make alerts of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SloBurn {
    pub(crate) slo: String,
    pub(crate) service: String,
    pub(crate) severity: Severity,
    /// Both windows must exceed it.
    pub(crate) burn: f64,
    pub(crate) long_seconds: i64,
    pub(crate) short_seconds: i64,
    /// Null where nothing happened.
    pub(crate) long_burn: Option<f64>,
    pub(crate) short_burn: Option<f64>,
    pub(crate) is_burning: bool,
    /// True when the row's own windows had too few bad events to tell, and these are longer ones.
    pub(crate) is_widened: bool,
    /// What part of the budget this burn spends in the row's own long window.
    pub(crate) budget_share: f64,
    /// Bad events in the long window.
    pub(crate) bad: u64,
    /// Events in the long window.
    pub(crate) valid: u64,
    /// Nanoseconds since 1970.
    pub(crate) evaluated_at: Timestamp,
}

impl Document for SloBurn {
    const COLLECTION: &'static str = "apm.slo_burns";
    const KEYS: &'static [Key] = &[Key::lookup("slo"), Key::lookup("is_burning")];
    const TIMES: &'static [&'static str] = &["evaluated_at"];
}

impl SloBurn {
    /// The row's id: names have no slash.
    pub(crate) fn id(slo: &str, row: usize) -> Result<RecordId, Error> {
        RecordId::new(format!("{slo}/{row}"))
    }
}

/// A series that nobody needs any more; its hours are deleted by the job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Discarded {
    pub(crate) series: String,
}

impl Document for Discarded {
    const COLLECTION: &'static str = "apm.slo_discarded";
}
