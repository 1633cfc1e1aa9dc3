//! The requests of a load: made once from the simulated shop, and made new for each sending.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Signal;
use super::wire::{self, Field, Slot};
use crate::simulator::{Shop, Telemetry};

/// Any time will do: it is replaced in each sending.
const PREPARED_AT: u64 = 1_772_366_400_000_000_000;
const PREPARED_FOR: Duration = Duration::from_secs(10);
const REQUESTS_PER_SECOND: f64 = 100.0;
const ATTRIBUTES_PER_SPAN: usize = 10;
const LOG_BODY_BYTES: usize = 300;
const POINTS_PER_METRIC: usize = 20;

/// A request with the places of its ids and times.
#[derive(Debug)]
pub(super) struct Body {
    encoded: Bytes,
    slots: Vec<Slot>,
    latest: u64,
    pub(super) items: u64,
}

/// What stands before the message.
#[derive(Debug, Clone, Copy)]
pub(super) enum Framing {
    None,
    /// The five bytes of a gRPC message: not compressed, and its length.
    Grpc,
}

impl Body {
    /// The message as it was prepared.
    pub(super) fn into_bytes(self) -> Bytes {
        self.encoded
    }

    fn new(message: &impl Message, items: usize, fields: &[Field]) -> Self {
        let encoded: Bytes = message.encode_to_vec().into();
        let slots = wire::slots(&encoded, fields);
        let time_at = |slot: &Slot| match *slot {
            Slot::Time(at) => (&encoded[at..at + 8]).try_into().map(u64::from_le_bytes).ok(),
            Slot::Id(_) => None,
        };
        let latest = slots.iter().filter_map(time_at).max().unwrap_or(0);
        Self { encoded, slots, latest, items: items as u64 }
    }

    pub(super) fn byte_size(&self) -> u64 {
        self.encoded.len() as u64
    }

    /// The request as it would be now: its latest time is `now`, and its ids are those of this salt.
    pub(super) fn fresh(&self, now: u64, salt: u64, framing: Framing) -> Bytes {
        let mut fresh = BytesMut::with_capacity(5 + self.encoded.len());
        if let Framing::Grpc = framing {
            fresh.put_u8(0);
            fresh.put_u32(self.encoded.len() as u32);
        }
        let start = fresh.len();
        fresh.extend_from_slice(&self.encoded);
        let message = &mut fresh[start..];
        let shift = now.wrapping_sub(self.latest);
        for slot in &self.slots {
            match *slot {
                Slot::Time(at) => replace(message, at, |time| if time == 0 { 0 } else { time.wrapping_add(shift) }),
                Slot::Id(at) => replace(message, at, |id| id ^ salt),
            }
        }
        fresh.freeze()
    }
}

fn replace(message: &mut [u8], at: usize, with: impl Fn(u64) -> u64) {
    let (eight, _) = message[at..].split_first_chunk_mut::<8>().expect("a slot lies inside its message");
    *eight = with(u64::from_le_bytes(*eight)).to_le_bytes();
}

/// Distinct requests of a signal, each with this many items.
pub(super) fn prepare(signal: Signal, bodies: usize, items: usize, seed: u64) -> Vec<Body> {
    match signal {
        Signal::Spans => span_bodies(bodies, items, seed),
        Signal::Logs => log_bodies(bodies, items, seed),
        Signal::Points => (0..bodies as u64).map(|body| point_body(items, seed ^ body)).collect(),
    }
}

/// The shop's steps, one after the other.
fn steps(seed: u64) -> impl Iterator<Item = Telemetry> {
    let mut shop = Shop::new(seed, &[]);
    let length = PREPARED_FOR.as_nanos() as u64;
    (0_u64..).map(move |step| shop.step(PREPARED_AT + step * length, PREPARED_FOR, REQUESTS_PER_SECOND))
}

/// What one process has reported and not yet sent.
struct Unsent {
    spans: ResourceSpans,
    count: usize,
}

impl Unsent {
    fn of(process: &ResourceSpans) -> Self {
        let resource = process.resource.clone();
        let spans = ResourceSpans { resource, scope_spans: Vec::new(), schema_url: process.schema_url.clone() };
        Self { spans, count: 0 }
    }

    fn push(&mut self, of_scope: &ScopeSpans, span: Span) {
        self.count += 1;
        match self.spans.scope_spans.last_mut().filter(|last| last.scope == of_scope.scope) {
            Some(last) => last.spans.push(span),
            None => self.spans.scope_spans.push(ScopeSpans { spans: vec![span], ..of_scope.clone() }),
        }
    }

    fn take_body(&mut self) -> Body {
        let next = Self::of(&self.spans);
        let Self { spans, count } = std::mem::replace(self, next);
        Body::new(&ExportTraceServiceRequest { resource_spans: vec![spans] }, count, wire::TRACES)
    }
}

/// Cuts what each process reports into requests, as its exporter does.
fn span_bodies(bodies: usize, items: usize, seed: u64) -> Vec<Body> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut unsent: Vec<Unsent> = Vec::new();
    let mut full = Vec::with_capacity(bodies);
    for mut process in steps(seed).flat_map(|step| step.traces.resource_spans) {
        let known = unsent.iter().position(|unsent| unsent.spans.resource == process.resource);
        let index = known.unwrap_or_else(|| {
            unsent.push(Unsent::of(&process));
            unsent.len() - 1
        });
        for mut of_scope in process.scope_spans.drain(..) {
            for mut span in std::mem::take(&mut of_scope.spans) {
                set_attributes(&mut span, &mut rng);
                unsent[index].push(&of_scope, span);
                if unsent[index].count == items {
                    full.push(unsent[index].take_body());
                }
                if full.len() == bodies {
                    return full;
                }
            }
        }
    }
    full
}

fn set_attributes(span: &mut Span, rng: &mut ChaCha8Rng) {
    span.attributes.truncate(ATTRIBUTES_PER_SPAN);
    for number in span.attributes.len()..ATTRIBUTES_PER_SPAN {
        span.attributes.push(text(&format!("shop.tag.{number}"), format!("{:012x}", rng.random::<u64>() >> 16)));
    }
}

/// Cuts what the shop writes into requests, as a collector does that reads the logs of a node.
fn log_bodies(bodies: usize, items: usize, seed: u64) -> Vec<Body> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut unsent: Vec<ResourceLogs> = Vec::new();
    let mut room = items;
    let mut full = Vec::with_capacity(bodies);
    for of_process in steps(seed).flat_map(|step| step.logs.resource_logs) {
        let ResourceLogs { resource, scope_logs, schema_url } = of_process;
        for mut of_scope in scope_logs {
            let mut records = std::mem::take(&mut of_scope.log_records);
            records.iter_mut().for_each(|record| set_body(record, &mut rng));
            while !records.is_empty() {
                let log_records: Vec<LogRecord> = records.drain(..records.len().min(room)).collect();
                room -= log_records.len();
                let scope_logs = vec![ScopeLogs { log_records, ..of_scope.clone() }];
                unsent.push(ResourceLogs { resource: resource.clone(), scope_logs, schema_url: schema_url.clone() });
                if room == 0 {
                    let request = ExportLogsServiceRequest { resource_logs: std::mem::take(&mut unsent) };
                    full.push(Body::new(&request, items, wire::LOGS));
                    room = items;
                }
                if full.len() == bodies {
                    return full;
                }
            }
        }
    }
    full
}

/// Lengthens the line with the fields that a program adds to each of its lines: one id, and values of which most were seen before.
fn set_body(record: &mut LogRecord, rng: &mut ChaCha8Rng) {
    let mut body = match record.body.take().and_then(|body| body.value) {
        Some(Value::StringValue(text)) => text,
        _ => record.event_name.clone(),
    };
    body.push_str(&format!(" request_id={:016x}", rng.random::<u64>()));
    let mut pick = |from: &[&'static str]| from[rng.random_range(0..from.len())];
    for (name, value) in [
        ("customer", pick(&["acme", "globex", "initech", "umbrella", "hooli", "stark", "wayne", "tyrell"])),
        ("region", pick(&["eu-west-1", "eu-central-1", "us-east-1"])),
        ("cache", pick(&["hit", "hit", "hit", "miss"])),
        ("attempt", pick(&["1", "1", "1", "1", "2", "3"])),
        ("feature_flags", pick(&["new_checkout", "new_checkout,fast_search", "none"])),
        ("user_agent", pick(&["Mozilla/5.0 (X11; Linux x86_64) Firefox/150.0", "okhttp/5.3.0", "curl/8.19.0"])),
        ("build", pick(&["2026.11.2", "2026.11.3"])),
    ] {
        body.push_str(&format!(" {name}={value}"));
    }
    while body.len() < LOG_BODY_BYTES {
        let step = ["parse_us", "auth_us", "price_us", "stock_us", "render_us"][rng.random_range(0..5)];
        body.push_str(&format!(" {step}={}", 40 + (rng.random::<f64>().powi(4) * 9_000.0) as u32));
    }
    record.body = Some(AnyValue { value: Some(Value::StringValue(body)) });
}

/// Points of one process in metrics of twenty series each.
fn point_body(items: usize, seed: u64) -> Body {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let metrics = (0..items.div_ceil(POINTS_PER_METRIC)).map(|number| {
        let first = number * POINTS_PER_METRIC;
        let series = first..items.min(first + POINTS_PER_METRIC);
        metric(number, series.map(|series| point(series, number.is_multiple_of(2), &mut rng)).collect())
    });
    let scope_metrics = vec![ScopeMetrics { metrics: metrics.collect(), ..ScopeMetrics::default() }];
    let resource = Resource {
        attributes: vec![
            text("service.name", format!("load-{}", seed % 16)),
            text("service.instance.id", format!("{seed:016x}")),
            text("host.name", format!("worker-{}", seed % 32)),
            text("deployment.environment.name", "load".to_owned()),
        ],
        ..Resource::default()
    };
    let of_process = ResourceMetrics { resource: Some(resource), scope_metrics, ..ResourceMetrics::default() };
    Body::new(&ExportMetricsServiceRequest { resource_metrics: vec![of_process] }, items, wire::METRICS)
}

fn metric(number: usize, data_points: Vec<NumberDataPoint>) -> Metric {
    let data = if number.is_multiple_of(2) {
        Data::Gauge(Gauge { data_points })
    } else {
        let aggregation_temporality = AggregationTemporality::Cumulative as i32;
        Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic: true })
    };
    let name = format!("load.metric_{number:03}");
    Metric { name, unit: "1".to_owned(), data: Some(data), ..Metric::default() }
}

fn point(series: usize, is_gauge: bool, rng: &mut ChaCha8Rng) -> NumberDataPoint {
    let value = if is_gauge {
        number_data_point::Value::AsDouble(rng.random())
    } else {
        number_data_point::Value::AsInt(rng.random_range(0..1_000_000))
    };
    NumberDataPoint {
        attributes: vec![
            text("http.route", format!("/load/{}", series % 50)),
            text("http.request.method", ["GET", "POST", "PUT"][series % 3].to_owned()),
            text("shard", format!("{}", series % 20)),
        ],
        start_time_unix_nano: PREPARED_AT - 3_600_000_000_000,
        time_unix_nano: PREPARED_AT,
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

fn text(key: &str, value: impl Into<String>) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.into())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const NOW: u64 = PREPARED_AT + 5_000_000_000;

    fn spans(body: &Bytes) -> Vec<Span> {
        let request = ExportTraceServiceRequest::decode(body.clone()).expect("a fresh body is a request");
        let scopes = request.resource_spans.into_iter().flat_map(|of| of.scope_spans);
        scopes.flat_map(|of| of.spans).collect()
    }

    #[test]
    fn fresh_spans_keep_their_shape_and_get_new_ids_and_the_present_time() {
        let bodies = prepare(Signal::Spans, 3, 100, 1);

        let (once, again) =
            (spans(&bodies[0].fresh(NOW, 11, Framing::None)), spans(&bodies[0].fresh(NOW, 12, Framing::None)));

        assert_eq!(bodies.len(), 3);
        assert_eq!((once.len(), again.len()), (100, 100));
        assert_eq!(once.iter().map(|span| span.end_time_unix_nano).max(), Some(NOW));
        let ids = |spans: &[Span]| -> BTreeSet<Vec<u8>> { spans.iter().map(|span| span.span_id.clone()).collect() };
        assert!(ids(&once).is_disjoint(&ids(&again)));
        for (one, other) in once.iter().zip(&again) {
            assert_eq!(one.attributes.len(), ATTRIBUTES_PER_SPAN);
            assert_eq!(one.name, other.name);
            assert_eq!(one.end_time_unix_nano, other.end_time_unix_nano);
        }
    }

    #[test]
    fn fresh_log_records_have_long_bodies_and_the_present_time() {
        let body = prepare(Signal::Logs, 1, 50, 1).remove(0).fresh(NOW, 11, Framing::None);

        let request = ExportLogsServiceRequest::decode(body).expect("a fresh body is a request");
        let scopes = request.resource_logs.into_iter().flat_map(|of| of.scope_logs);
        let records: Vec<LogRecord> = scopes.flat_map(|of| of.log_records).collect();
        assert_eq!(records.len(), 50);
        assert_eq!(records.iter().map(|record| record.observed_time_unix_nano).max(), Some(NOW));
        for record in records {
            let Some(Value::StringValue(body)) = record.body.and_then(|body| body.value) else { panic!("not text") };
            assert!(body.len() >= LOG_BODY_BYTES, "{body}");
        }
    }

    #[test]
    fn fresh_points_are_gauges_and_sums_of_the_present_time() {
        let body = prepare(Signal::Points, 1, 45, 1).remove(0).fresh(NOW, 11, Framing::None);

        let request = ExportMetricsServiceRequest::decode(body).expect("a fresh body is a request");
        let points =
            request.resource_metrics[0].scope_metrics[0].metrics.iter().flat_map(|metric| match &metric.data {
                Some(Data::Gauge(gauge)) => &gauge.data_points,
                Some(Data::Sum(sum)) => &sum.data_points,
                other => panic!("{other:?}"),
            });
        assert_eq!(points.clone().count(), 45);
        assert!(points.clone().all(|point| point.time_unix_nano == NOW && point.start_time_unix_nano < NOW));
    }

    #[test]
    fn the_grpc_frame_names_the_length_of_the_message() {
        let body = &prepare(Signal::Points, 1, 5, 1)[0];

        let framed = body.fresh(NOW, 11, Framing::Grpc);

        assert_eq!(framed[0], 0);
        assert_eq!(framed[1..5], (body.byte_size() as u32).to_be_bytes());
        assert_eq!(framed.len() as u64, 5 + body.byte_size());
    }
}
