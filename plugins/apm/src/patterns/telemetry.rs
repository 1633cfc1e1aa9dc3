//! What the miners of this process say of themselves in the tenant `system`.

use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric,
    number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use plugin::model::Tenant;
use plugin::{PluginContext, Telemetry};
use time::OffsetDateTime;

const SERVICE_NAME: &str = "observatory";

/// What is counted since the miners began.
#[derive(Debug)]
pub(super) struct Counters {
    began: OffsetDateTime,
    patterns: AtomicU64,
    forgotten: AtomicU64,
}

impl Counters {
    pub(super) fn new(began: OffsetDateTime) -> Self {
        Self { began, patterns: AtomicU64::default(), forgotten: AtomicU64::default() }
    }

    /// So many patterns are known now, and so many more were forgotten.
    pub(super) fn know(&self, patterns: usize, forgotten: usize) {
        self.patterns.store(patterns as u64, Ordering::Relaxed);
        self.forgotten.fetch_add(forgotten as u64, Ordering::Relaxed);
    }

    /// Writes `apm.log_patterns` and `apm.log_patterns.forgotten`; nothing before anything was learnt.
    pub(super) async fn write(&self, context: &PluginContext, now: OffsetDateTime) {
        let metrics = self.metrics(now);
        if metrics.is_empty() {
            return;
        }
        let scope = InstrumentationScope { name: "apm.log_patterns".to_owned(), ..InstrumentationScope::default() };
        let scope_metrics = vec![ScopeMetrics { scope: Some(scope), metrics, ..ScopeMetrics::default() }];
        let attributes = vec![text("service.name", SERVICE_NAME), text("service.instance.id", &context.process)];
        let resource = Some(Resource { attributes, ..Resource::default() });
        let resource_metrics = vec![ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() }];
        let request = Telemetry::Metrics(ExportMetricsServiceRequest { resource_metrics });
        if let Err(cause) = context.telemetry.write(&Tenant::system(), request).await {
            tracing::warn!(error = %cause, "the metrics of log patterns are not written this time");
        }
    }

    fn metrics(&self, now: OffsetDateTime) -> Vec<Metric> {
        let (patterns, forgotten) = (self.patterns.load(Ordering::Relaxed), self.forgotten.load(Ordering::Relaxed));
        if patterns + forgotten == 0 {
            return Vec::new();
        }
        let point = |number: u64| NumberDataPoint {
            start_time_unix_nano: nanos(self.began),
            time_unix_nano: nanos(now),
            value: Some(number_data_point::Value::AsInt(i64::try_from(number).unwrap_or(i64::MAX))),
            ..NumberDataPoint::default()
        };
        let known = Gauge { data_points: vec![point(patterns)] };
        let aggregation_temporality = AggregationTemporality::Cumulative.into();
        let forgotten = Sum { data_points: vec![point(forgotten)], aggregation_temporality, is_monotonic: true };
        vec![
            named("apm.log_patterns", metric::Data::Gauge(known)),
            named("apm.log_patterns.forgotten", metric::Data::Sum(forgotten)),
        ]
    }
}

fn named(name: &str, data: metric::Data) -> Metric {
    Metric { name: name.to_owned(), unit: "{pattern}".to_owned(), data: Some(data), ..Metric::default() }
}

fn nanos(time: OffsetDateTime) -> u64 {
    u64::try_from(time.unix_timestamp_nanos()).unwrap_or_default()
}

fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_and_forgotten_is_told_once_there_is_something() {
        let counters = Counters::new(OffsetDateTime::UNIX_EPOCH);
        assert!(counters.metrics(OffsetDateTime::UNIX_EPOCH).is_empty());

        counters.know(3, 2);
        counters.know(1, 2);

        let metrics = counters.metrics(OffsetDateTime::UNIX_EPOCH);
        let names: Vec<&str> = metrics.iter().map(|metric| metric.name.as_str()).collect();
        assert_eq!(names, ["apm.log_patterns", "apm.log_patterns.forgotten"]);
        assert_eq!((counters.patterns.into_inner(), counters.forgotten.into_inner()), (1, 4));
    }
}
