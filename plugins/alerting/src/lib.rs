//! Alerting: rules that watch telemetry, alerts they raise, who is told, and the incidents that people work through.
//!
//! An alert is raised once however many servers watch, and nobody who should be told of it is forgotten: what is to be sent is
//! written in the transaction in which the alert changes.

#![allow(dead_code, unused_imports)] // WIP: until the parts are joined

mod alert;
mod config;
mod incident;
mod labels;
mod notify;
mod promql;
mod rule;
mod state;

use async_trait::async_trait;
use plugin::Plugin;

pub use self::config::Config;

/// The plugin.
#[derive(Debug)]
pub struct Alerting {
    config: Config,
}

impl Alerting {
    /// With these settings, which were checked.
    pub fn new(config: Config) -> Self {
        Self { config }
    }
}

#[async_trait]
impl Plugin for Alerting {
    fn name(&self) -> &'static str {
        "alerting"
    }
}
