//! The metrics of the shop, of every kind OTLP has, counted from the spans of each process.
//! What a series says and what the traces say agree, because the one is made from the other.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, ExponentialHistogram as ExponentialHistogramMetric, Gauge, Histogram as HistogramMetric,
    HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary,
};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::attributes::{int, text};
use super::fleet::{self, Fleet, Process, ProcessKey, SCHEMA_URL};
use super::instruments::{ExponentialHistogram, Histogram, Pauses, Period, real, seconds, whole};
use super::spans::{Finished, Measured};
use super::topology::{Language, Library};
use super::traffic::normal;

pub(super) const CUMULATIVE: i32 = AggregationTemporality::Cumulative as i32;
const DELTA: i32 = AggregationTemporality::Delta as i32;
/// The share of a request's time that is work of the processor.
const BUSY_SHARE: f64 = 0.3;
const CONNECTIONS_MAX: i64 = 20;

/// The meters of all processes that have reported anything.
#[derive(Debug, Default)]
pub(super) struct Meters {
    meters: BTreeMap<ProcessKey, Meter>,
}

impl Meters {
    pub(super) fn record(&mut self, finished: &Finished) {
        let meter = self.meters.entry(finished.process.key()).or_default();
        meter.record(finished);
    }

    /// One collection: the points of every process that is up; the counters of dead ones are forgotten.
    pub(super) fn collect(&mut self, moment: &Moment<'_>, rng: &mut ChaCha8Rng) -> Vec<ResourceMetrics> {
        let processes: Vec<Process> = moment.fleet.processes(moment.at).collect();
        self.meters.retain(|key, _| processes.iter().any(|process| process.key() == *key));
        let collect = |process| {
            let meter = self.meters.entry(Process::key(process)).or_default();
            resource_metrics(moment.fleet, process, meter.collect(process, moment, rng))
        };
        processes.into_iter().map(collect).collect()
    }
}

/// The moment of a collection, and what the shop is doing in it.
#[derive(Debug)]
pub(super) struct Moment<'a> {
    pub(super) at: u64,
    pub(super) fleet: &'a Fleet,
    /// Spans that are not over yet, or not begun.
    pub(super) unfinished: &'a [Finished],
}

impl Moment<'_> {
    fn running(&self, process: Process, kind: SpanKind) -> i64 {
        let of_process = |finished: &&Finished| {
            finished.process.key() == process.key()
                && finished.span.kind == kind as i32
                && finished.span.start_time_unix_nano <= self.at
        };
        self.unfinished.iter().filter(of_process).count() as i64
    }

    /// Messages sent and not yet taken up by this process.
    fn waiting(&self, process: Process) -> i64 {
        let of_process = |finished: &&Finished| {
            finished.process.key() == process.key() && finished.span.kind == SpanKind::Consumer as i32
        };
        self.unfinished.iter().filter(of_process).count() as i64
    }
}

/// The instruments of one process.
#[derive(Debug, Default)]
struct Meter {
    http: BTreeMap<(&'static str, &'static str, u16), HttpSeries>,
    rpc: BTreeMap<(&'static str, &'static str), ExponentialHistogram>,
    statements: BTreeMap<(&'static str, &'static str, &'static str), Histogram>,
    messages: BTreeMap<(&'static str, &'static str), i64>,
    revenue: f64,
    sells: bool,
    processor_seconds: f64,
    processor_seconds_before: f64,
    pauses: Pauses,
    collected_at: Option<u64>,
}

#[derive(Debug, Default)]
struct HttpSeries {
    requests: i64,
    durations: Histogram,
}

impl Meter {
    fn record(&mut self, finished: &Finished) {
        let span = &finished.span;
        match finished.measured {
            Measured::Nothing => return,
            Measured::Http { method, route, status } => {
                let series = self.http.entry((method, route, status)).or_default();
                series.requests += 1;
                series.durations.record(span);
            }
            Measured::Rpc { method, status } => self.rpc.entry((method, status)).or_default().record(span),
            Measured::Statement(statement) => {
                let key = (statement.store.name(), statement.operation, statement.collection);
                self.statements.entry(key).or_default().record(span);
            }
            Measured::Sent { topic, amount } => {
                *self.messages.entry(("messaging.client.sent.messages", topic.name)).or_default() += 1;
                self.revenue += amount;
                self.sells = true;
            }
            Measured::Taken { queue } => {
                *self.messages.entry(("messaging.client.consumed.messages", queue)).or_default() += 1;
            }
        }
        self.processor_seconds += (seconds(span) * BUSY_SHARE).min(0.02);
    }

    fn collect(&mut self, process: Process, moment: &Moment<'_>, rng: &mut ChaCha8Rng) -> Vec<(Library, Vec<Metric>)> {
        let whole_life = Period { start: process.life.since, end: moment.at };
        let since_last = Period { start: self.collected_at.unwrap_or(process.life.since), end: moment.at };
        self.collected_at = Some(moment.at);
        let mut groups = vec![
            (Library::HttpServer, self.http_metrics(process, moment, whole_life)),
            (Library::Rpc, self.rpc_metrics(since_last)),
            (Library::Database, self.statement_metrics(process, moment, (whole_life, since_last))),
            (Library::Messaging, self.message_metrics(process, moment, since_last)),
            (Library::Own, self.shop_metrics(whole_life)),
            (Library::Runtime, self.process_metrics(process, moment, (whole_life, since_last), rng)),
        ];
        groups.retain(|(_, metrics)| !metrics.is_empty());
        groups
    }

    fn http_metrics(&mut self, process: Process, moment: &Moment<'_>, period: Period) -> Vec<Metric> {
        if self.http.is_empty() {
            return Vec::new();
        }
        let mut counts = Vec::new();
        let mut durations = Vec::new();
        for (&(method, route, status), series) in &mut self.http {
            let attributes = vec![
                text("http.request.method", method),
                text("http.route", route),
                int("http.response.status_code", status),
                text("url.scheme", "http"),
            ];
            counts.push(whole(attributes.clone(), period, series.requests));
            durations.push(series.durations.point(attributes, period));
        }
        let active = moment.running(process, SpanKind::Server);
        let active = vec![whole(vec![text("url.scheme", "http")], period, active)];
        vec![
            counter("http.server.requests", "{request}", CUMULATIVE, counts),
            up_down("http.server.active_requests", "{request}", active),
            histogram("http.server.request.duration", CUMULATIVE, durations),
        ]
    }

    fn rpc_metrics(&mut self, period: Period) -> Vec<Metric> {
        let calls = std::mem::take(&mut self.rpc);
        let point = |((method, status), mut durations): ((&str, &str), ExponentialHistogram)| {
            let attributes = vec![
                text("rpc.system.name", "grpc"),
                text("rpc.method", method),
                text("rpc.response.status_code", status),
            ];
            durations.take_point(attributes, period)
        };
        let data_points: Vec<_> = calls.into_iter().map(point).collect();
        if data_points.is_empty() {
            return Vec::new();
        }
        let data =
            Data::ExponentialHistogram(ExponentialHistogramMetric { data_points, aggregation_temporality: DELTA });
        vec![metric("rpc.server.call.duration", "s", data)]
    }

    fn statement_metrics(
        &mut self,
        process: Process,
        moment: &Moment<'_>,
        (whole_life, since_last): (Period, Period),
    ) -> Vec<Metric> {
        let statements = std::mem::take(&mut self.statements);
        if statements.is_empty() {
            return Vec::new();
        }
        let point = |((store, operation, collection), mut durations): ((&str, &str, &str), Histogram)| {
            let attributes = vec![
                text("db.system.name", store),
                text("db.operation.name", operation),
                text("db.collection.name", collection),
            ];
            durations.point(attributes, since_last)
        };
        let durations = statements.into_iter().map(point).collect();
        let used = moment.running(process, SpanKind::Client).min(CONNECTIONS_MAX);
        let connections = [("used", used), ("idle", CONNECTIONS_MAX - used)];
        let connections = connections
            .map(|(state, count)| whole(vec![text("db.client.connection.state", state)], whole_life, count))
            .to_vec();
        vec![
            histogram("db.client.operation.duration", DELTA, durations),
            up_down("db.client.connection.count", "{connection}", connections),
        ]
    }

    fn message_metrics(&mut self, process: Process, moment: &Moment<'_>, period: Period) -> Vec<Metric> {
        let messages = std::mem::take(&mut self.messages);
        let mut metrics = Vec::new();
        for ((name, queue), count) in messages {
            let attributes = vec![text("messaging.system", "kafka"), text("messaging.destination.name", queue)];
            if name == "messaging.client.consumed.messages" {
                let depth = whole(attributes.clone(), period, moment.waiting(process));
                metrics.push(gauge("kafka.consumer_group.lag", "{message}", vec![depth]));
            }
            metrics.push(counter(name, "{message}", DELTA, vec![whole(attributes, period, count)]));
        }
        metrics
    }

    fn shop_metrics(&self, period: Period) -> Vec<Metric> {
        if !self.sells {
            return Vec::new();
        }
        let revenue = real(vec![text("currency", "EUR")], period, self.revenue);
        vec![counter("shop.checkout.revenue", "EUR", CUMULATIVE, vec![revenue])]
    }

    fn process_metrics(
        &mut self,
        process: Process,
        moment: &Moment<'_>,
        (whole_life, since_last): (Period, Period),
        rng: &mut ChaCha8Rng,
    ) -> Vec<Metric> {
        let elapsed = (since_last.end - since_last.start).max(1) as f64 / 1e9;
        self.processor_seconds += elapsed * 0.01 * (1.0 + rng.random::<f64>());
        let busy = (self.processor_seconds - self.processor_seconds_before) / elapsed;
        self.processor_seconds_before = self.processor_seconds;
        let by_mode = [("user", 0.8), ("system", 0.2)];
        let mode = |name| vec![text("cpu.mode", name)];
        let times = by_mode.map(|(name, share)| real(mode(name), whole_life, self.processor_seconds * share));
        let loads = by_mode.map(|(name, share)| real(mode(name), since_last, (busy * share).min(1.0)));

        let usual = moment.fleet.memory_bytes(process, moment.at);
        let limit = f64::from(process.profile().memory_limit_mib) * 1_048_576.0;
        let memory = (usual * (1.0 + 0.02 * normal(rng))).clamp(0.0, limit);
        let mut metrics = vec![
            counter("process.cpu.time", "s", CUMULATIVE, times.to_vec()),
            gauge("process.cpu.utilization", "1", loads.to_vec()),
            up_down("process.memory.usage", "By", vec![whole(Vec::new(), whole_life, memory as i64)]),
            gauge("k8s.pod.memory.usage", "By", vec![whole(Vec::new(), since_last, (memory * 1.04) as i64)]),
            gauge("k8s.pod.memory_limit_utilization", "1", vec![real(Vec::new(), since_last, memory / limit)]),
        ];
        if process.profile().language == Language::Java {
            metrics.push(self.pauses(whole_life, rng));
        }
        metrics
    }

    fn pauses(&mut self, period: Period, rng: &mut ChaCha8Rng) -> Metric {
        for _ in 0..rng.random_range(1..5) {
            self.pauses.record(0.004 * (0.7 * normal(rng)).exp());
        }
        let attributes = vec![text("gc", "G1 Young Generation"), text("cause", "G1 Evacuation Pause")];
        let data_points = vec![self.pauses.point(attributes, period)];
        metric("jvm.gc.pause", "s", Data::Summary(Summary { data_points }))
    }
}

fn resource_metrics(fleet: &Fleet, process: Process, groups: Vec<(Library, Vec<Metric>)>) -> ResourceMetrics {
    let scope_metrics = groups
        .into_iter()
        .map(|(library, metrics)| ScopeMetrics {
            scope: Some(fleet::scope(process, library)),
            metrics,
            schema_url: SCHEMA_URL.to_owned(),
        })
        .collect();
    ResourceMetrics { resource: Some(fleet.resource(process)), scope_metrics, schema_url: SCHEMA_URL.to_owned() }
}

pub(super) fn gauge(name: &str, unit: &str, data_points: Vec<NumberDataPoint>) -> Metric {
    metric(name, unit, Data::Gauge(Gauge { data_points }))
}

pub(super) fn counter(
    name: &str,
    unit: &str,
    aggregation_temporality: i32,
    data_points: Vec<NumberDataPoint>,
) -> Metric {
    metric(name, unit, Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic: true }))
}

pub(super) fn up_down(name: &str, unit: &str, data_points: Vec<NumberDataPoint>) -> Metric {
    metric(name, unit, Data::Sum(Sum { data_points, aggregation_temporality: CUMULATIVE, is_monotonic: false }))
}

fn histogram(name: &str, aggregation_temporality: i32, data_points: Vec<HistogramDataPoint>) -> Metric {
    metric(name, "s", Data::Histogram(HistogramMetric { data_points, aggregation_temporality }))
}

fn metric(name: &str, unit: &str, data: Data) -> Metric {
    let description = name.replace(['.', '_'], " ");
    Metric { name: name.to_owned(), description, unit: unit.to_owned(), metadata: Vec::new(), data: Some(data) }
}
