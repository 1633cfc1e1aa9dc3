//! The span of evaluations, and how SLOs stand, as metrics of the tenant's: their history for dashboards and everything else that
//! reads metrics.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use plugin::model::{Tenant, Timestamp};
use plugin::{PluginContext, PluginError, Telemetry};
use tracing::{Span, field, info_span};

/// Whose metrics these are: not the service's own, which would keep it fresh.
const SERVICE_NAME: &str = "observatory";

/// The span of one evaluation of a tenant's SLOs.
pub(crate) fn evaluate(tenant: &Tenant, slos: usize) -> Span {
    info_span!(
        "apm.evaluate_slos",
        tenant = tenant.as_str(),
        slos,
        measured = field::Empty,
        late = field::Empty,
        elapsed_ms = field::Empty
    )
}

/// So many of them are judged, and for so many there was no time.
pub(crate) fn evaluated(span: &Span, measured: usize, late: usize, elapsed: Duration) {
    span.record("measured", measured);
    span.record("late", late);
    span.record("elapsed_ms", u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX));
}

/// What one evaluation found of an SLO.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) slo: String,
    pub(crate) service: String,
    /// By window in minutes, the longest being the SLO's own; only of windows with events.
    pub(crate) burns: Vec<(i64, f64)>,
}

/// Writes a point for each SLO and window.
pub(crate) async fn write(
    context: &PluginContext,
    tenant: &Tenant,
    now: Timestamp,
    measured: &[Measured],
) -> Result<(), PluginError> {
    let (mut remaining, mut burn_rates) = (Vec::new(), Vec::new());
    for Measured { slo, service, burns } in measured {
        let of_slo = [text("slo", slo), text("slo.service", service)];
        for (minutes, burn) in burns {
            let attributes = of_slo.iter().cloned().chain([text("window", &window_name(*minutes))]);
            burn_rates.push(point(now, *burn, attributes.collect()));
        }
        if let Some((_, burn)) = burns.last() {
            remaining.push(point(now, 1.0 - burn, of_slo.to_vec()));
        }
    }
    if burn_rates.is_empty() {
        return Ok(());
    }
    let metrics = vec![
        gauge("slo.error_budget.remaining", "What part of the error budget is left in the window.", remaining),
        gauge("slo.burn_rate", "How many times faster than planned the error budget is spent.", burn_rates),
    ];
    let scope = InstrumentationScope { name: "apm.slo".to_owned(), ..InstrumentationScope::default() };
    let scope_metrics = vec![ScopeMetrics { scope: Some(scope), metrics, ..ScopeMetrics::default() }];
    let resource = Resource { attributes: vec![text("service.name", SERVICE_NAME)], ..Resource::default() };
    let resource_metrics =
        vec![ResourceMetrics { resource: Some(resource), scope_metrics, ..ResourceMetrics::default() }];
    context.telemetry.write(tenant, Telemetry::Metrics(ExportMetricsServiceRequest { resource_metrics })).await
}

/// A window as people write it: `5m`, `6h`, `30d`.
pub(crate) fn window_name(minutes: i64) -> String {
    match minutes {
        days if days % 1440 == 0 => format!("{}d", days / 1440),
        hours if hours % 60 == 0 => format!("{}h", hours / 60),
        minutes => format!("{minutes}m"),
    }
}

fn gauge(name: &str, description: &str, data_points: Vec<NumberDataPoint>) -> Metric {
    Metric {
        name: name.to_owned(),
        description: description.to_owned(),
        unit: "1".to_owned(),
        data: Some(metric::Data::Gauge(Gauge { data_points })),
        ..Metric::default()
    }
}

fn point(now: Timestamp, value: f64, attributes: Vec<KeyValue>) -> NumberDataPoint {
    NumberDataPoint {
        time_unix_nano: now.0.unsigned_abs(),
        attributes,
        value: Some(number_data_point::Value::AsDouble(value)),
        ..NumberDataPoint::default()
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}
