//! Every span of alerting, and its metrics: what it says of itself in the tenant `system`, every ten seconds.
//!
//! Who watches tells of rules and alerts; each process tells of what it has evaluated and sent itself. Notifications have
//! their lines and span in `notify::telemetry`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric,
    number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use parking_lot::Mutex;
use plugin::model::{Tenant, Timestamp};
use plugin::{PluginContext, Shutdown, Telemetry};
use tracing::{Span, field, info_span};

use crate::notify::Outcome;
use crate::watch::now;

const SERVICE_NAME: &str = "observatory";
/// How often metrics are written.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// The span of one round: rules of one tenant and lane that are due together.
pub(crate) fn evaluate(tenant: &Tenant, lane: &'static str, rules: usize) -> Span {
    info_span!(
        "alerting.evaluate",
        tenant = tenant.as_str(),
        lane,
        rules,
        changes = field::Empty,
        failed = field::Empty,
        elapsed_ms = field::Empty,
    )
}

/// The questions of a round are answered.
pub(crate) fn evaluated(span: &Span, elapsed: Duration) {
    span.record("elapsed_ms", u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX));
}

/// What a round comes to.
pub(crate) fn changed(span: &Span, changes: usize, failed: usize) {
    span.record("changes", changes).record("failed", failed);
}

/// The span of one incident that is due.
pub(crate) fn escalate(tenant: &Tenant, incident: &str) -> Span {
    info_span!("alerting.escalate", tenant = tenant.as_str(), incident, events = field::Empty, orders = field::Empty)
}

/// What is due is done.
pub(crate) fn escalated(events: usize, orders: usize) {
    Span::current().record("events", events).record("orders", orders);
}

/// What the process that watches has before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) rules: usize,
    pub(crate) pending: usize,
    pub(crate) firing: usize,
}

/// What this process has done since it began.
#[derive(Debug)]
pub(crate) struct Counters {
    began: Timestamp,
    evaluations: AtomicU64,
    evaluations_failed: AtomicU64,
    escalations: AtomicU64,
    escalations_failed: AtomicU64,
    notifications: [AtomicU64; Outcome::ALL.len()],
    /// Of the rounds since the last report the latest, in nanoseconds.
    lateness: Mutex<Option<i64>>,
    standing: Mutex<Option<Standing>>,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            began: now(),
            evaluations: AtomicU64::default(),
            evaluations_failed: AtomicU64::default(),
            escalations: AtomicU64::default(),
            escalations_failed: AtomicU64::default(),
            notifications: Default::default(),
            lateness: Mutex::default(),
            standing: Mutex::default(),
        }
    }
}

impl Counters {
    /// A round began so long after it was due, in nanoseconds.
    pub(crate) fn began_late(&self, by: i64) {
        let mut lateness = self.lateness.lock();
        *lateness = (*lateness).max(Some(by.max(0)));
    }

    /// So many rules were evaluated, of which some could not be.
    pub(crate) fn evaluated(&self, rules: usize, failed: usize) {
        self.evaluations.fetch_add(rules as u64, Ordering::Relaxed);
        self.evaluations_failed.fetch_add(failed as u64, Ordering::Relaxed);
    }

    /// An incident was due, and what became of it is written or not.
    pub(crate) fn escalated(&self, is_written: bool) {
        self.escalations.fetch_add(1, Ordering::Relaxed);
        self.escalations_failed.fetch_add(u64::from(!is_written), Ordering::Relaxed);
    }

    /// An attempt to send a notification came to this.
    pub(crate) fn attempted(&self, outcome: Outcome) {
        self.notifications[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// `None` when this process does not watch.
    pub(crate) fn watches(&self, standing: Option<Standing>) {
        *self.standing.lock() = standing;
    }

    /// All there is to tell; nothing while nothing is watched and nothing was done.
    fn metrics(&self, now: Timestamp) -> Vec<Metric> {
        let (standing, lateness) = (*self.standing.lock(), self.lateness.lock().take());
        let mut metrics = Vec::new();
        if let Some(Standing { rules, pending, firing }) = standing.filter(|standing| *standing != Standing::default())
        {
            let states = [("pending", pending), ("firing", firing)];
            let alerts = states.map(|(state, number)| point(now, number as u64, vec![text("state", state)]));
            metrics.push(gauge("alerting.rules", "{rule}", vec![point(now, rules as u64, Vec::new())]));
            metrics.push(gauge("alerting.alerts", "{alert}", alerts.into()));
        }
        if let Some(lateness) = lateness {
            let seconds =
                number_data_point::Value::AsDouble(Duration::from_nanos(lateness.unsigned_abs()).as_secs_f64());
            let late = NumberDataPoint { value: Some(seconds), ..point(now, 0, Vec::new()) };
            metrics.push(gauge("alerting.evaluation.lateness", "s", vec![late]));
        }
        let evaluations = self.evaluations.load(Ordering::Relaxed);
        if evaluations > 0 {
            let failed = self.evaluations_failed.load(Ordering::Relaxed);
            let evaluations = [("alerting.evaluations", evaluations), ("alerting.evaluations.failed", failed)];
            metrics.extend(
                evaluations.map(|(name, number)| self.sum(name, "{evaluation}", vec![point(now, number, Vec::new())])),
            );
        }
        let escalations = self.escalations.load(Ordering::Relaxed);
        if escalations > 0 {
            let failed = self.escalations_failed.load(Ordering::Relaxed);
            let escalations = [("alerting.escalations", escalations), ("alerting.escalations.failed", failed)];
            metrics.extend(
                escalations.map(|(name, number)| self.sum(name, "{incident}", vec![point(now, number, Vec::new())])),
            );
        }
        let notifications =
            Outcome::ALL.map(|outcome| (outcome, self.notifications[outcome as usize].load(Ordering::Relaxed)));
        if notifications.iter().any(|(_, number)| *number > 0) {
            let points =
                notifications.map(|(outcome, number)| point(now, number, vec![text("outcome", outcome.name())]));
            metrics.push(self.sum("alerting.notifications", "{attempt}", points.into()));
        }
        metrics
    }

    /// Counts up since the process began.
    fn sum(&self, name: &str, unit: &str, mut data_points: Vec<NumberDataPoint>) -> Metric {
        let start_time_unix_nano = self.began.0.unsigned_abs();
        data_points.iter_mut().for_each(|point| point.start_time_unix_nano = start_time_unix_nano);
        let aggregation_temporality = AggregationTemporality::Cumulative.into();
        let sum = Sum { data_points, aggregation_temporality, is_monotonic: true };
        named(name, unit, metric::Data::Sum(sum))
    }
}

/// Writes metrics until `shutdown`. What cannot be written is written with the next.
pub(crate) async fn report(context: &PluginContext, counters: &Counters, shutdown: &Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(REPORT_EVERY) => {}
        }
        let metrics = counters.metrics(now());
        if metrics.is_empty() {
            continue;
        }
        let request = request(&context.process, metrics);
        if let Err(cause) = context.telemetry.write(&Tenant::system(), Telemetry::Metrics(request)).await {
            tracing::warn!(error = %cause, "the metrics of alerting are not written this time");
        }
    }
}

fn request(process: &str, metrics: Vec<Metric>) -> ExportMetricsServiceRequest {
    let scope = InstrumentationScope { name: "alerting".to_owned(), ..InstrumentationScope::default() };
    let scope_metrics = vec![ScopeMetrics { scope: Some(scope), metrics, ..ScopeMetrics::default() }];
    let attributes = vec![text("service.name", SERVICE_NAME), text("service.instance.id", process)];
    let resource = Some(Resource { attributes, ..Resource::default() });
    let resource_metrics = vec![ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() }];
    ExportMetricsServiceRequest { resource_metrics }
}

fn gauge(name: &str, unit: &str, data_points: Vec<NumberDataPoint>) -> Metric {
    named(name, unit, metric::Data::Gauge(Gauge { data_points }))
}

fn named(name: &str, unit: &str, data: metric::Data) -> Metric {
    Metric { name: name.to_owned(), unit: unit.to_owned(), data: Some(data), ..Metric::default() }
}

fn point(now: Timestamp, number: u64, attributes: Vec<KeyValue>) -> NumberDataPoint {
    let value = number_data_point::Value::AsInt(i64::try_from(number).unwrap_or(i64::MAX));
    let time_unix_nano = now.0.unsigned_abs();
    NumberDataPoint { time_unix_nano, attributes, value: Some(value), ..NumberDataPoint::default() }
}

fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(counters: &Counters) -> Vec<String> {
        counters.metrics(Timestamp(1)).into_iter().map(|metric| metric.name).collect()
    }

    #[test]
    fn who_does_nothing_says_nothing_and_lateness_is_said_once() {
        let counters = Counters::default();
        assert!(names(&counters).is_empty());

        counters.watches(Some(Standing { rules: 2, pending: 1, firing: 0 }));
        counters.began_late(5);
        counters.began_late(3);
        counters.evaluated(2, 1);
        assert_eq!(*counters.lateness.lock(), Some(5), "the worst of them");

        let done = ["alerting.evaluations", "alerting.evaluations.failed"];
        let watched = ["alerting.rules", "alerting.alerts"];
        assert_eq!(names(&counters), [&watched[..], &["alerting.evaluation.lateness"], &done].concat());
        assert_eq!(names(&counters), [watched, done].concat());
        counters.watches(None);
        assert_eq!(names(&counters), done);
    }
}
