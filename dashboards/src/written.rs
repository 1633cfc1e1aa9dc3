//! A dashboard as a file has it: everything may be missing, and everything knows where it stands.

use std::collections::BTreeMap;

use plugin::yaml::At;
use serde::Deserialize;

use crate::model::{MetricFunction, PanelKind, ThresholdLevel, VariableKind};

#[derive(Debug, Deserialize)]
pub(crate) struct WrittenDashboard {
    pub(crate) name: At<String>,
    pub(crate) title: At<String>,
    #[serde(default)]
    pub(crate) description: Option<At<String>>,
    #[serde(default)]
    pub(crate) tags: Vec<At<String>>,
    #[serde(default)]
    pub(crate) time: Option<At<String>>,
    #[serde(default)]
    pub(crate) refresh: Option<At<String>>,
    #[serde(default)]
    pub(crate) variables: Vec<At<WrittenVariable>>,
    #[serde(default)]
    pub(crate) links: Vec<At<WrittenLink>>,
    pub(crate) rows: Vec<At<WrittenRow>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct WrittenVariable {
    pub(crate) name: At<String>,
    #[serde(default)]
    pub(crate) label: Option<At<String>>,
    pub(crate) kind: VariableKind,
    #[serde(default)]
    pub(crate) sql: Option<At<String>>,
    #[serde(default)]
    pub(crate) values: Vec<At<String>>,
    #[serde(default)]
    pub(crate) default: Vec<At<String>>,
    #[serde(default)]
    pub(crate) multi: bool,
}

#[derive(Debug, Deserialize)]
pub(crate) struct WrittenLink {
    pub(crate) title: At<String>,
    pub(crate) url: At<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct WrittenRow {
    #[serde(default)]
    pub(crate) title: Option<At<String>>,
    #[serde(default)]
    pub(crate) height: Option<At<u16>>,
    pub(crate) panels: Vec<At<WrittenPanel>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct WrittenPanel {
    #[serde(default)]
    pub(crate) id: Option<At<String>>,
    pub(crate) title: At<String>,
    #[serde(default)]
    pub(crate) description: Option<At<String>>,
    pub(crate) kind: PanelKind,
    #[serde(default)]
    pub(crate) width: Option<At<u16>>,
    #[serde(default)]
    pub(crate) sql: Option<At<String>>,
    #[serde(default)]
    pub(crate) metric: Option<At<WrittenMetric>>,
    #[serde(default)]
    pub(crate) text: Option<At<String>>,
    #[serde(default)]
    pub(crate) unit: Option<At<String>>,
    #[serde(default)]
    pub(crate) decimals: Option<At<u16>>,
    #[serde(default)]
    pub(crate) thresholds: Vec<At<WrittenThreshold>>,
    #[serde(default)]
    pub(crate) legend: Option<bool>,
    #[serde(default)]
    pub(crate) stack: bool,
    #[serde(default)]
    pub(crate) x: Option<At<String>>,
    #[serde(default)]
    pub(crate) y: Vec<At<String>>,
    #[serde(default)]
    pub(crate) series: Option<At<String>>,
    #[serde(default)]
    pub(crate) interval: Option<At<String>>,
    #[serde(default)]
    pub(crate) links: Vec<At<WrittenLink>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct WrittenMetric {
    pub(crate) name: At<String>,
    pub(crate) function: MetricFunction,
    #[serde(default)]
    pub(crate) by: Vec<At<String>>,
    #[serde(default)]
    pub(crate) filter: BTreeMap<String, At<String>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct WrittenThreshold {
    pub(crate) at: At<f64>,
    pub(crate) level: ThresholdLevel,
}
