//! In which ways a metric is sent, and what its points can be asked.

use plugin::Failure;
use serde::Serialize;
use utoipa::ToSchema;

use super::PointTable;
use super::function::Function;
use super::selection::Selection;
use crate::range::Range;
use crate::rows::Source;
use plugin::near;

/// Most ways that are told.
const WAYS_MAX: usize = 50;
/// Most names that are looked through for one that was meant.
const NAMES_MAX: usize = 10_000;

/// One way in which a metric is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = MetricSent)]
pub(crate) struct Sent {
    /// `gauge`, `sum`, `histogram`, `exponential_histogram` or `summary`.
    pub(crate) r#type: String,
    pub(crate) unit: Option<String>,
    /// `cumulative` or `delta`; null for gauges and summaries.
    pub(crate) temporality: Option<String>,
    /// Of sums: true for one that only grows.
    pub(crate) monotonic: Option<bool>,
    pub(crate) series: u64,
}

/// What a point means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// How much there is: gauges, and cumulative sums that can fall.
    Level,
    /// How much was added: sums that only grow, and deltas.
    Counter,
    Explicit,
    Exponential,
    Summary,
}

impl Sent {
    /// The ways in which the points in the range were sent.
    pub(crate) async fn all(source: &Source, selection: &Selection, range: Range) -> Result<Vec<Self>, Failure> {
        let mut all = Vec::new();
        for table in selection.tables() {
            let conditions = selection.conditions(range);
            let sql = format!(
                "SELECT type, unit, temporality, grows, count(DISTINCT series_id) AS series FROM (
                    SELECT type, unit, temporality, series_id,
                        CASE WHEN {monotonic} THEN 1 WHEN NOT {monotonic} THEN 0 END AS grows
                    FROM {table} WHERE {conditions}
                ) AS points GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4 LIMIT {WAYS_MAX}",
                monotonic = table.monotonic(),
                table = table.name(),
                conditions = conditions.text(),
            );
            let answer = source.ask(sql, conditions.params()).await?;
            all.extend(answer.rows().filter_map(|row| {
                Some(Self {
                    r#type: row.owned(0)?,
                    unit: row.owned(1),
                    temporality: row.owned(2),
                    monotonic: row.integer(3).map(|grows| grows == 1),
                    series: row.count(4),
                })
            }));
        }
        Ok(all)
    }

    fn kind(&self) -> Result<Kind, Failure> {
        let is_told = matches!(self.temporality.as_deref(), Some("cumulative" | "delta"));
        match self.r#type.as_str() {
            "gauge" => Ok(Kind::Level),
            "summary" => Ok(Kind::Summary),
            _ if !is_told => {
                let failure = Failure::invalid("the metric does not say whether it is cumulative or delta");
                Err(failure.hinting("set the aggregation temporality where it is sent"))
            }
            "histogram" => Ok(Kind::Explicit),
            "exponential_histogram" => Ok(Kind::Exponential),
            _ if self.temporality.as_deref() == Some("cumulative") && self.monotonic != Some(true) => Ok(Kind::Level),
            _ => Ok(Kind::Counter),
        }
    }

    /// As people read it.
    fn written(&self) -> String {
        let monotonic = self.monotonic.map(|monotonic| if monotonic { "monotonic" } else { "not monotonic" });
        let parts = [Some(self.r#type.as_str()), self.temporality.as_deref(), monotonic];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// What all points mean that were sent in these ways; `None` when there are none.
pub(crate) fn common(sent: &[Sent]) -> Result<Option<Kind>, Failure> {
    let Some(first) = sent.first() else { return Ok(None) };
    let kind = first.kind()?;
    for other in sent {
        if other.r#type != first.r#type || other.kind()? != kind {
            let ways: Vec<String> = sent.iter().map(Sent::written).collect();
            let failure = Failure::invalid(format!("the metric is sent as {}", ways.join(", and as ")));
            return Err(failure.hinting("choose one with 'type', or with a label in 'filter'"));
        }
    }
    Ok(Some(kind))
}

/// A sentence when numbers of several units meet.
pub(crate) fn units_warning(sent: &[Sent]) -> Option<String> {
    let mut units: Vec<&str> = sent.iter().map(|sent| sent.unit.as_deref().unwrap_or("none")).collect();
    units.sort_unstable();
    units.dedup();
    (units.len() > 1)
        .then(|| format!("the metric is sent in several units, which are not converted: {}", units.join(", ")))
}

impl Kind {
    /// The functions that have a meaning.
    fn functions(self) -> &'static str {
        match self {
            Self::Level => "avg, min, max, sum, last, count, p50, p90, p95, p99",
            Self::Counter => "rate, increase, sum, count",
            Self::Explicit | Self::Exponential | Self::Summary => "rate, increase, count, sum, avg, p50, p90, p95, p99",
        }
    }

    /// What it is asked when nothing is said.
    pub(crate) fn usual(self) -> Function {
        if self == Self::Level { Function::Avg } else { Function::Rate }
    }

    fn can(self, function: Function) -> bool {
        use Function::{Avg, Count, Increase, Last, Max, Min, Quantile, Rate, Sum};
        match self {
            Self::Level => matches!(function, Avg | Min | Max | Sum | Last | Count | Quantile(_)),
            Self::Counter => matches!(function, Rate | Increase | Sum | Count),
            Self::Explicit | Self::Exponential | Self::Summary => {
                matches!(function, Rate | Increase | Count | Sum | Avg | Quantile(_))
            }
        }
    }

    /// Refuses a function that has no meaning.
    pub(crate) fn check(self, function: Function) -> Result<(), Failure> {
        if self.can(function) {
            return Ok(());
        }
        let what = match self {
            Self::Level => "a value that rises and falls",
            Self::Counter => "a counter",
            Self::Explicit | Self::Exponential => "a histogram",
            Self::Summary => "a summary",
        };
        let failure = Failure::invalid(format!("'{}' has no meaning for {what}", function.name()));
        Err(failure.hinting(format!("possible are {}", self.functions())))
    }
}

/// Refuses a name that no point ever had, telling which names are near.
pub(crate) async fn check_known(source: &Source, name: &str) -> Result<(), Failure> {
    let mut names = Vec::new();
    for table in PointTable::ALL {
        let sql = format!("SELECT name, count(*) AS points FROM {} GROUP BY 1 LIMIT {NAMES_MAX}", table.name());
        names.extend(source.ask(sql, Vec::new()).await?.rows().filter_map(|row| row.owned(0)));
    }
    if names.iter().any(|known| known == name) {
        return Ok(());
    }
    let failure = Failure::not_found(format!("there is no metric '{name}'"));
    let near = near(name, names.iter().map(String::as_str));
    Err(match near.is_empty() {
        true => failure.hinting("GET /api/v1/apm/metrics lists those that there are"),
        false => failure.hinting(format!("there is {}", near.join(", "))),
    })
}
