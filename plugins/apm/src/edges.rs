//! Who calls whom: `service_edges` as the map and the page of a service need them.

use plugin::Failure;
use plugin::model::Sketch;
use serde::Serialize;
use utoipa::ToSchema;

use crate::conditions::Conditions;
use crate::measures::{Latency, share};
use crate::range::Range;
use crate::rows::{Row, Source};

/// Most edges that are read; those with the most calls.
pub(crate) const EDGES_MAX: usize = 5000;
/// Who is called without a name.
const UNNAMED: &str = "(unnamed)";

/// What an edge leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NodeKind {
    Service,
    Database,
    Queue,
    /// A host that no service of ours answered for.
    Host,
}

impl NodeKind {
    fn of(name: Option<&str>) -> Self {
        match name {
            Some("database") => Self::Database,
            Some("queue") => Self::Queue,
            Some("host") => Self::Host,
            _ => Self::Service,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Database => "database",
            Self::Queue => "queue",
            Self::Host => "host",
        }
    }
}

/// One end of an edge.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct End {
    pub(crate) kind: NodeKind,
    /// `postgresql`, `kafka` and the like.
    pub(crate) system: Option<String>,
    pub(crate) name: String,
}

impl End {
    pub(crate) fn service(name: String) -> Self {
        Self { kind: NodeKind::Service, system: None, name }
    }

    /// As in `service:checkout` or `database:postgresql:orders`: no two ends share it.
    pub(crate) fn id(&self) -> String {
        let Self { kind, system, name } = self;
        match system {
            Some(system) => format!("{}:{system}:{name}", kind.as_str()),
            None => format!("{}:{name}", kind.as_str()),
        }
    }
}

/// Calls that were counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls {
    pub(crate) calls: u64,
    pub(crate) errors: u64,
    pub(crate) durations: Sketch,
}

impl Calls {
    pub(crate) fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.errors += other.errors;
        self.durations.merge(&other.durations);
    }

    pub(crate) fn measures(&self, range: Range) -> CallMeasures {
        CallMeasures {
            calls: self.calls,
            errors: self.errors,
            calls_per_second: self.calls as f64 / range.whole_minutes().seconds(),
            error_share: share(self.errors, self.calls),
            latency: Latency::of(&self.durations),
        }
    }
}

/// Calls, errors and durations in some time, of whole minutes.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct CallMeasures {
    pub(crate) calls: u64,
    /// Calls that failed (`status_code = 'error'`).
    pub(crate) errors: u64,
    pub(crate) calls_per_second: f64,
    /// Errors by calls, from 0 to 1; null when there were no calls.
    pub(crate) error_share: Option<f64>,
    pub(crate) latency: Latency,
}

/// A caller and what it calls: calls go from the one to the other, and so do messages.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    /// Not known for calls that come from outside.
    pub(crate) source: Option<End>,
    pub(crate) target: End,
    pub(crate) calls: Calls,
}

/// Edges, those with the most calls first.
#[derive(Debug)]
pub(crate) struct Edges {
    pub(crate) edges: Vec<Edge>,
    pub(crate) is_truncated: bool,
}

/// Those edges that are like this; the conditions are over `service_edges`.
pub(crate) async fn edges(source: &Source, conditions: &Conditions) -> Result<Edges, Failure> {
    let sql = format!(
        "SELECT source, target, target_kind, system, kind, sum(calls) AS calls, sum(errors) AS errors,
            sketch(duration_sketch) AS durations
        FROM service_edges WHERE {} GROUP BY 1, 2, 3, 4, 5 ORDER BY 6 DESC LIMIT {}",
        conditions.text(),
        EDGES_MAX + 1
    );
    let answer = source.ask(sql, conditions.params()).await?;
    let edges = answer.rows().take(EDGES_MAX).map(edge).collect();
    Ok(Edges { edges, is_truncated: answer.len() > EDGES_MAX })
}

fn edge(row: Row<'_>) -> Edge {
    let caller = row.owned(0).map(End::service);
    let callee =
        End { kind: NodeKind::of(row.text(2)), system: row.owned(3), name: row.text(1).unwrap_or(UNNAMED).to_owned() };
    let calls = Calls { calls: row.count(5), errors: row.count(6), durations: row.sketch(7) };
    // A message goes from the queue to who receives it, though the span of receiving names the queue as its target.
    match (callee.kind, row.text(4), caller) {
        (NodeKind::Queue, Some("consumer"), Some(receiver)) => Edge { source: Some(callee), target: receiver, calls },
        (_, _, caller) => Edge { source: caller, target: callee, calls },
    }
}
