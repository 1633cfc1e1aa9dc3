//! The platform watches itself: its spans, logs and metrics go through its own ingest, to the tenant `system`.
//!
//! No loop: what writing this telemetry causes is counted in metrics, never logged or traced at a level that is exported.

use std::io::IsTerminal;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hub::Hub;
use hub::cache::Cache;
use hub::events::{Counts, Events};
use ingest::{Quotas, Telemetry};
use model::Tenant;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry::trace::TracerProvider;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::logs::tonic::group_logs_by_resource_and_scope;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::{LogBatch, LogExporter, SdkLoggerProvider};
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use plane::{DataPlane, Payload};
use prost::Message;
use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt, reload};

use crate::config::{Config, LogFormat, OwnTelemetryConfig};
use crate::platform::Platform;
use crate::products;

/// Exports what the program says of itself, from `watch` until `stop`.
pub(crate) struct OwnTelemetry {
    sink: Sink,
    providers: Option<Providers>,
    /// Of standard error.
    pub(crate) lines: Lines,
}

/// Which lines go to standard error.
#[derive(Clone, Debug)]
pub(crate) struct Lines(reload::Handle<EnvFilter, Registry>);

impl Lines {
    /// Lets these through from now on.
    pub(crate) fn exchange(&self, filter: EnvFilter) {
        self.0.reload(filter).expect("the program's subscriber is never dropped");
    }
}

struct Providers {
    tracer: SdkTracerProvider,
    logger: SdkLoggerProvider,
    meter: SdkMeterProvider,
}

impl OwnTelemetry {
    /// Sets up logging to standard error, and export unless it is switched off.
    pub(crate) fn start(config: &Config) -> anyhow::Result<Self> {
        let sink = Sink::default();
        let (filter, exchange) = reload::Layer::new(config.log.filter()?);
        let exchange = Lines(exchange);
        let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
        let lines = match config.log.format {
            LogFormat::Text => lines.with_target(false).boxed(),
            LogFormat::Json => lines.json().boxed(),
        };
        let registry = tracing_subscriber::registry().with(lines.with_filter(filter));
        if !config.own_telemetry.enabled {
            registry.try_init()?;
            return Ok(Self { sink, providers: None, lines: exchange });
        }
        let providers = Providers::new(&sink, &config.own_telemetry);
        let spans = tracing_opentelemetry::layer().with_tracer(providers.tracer.tracer("observatory"));
        let logs = OpenTelemetryTracingBridge::new(&providers.logger);
        // Info and above: every request's own events are below, or writing them would make more of them.
        registry.with(spans.with_filter(LevelFilter::INFO)).with(logs.with_filter(LevelFilter::INFO)).try_init()?;
        Ok(Self { sink, providers: Some(providers), lines: exchange })
    }

    /// Begins to write into the plane, and to report on it and its receivers.
    pub(crate) fn watch(
        &self,
        plane: &Arc<DataPlane>,
        ingest: &Arc<Telemetry>,
        quotas: &Arc<Quotas>,
        platform: &Platform,
    ) {
        let _ = self.sink.0.set(Arc::clone(plane));
        if let Some(providers) = &self.providers {
            observe_ingest(&providers.meter, ingest);
            observe_quotas(&providers.meter, quotas);
            observe_plane(&providers.meter, plane);
            observe_hub(&providers.meter, &platform.hub);
            observe_events(&providers.meter, &platform.events);
            observe_cache(&providers.meter, &platform.cache);
            observe_process(&providers.meter);
        }
    }

    /// Writes what is left. The plane is still open.
    pub(crate) fn stop(self) {
        if let Some(Providers { tracer, logger, meter }) = self.providers {
            // Failures here have nowhere to go but the lines that are written anyway.
            let _ = tracer.shutdown();
            let _ = meter.shutdown();
            let _ = logger.shutdown();
        }
    }
}

impl Providers {
    fn new(sink: &Sink, config: &OwnTelemetryConfig) -> Self {
        let metrics_every = Duration::from_secs(config.metrics_seconds);
        let resource = Resource::builder()
            .with_service_name(config.service_name.clone())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let exporter = || Exporter { sink: sink.clone(), resource: resource.clone() };
        let reader = PeriodicReader::builder(exporter()).with_interval(metrics_every).build();
        Self {
            tracer: SdkTracerProvider::builder()
                .with_resource(resource.clone())
                .with_batch_exporter(exporter())
                .build(),
            logger: SdkLoggerProvider::builder()
                .with_resource(resource.clone())
                .with_batch_exporter(exporter())
                .build(),
            meter: SdkMeterProvider::builder().with_resource(resource.clone()).with_reader(reader).build(),
        }
    }
}

/// The plane, once it is open; what is said before goes to standard error only.
#[derive(Clone, Debug, Default)]
struct Sink(Arc<OnceLock<Arc<DataPlane>>>);

impl Sink {
    async fn write(&self, payload: Payload, request: impl Message) -> OTelSdkResult {
        let Some(plane) = self.0.get() else { return Ok(()) };
        let written = products::append(plane, Tenant::system(), payload, &request).await;
        written.map_err(|cause| OTelSdkError::InternalFailure(cause.to_string()))
    }
}

#[derive(Clone, Debug)]
struct Exporter {
    sink: Sink,
    resource: Resource,
}

impl Exporter {
    fn resource(&self) -> ResourceAttributesWithSchema {
        ResourceAttributesWithSchema::from(&self.resource)
    }
}

impl SpanExporter for Exporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource());
        self.sink.write(Payload::Traces, ExportTraceServiceRequest { resource_spans }).await
    }
}

impl LogExporter for Exporter {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let resource_logs = group_logs_by_resource_and_scope(&batch, &self.resource());
        self.sink.write(Payload::Logs, ExportLogsServiceRequest { resource_logs }).await
    }
}

impl PushMetricExporter for Exporter {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        self.sink.write(Payload::Metrics, ExportMetricsServiceRequest::from(metrics)).await
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

fn observe_quotas(meters: &SdkMeterProvider, quotas: &Arc<Quotas>) {
    let meter = meters.meter("ingest");
    let gauge = |name, description, value: fn(&ingest::Usage) -> u64| {
        let of = Arc::clone(quotas);
        meter
            .u64_observable_gauge(name)
            .with_description(description)
            .with_callback(move |observer| {
                for usage in of.usage() {
                    let labels =
                        [KeyValue::new("tenant", usage.tenant.to_string()), KeyValue::new("quota", usage.quota)];
                    observer.observe(value(&usage), &labels);
                }
            })
            .build();
    };
    gauge("observatory.quota.used", "How much of a tenant's quota is used", |usage| usage.used);
    gauge("observatory.quota.limit", "A tenant's quota", |usage| usage.limit);
    gauge("observatory.quota.refused", "Requests or rows refused for a quota since the start", |usage| usage.refused);
}

fn observe_ingest(meters: &SdkMeterProvider, ingest: &Arc<Telemetry>) {
    let meter = meters.meter("ingest");
    let of = Arc::clone(ingest);
    meter
        .u64_observable_counter("observatory.ingest.rows")
        .with_unit("{row}")
        .with_description("Rows taken")
        .with_callback(move |observer| {
            for (payload, rows) in of.rows() {
                let payload = match payload {
                    Payload::Traces => "traces",
                    Payload::Logs => "logs",
                    Payload::Metrics => "metrics",
                };
                observer.observe(rows, &[KeyValue::new("payload", payload)]);
            }
        })
        .build();
    let of = Arc::clone(ingest);
    meter
        .u64_observable_counter("observatory.ingest.items.refused")
        .with_unit("{item}")
        .with_description("Items refused, or mended and kept, by reason")
        .with_callback(move |observer| {
            for (reason, items) in of.items() {
                let stored = !reason.refuses();
                observer.observe(items, &[KeyValue::new("reason", reason.name()), KeyValue::new("stored", stored)]);
            }
        })
        .build();
    let of = Arc::clone(ingest);
    let about = ("observatory.ingest.requests.refused", "{request}", "Requests refused as a whole, by reason");
    counter(&meter, about, "reason", move || named(of.refusals()));
    let of = Arc::clone(ingest);
    meter
        .u64_observable_counter("observatory.ingest.requests")
        .with_unit("{request}")
        .with_description("Requests answered with success")
        .with_callback(move |observer| observer.observe(of.requests(), &[]))
        .build();
}

fn observe_plane(meters: &SdkMeterProvider, plane: &Arc<DataPlane>) {
    let meter = meters.meter("plane");
    type Read = fn(&plane::Status) -> u64;
    let gauges: [(&'static str, &'static str, Read); 7] = [
        ("observatory.plane.memory.usage", "By", |status| status.memory_bytes as u64),
        ("observatory.plane.memory.limit", "By", |status| status.memory_bytes_max as u64),
        ("observatory.plane.rows.live", "{row}", |status| status.rows_live as u64),
        ("observatory.plane.segments.waiting", "{segment}", |status| status.segments_waiting as u64),
        ("observatory.wal.frames.waiting", "{frame}", |status| status.frames_waiting),
        ("observatory.wal.usage", "By", |status| status.wal_bytes),
        ("observatory.wal.segments", "{file}", |status| status.wal_segments as u64),
    ];
    for (name, unit, read) in gauges {
        // Weak: metrics must not keep the plane from closing.
        let of = Arc::downgrade(plane);
        meter
            .u64_observable_gauge(name)
            .with_unit(unit)
            .with_callback(move |observer| {
                if let Some(plane) = of.upgrade() {
                    observer.observe(read(&plane.status()), &[]);
                }
            })
            .build();
    }
    let counters: [(&'static str, &'static str, Read); 6] = [
        ("observatory.plane.rows.appended", "{row}", |status| status.rows_appended),
        ("observatory.plane.rows.flushed", "{row}", |status| status.rows_flushed),
        ("observatory.plane.segments.flushed", "{segment}", |status| status.segments_flushed),
        ("observatory.plane.flush.failures", "{failure}", |status| status.flush_failures),
        ("observatory.wal.frames.replayed", "{frame}", |status| status.frames_replayed),
        ("observatory.wal.frames.corrupt", "{frame}", |status| status.frames_corrupt),
    ];
    for (name, unit, read) in counters {
        let of = Arc::downgrade(plane);
        meter
            .u64_observable_counter(name)
            .with_unit(unit)
            .with_callback(move |observer| {
                if let Some(plane) = of.upgrade() {
                    observer.observe(read(&plane.status()), &[]);
                }
            })
            .build();
    }
}

fn observe_hub(meters: &SdkMeterProvider, hub: &Arc<Hub>) {
    let meter = meters.meter("hub");
    let of = Arc::clone(hub);
    let about = ("observatory.hub.sign_ins", "{sign-in}", "Sign-ins with a password, by outcome");
    counter(&meter, about, "outcome", move || {
        let told = of.telemetry();
        named([("in", told.sign_ins()), ("refused", told.sign_ins_refused())])
    });
    let of = Arc::clone(hub);
    let about = ("observatory.hub.sessions.ended", "{session}", "Sessions that were ended for a reason");
    counter(&meter, about, "reason", move || {
        named([("refresh_token_came_twice", of.telemetry().refresh_tokens_stolen())])
    });
    let of = Arc::clone(hub);
    let about =
        ("observatory.hub.requests.refused", "{request}", "Requests to the API that were not let in, by reason");
    counter(&meter, about, "reason", move || named(of.telemetry().refusals()));
}

fn observe_events(meters: &SdkMeterProvider, events: &Events) {
    let meter = meters.meter("events");
    let of = events.clone();
    let about = ("observatory.events.deliveries", "{event}", "Events between products, by what became of them");
    counter(&meter, about, "outcome", move || {
        let Counts { delivered, failed, dead, taken_over, .. } = of.counts();
        named([("delivered", delivered), ("failed", failed), ("dead", dead), ("taken_over", taken_over)])
    });
    let of = events.clone();
    let about =
        ("observatory.events.missed", "{event}", "Events dropped over events.kept_max before a consumer read them");
    counter(&meter, about, "consumer", move || of.counts().missed.into_iter().collect());
}

fn observe_cache(meters: &SdkMeterProvider, cache: &Cache) {
    let of = cache.clone();
    let about = ("observatory.cache.lookups", "{lookup}", "What was asked of the cache, by outcome");
    counter(&meters.meter("cache"), about, "outcome", move || {
        let counts = of.counts();
        named([("hit", counts.hits), ("miss", counts.misses), ("away", counts.away), ("too_large", counts.too_large)])
    });
}

/// A counter (name, unit, description) that is read when metrics are taken: a number for each value of the label.
fn counter(
    meter: &Meter,
    (name, unit, description): (&'static str, &'static str, &'static str),
    label: &'static str,
    read: impl Fn() -> Vec<(String, u64)> + Send + Sync + 'static,
) {
    meter
        .u64_observable_counter(name)
        .with_unit(unit)
        .with_description(description)
        .with_callback(move |observer| {
            for (value, count) in read() {
                observer.observe(count, &[KeyValue::new(label, value)]);
            }
        })
        .build();
}

fn named(counts: impl IntoIterator<Item = (&'static str, u64)>) -> Vec<(String, u64)> {
    counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

/// The process, by the semantic conventions' names, as Linux tells it.
fn observe_process(meters: &SdkMeterProvider) {
    let meter = meters.meter("process");
    meter
        .u64_observable_gauge("process.memory.usage")
        .with_unit("By")
        .with_callback(|observer| {
            if let Some(bytes) = resident_bytes() {
                observer.observe(bytes, &[]);
            }
        })
        .build();
    meter
        .f64_observable_counter("process.cpu.time")
        .with_unit("s")
        .with_callback(|observer| {
            for (mode, seconds) in processor_seconds().into_iter().flatten() {
                observer.observe(seconds, &[KeyValue::new("cpu.mode", mode)]);
            }
        })
        .build();
}

fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

fn processor_seconds() -> Option<[(&'static str, f64); 2]> {
    /// Ticks of /proc: USER_HZ is 100 on every Linux that Rust runs on.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name, in parentheses, may hold spaces: fields are counted after it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut seconds = || Some(fields.next()?.parse::<f64>().ok()? / TICKS_PER_SECOND);
    Some([("user", seconds()?), ("system", seconds()?)])
}
