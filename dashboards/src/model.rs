//! A dashboard as the program has it: checked, with every usual value in its place. Written as JSON or YAML it is a file again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Charts on a grid, and what can be chosen for them.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Dashboard {
    /// Its id: 1 to 64 of `a-z`, `0-9` and `-`.
    pub(crate) name: String,
    /// As people read it.
    pub(crate) title: String,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// Words to find it by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
    /// How long the range is that it opens with, as in `1h`.
    pub(crate) time: String,
    /// How often it is asked anew, as in `30s`; never when it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refresh: Option<String>,
    /// What can be chosen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) variables: Vec<DashboardVariable>,
    /// Where else to look.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) links: Vec<DashboardLink>,
    /// From top to bottom.
    pub(crate) rows: Vec<PanelRow>,
}

/// Something to choose, which statements have as `$name`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct DashboardVariable {
    /// As statements have it behind the `$`.
    pub(crate) name: String,
    /// As people read it; its name when it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<String>,
    /// Where its values come from.
    pub(crate) kind: VariableKind,
    /// Of kind `query`: its first column has the values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sql: Option<String>,
    /// Of kind `list`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) values: Vec<String>,
    /// What is chosen at first; nothing, which is all, when it is empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) default: Vec<String>,
    /// Whether several may be chosen.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) multi: bool,
}

/// Where the values of a variable come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum VariableKind {
    /// A statement.
    Query,
    /// The file.
    List,
    /// Whoever looks at it writes one.
    Text,
}

/// A page to go to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct DashboardLink {
    /// As people read it.
    pub(crate) title: String,
    /// A page of the app, as in `/traces?service=$service`, or an http or https address.
    pub(crate) url: String,
}

/// Panels side by side.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct PanelRow {
    /// A heading above them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<String>,
    /// In units of 40 pixels.
    pub(crate) height: u16,
    /// From left to right; their widths are 12 together at most.
    pub(crate) panels: Vec<Panel>,
}

/// One chart, table or text.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Panel {
    /// Its name within the dashboard; made of the title when the file has none.
    pub(crate) id: String,
    /// Its heading.
    pub(crate) title: String,
    /// What it shows, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    /// How it is shown.
    pub(crate) kind: PanelKind,
    /// In twelfths.
    pub(crate) width: u16,
    /// What is asked in SQL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sql: Option<String>,
    /// What is asked of one metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metric: Option<PanelMetric>,
    /// Of kind `markdown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    /// Of its values, as in `ms`, `By`, `share`, `EUR`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unit: Option<String>,
    /// Digits after the point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decimals: Option<u16>,
    /// From which values on it is good or bad, the lowest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) thresholds: Vec<Threshold>,
    /// Whether the names of series are shown.
    pub(crate) legend: bool,
    /// Whether series stand on one another.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) stack: bool,
    /// The column along the axis; the first time, else the first text, when it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) x: Option<String>,
    /// Columns of values; all numbers when it is not said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) y: Vec<String>,
    /// The column that tells series apart; the first text that is not `x` when it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) series: Option<String>,
    /// `$interval` is at least so long, as in `1m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) interval: Option<String>,
    /// Where to look closer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) links: Vec<DashboardLink>,
}

/// How a panel is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PanelKind {
    /// Lines or areas over time.
    TimeSeries,
    /// Bars, by time or by text.
    Bar,
    /// One number, with what it was before when there is a time.
    Stat,
    /// Rows and columns.
    Table,
    /// A number for each pair of `x` and `series`, as a colour.
    HeatMap,
    /// One number between two ends.
    Gauge,
    /// Who calls whom: `source`, `target`, and numbers.
    Map,
    /// Log records: `time`, `body`, and what else is asked.
    Logs,
    /// Traces: `trace_id`, and what else is asked.
    Traces,
    /// A text.
    Markdown,
}

/// What is asked of a metric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PanelMetric {
    /// Its name: a gauge or a sum.
    pub(crate) name: String,
    /// What is made of its points.
    pub(crate) function: MetricFunction,
    /// Labels that tell series apart: attributes of the point, or else of its resource.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) by: Vec<String>,
    /// Labels with the value they must have, or with a variable: `{service.name: $service}`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) filter: BTreeMap<String, String>,
}

/// What is made of the points of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum MetricFunction {
    /// The mean of all points.
    Avg,
    /// The least point.
    Min,
    /// The greatest point.
    Max,
    /// The means of all series together.
    Sum,
    /// What a counter grew by in a second.
    Rate,
    /// What a counter grew by.
    Increase,
}

/// From a value on, how it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Threshold {
    /// From this value on.
    pub(crate) at: f64,
    /// How it is then.
    pub(crate) level: ThresholdLevel,
}

/// How a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ThresholdLevel {
    /// As it should be.
    Ok,
    /// Somebody should look.
    Warning,
    /// Somebody must act.
    Critical,
}

impl Dashboard {
    /// All panels, from top to bottom and left to right.
    pub(crate) fn panels(&self) -> impl Iterator<Item = &Panel> {
        self.rows.iter().flat_map(|row| &row.panels)
    }

    /// As a file has it.
    pub(crate) fn yaml(&self) -> String {
        serde_saphyr::to_string(self).expect("texts, numbers, lists and maps can be written")
    }
}

impl PanelKind {
    /// True when a metric can be shown so.
    pub(crate) fn shows_metrics(self) -> bool {
        matches!(self, Self::TimeSeries | Self::Bar | Self::Stat | Self::Gauge | Self::Table)
    }
}
