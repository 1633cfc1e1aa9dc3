//! One form for requests that mean the same: one item each, with what `ingest::encode` documents as lost taken away.

use ingest::Reason;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, Gauge, HistogramDataPoint, Metric, ResourceMetrics, ScopeMetrics, Sum, Summary,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

/// Items one by one, and what happened to others, by reason.
#[derive(Debug)]
pub(crate) struct Normal<R> {
    pub(crate) items: Vec<R>,
    pub(crate) reasons: Vec<Reason>,
}

pub(crate) fn traces(request: &ExportTraceServiceRequest) -> Normal<ExportTraceServiceRequest> {
    let mut normal = Normal { items: Vec::new(), reasons: Vec::new() };
    for resource in &request.resource_spans {
        for scope in &resource.scope_spans {
            for span in &scope.spans {
                let Some(span) = accepted_span(span.clone(), &mut normal.reasons) else { continue };
                let scope_spans = ScopeSpans { scope: normal_scope(&scope.scope), spans: vec![span], ..scope.clone() };
                let (scope_spans, schema_url) = (vec![scope_spans], resource.schema_url.clone());
                let resource = normal_resource(&resource.resource);
                normal.items.push(ExportTraceServiceRequest {
                    resource_spans: vec![ResourceSpans { resource, scope_spans, schema_url }],
                });
            }
        }
    }
    normal
}

fn accepted_span(mut span: Span, reasons: &mut Vec<Reason>) -> Option<Span> {
    let refused = if !is_id(&span.trace_id, 16) {
        Some(Reason::SpanTraceId)
    } else if !is_id(&span.span_id, 8) {
        Some(Reason::SpanId)
    } else if !matches!(span.parent_span_id.len(), 0 | 8) {
        Some(Reason::ParentSpanId)
    } else {
        None
    };
    if let Some(reason) = refused {
        reasons.push(reason);
        return None;
    }
    clear(&mut span.parent_span_id, 8);
    normal_attributes(&mut span.attributes);
    span.events.iter_mut().for_each(|event| clean_all(&mut event.attributes));
    for link in &mut span.links {
        if clear(&mut link.trace_id, 16) | clear(&mut link.span_id, 8) {
            reasons.push(Reason::IdCleared);
        }
        clean_all(&mut link.attributes);
    }
    span.status = span.status.filter(|status| *status != Status::default());
    Some(span)
}

pub(crate) fn logs(request: &ExportLogsServiceRequest) -> Normal<ExportLogsServiceRequest> {
    let mut normal = Normal { items: Vec::new(), reasons: Vec::new() };
    for resource in &request.resource_logs {
        for scope in &resource.scope_logs {
            for record in &scope.log_records {
                let record = normal_record(record.clone(), &mut normal.reasons);
                let scope_logs =
                    ScopeLogs { scope: normal_scope(&scope.scope), log_records: vec![record], ..scope.clone() };
                let (scope_logs, schema_url) = (vec![scope_logs], resource.schema_url.clone());
                let resource = normal_resource(&resource.resource);
                normal.items.push(ExportLogsServiceRequest {
                    resource_logs: vec![ResourceLogs { resource, scope_logs, schema_url }],
                });
            }
        }
    }
    normal
}

fn normal_record(mut record: LogRecord, reasons: &mut Vec<Reason>) -> LogRecord {
    if clear(&mut record.trace_id, 16) | clear(&mut record.span_id, 8) {
        reasons.push(Reason::IdCleared);
    }
    normal_attributes(&mut record.attributes);
    record.body.iter_mut().for_each(clean);
    record.body = record.body.filter(|body| body.value.is_some());
    record
}

/// Number points first: they are in a table of their own.
pub(crate) fn metrics(request: &ExportMetricsServiceRequest) -> Normal<ExportMetricsServiceRequest> {
    let mut normal = Normal { items: Vec::new(), reasons: Vec::new() };
    for resource in &request.resource_metrics {
        for scope in &resource.scope_metrics {
            for metric in &scope.metrics {
                for data in points(metric.data.as_ref(), &mut normal.reasons) {
                    let mut metric = Metric { data: Some(data), ..metric.clone() };
                    clean_all(&mut metric.metadata);
                    let scope_metrics =
                        ScopeMetrics { scope: normal_scope(&scope.scope), metrics: vec![metric], ..scope.clone() };
                    let (scope_metrics, schema_url) = (vec![scope_metrics], resource.schema_url.clone());
                    let resource = normal_resource(&resource.resource);
                    normal.items.push(ExportMetricsServiceRequest {
                        resource_metrics: vec![ResourceMetrics { resource, scope_metrics, schema_url }],
                    });
                }
            }
        }
    }
    normal.items.sort_by_key(|request| {
        let data = &request.resource_metrics[0].scope_metrics[0].metrics[0].data;
        !matches!(data, Some(Data::Gauge(_) | Data::Sum(_)))
    });
    normal
}

/// Data of one point each.
fn points(data: Option<&Data>, reasons: &mut Vec<Reason>) -> Vec<Data> {
    let mut points = Vec::new();
    match data {
        None => {}
        Some(Data::Gauge(gauge)) => {
            for mut point in gauge.data_points.clone() {
                normal_attributes(&mut point.attributes);
                normal_exemplars(&mut point.exemplars, reasons);
                points.push(Data::Gauge(Gauge { data_points: vec![point] }));
            }
        }
        Some(Data::Sum(sum)) => {
            for mut point in sum.data_points.clone() {
                normal_attributes(&mut point.attributes);
                normal_exemplars(&mut point.exemplars, reasons);
                points.push(Data::Sum(Sum { data_points: vec![point], ..sum.clone() }));
            }
        }
        Some(Data::Histogram(histogram)) => {
            for mut point in histogram.data_points.clone() {
                if !fits(&point) {
                    reasons.push(Reason::BucketCounts);
                    continue;
                }
                normal_attributes(&mut point.attributes);
                normal_exemplars(&mut point.exemplars, reasons);
                let mut one = histogram.clone();
                one.data_points = vec![point];
                points.push(Data::Histogram(one));
            }
        }
        Some(Data::ExponentialHistogram(histogram)) => {
            for mut point in histogram.data_points.clone() {
                normal_attributes(&mut point.attributes);
                normal_exemplars(&mut point.exemplars, reasons);
                let mut one = histogram.clone();
                one.data_points = vec![point];
                points.push(Data::ExponentialHistogram(one));
            }
        }
        Some(Data::Summary(summary)) => {
            for mut point in summary.data_points.clone() {
                normal_attributes(&mut point.attributes);
                points.push(Data::Summary(Summary { data_points: vec![point] }));
            }
        }
    }
    points
}

fn fits(point: &HistogramDataPoint) -> bool {
    point.bucket_counts.is_empty() || point.bucket_counts.len() == point.explicit_bounds.len() + 1
}

fn normal_exemplars(exemplars: &mut [Exemplar], reasons: &mut Vec<Reason>) {
    for exemplar in exemplars {
        if clear(&mut exemplar.trace_id, 16) | clear(&mut exemplar.span_id, 8) {
            reasons.push(Reason::IdCleared);
        }
        clean_all(&mut exemplar.filtered_attributes);
    }
}

fn normal_resource(resource: &Option<Resource>) -> Option<Resource> {
    let mut resource = resource.clone().unwrap_or_default();
    normal_attributes(&mut resource.attributes);
    Some(resource)
}

fn normal_scope(scope: &Option<InstrumentationScope>) -> Option<InstrumentationScope> {
    let mut scope = scope.clone().unwrap_or_default();
    clean_all(&mut scope.attributes);
    Some(scope)
}

fn is_id(id: &[u8], length: usize) -> bool {
    id.len() == length && id.iter().any(|byte| *byte != 0)
}

/// Clears what is no id; true when it said something.
fn clear(id: &mut Vec<u8>, length: usize) -> bool {
    if is_id(id, length) {
        return false;
    }
    std::mem::take(id).iter().any(|byte| *byte != 0)
}

fn normal_attributes(attributes: &mut [KeyValue]) {
    clean_all(attributes);
    attributes.sort_by(|one, other| one.key.cmp(&other.key));
}

fn clean_all(attributes: &mut [KeyValue]) {
    for attribute in attributes {
        attribute.key_strindex = 0;
        clean(attribute.value.get_or_insert_default());
    }
}

fn clean(value: &mut AnyValue) {
    match &mut value.value {
        Some(Value::StringValueStrindex(_)) => value.value = None,
        Some(Value::DoubleValue(double)) if double.is_nan() => *double = f64::NAN,
        Some(Value::ArrayValue(array)) => array.values.iter_mut().for_each(clean),
        Some(Value::KvlistValue(map)) => clean_all(&mut map.values),
        _ => {}
    }
}
