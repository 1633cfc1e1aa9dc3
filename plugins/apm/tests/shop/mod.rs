//! A plane with the spans of a small shop, and the routes of the plugin over it.

use std::sync::Arc;

use apm::Apm;
use axum::body::Body;
use axum::{Extension, Router};
use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use ingest::decode;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use plane::{DataPlane, Payload};
use plugin::hub::cache::{self, Cache};
use plugin::hub::events::{self, Events};
use plugin::hub::outgoing::{self, Outgoing};
use plugin::model::{Tenant, Timestamp};
use plugin::query::{self, QueryEngine};
use plugin::records::Records;
use plugin::{Plugin, PluginContext, TelemetryWriter};
use prost::Message;
use serde_json::Value;
use store::MemoryStore;
use tower::ServiceExt;

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1000 * MILLISECOND;

pub(crate) const SERVER: i32 = 2;
const CLIENT: i32 = 3;
pub(crate) const ERROR: i32 = 2;

/// The shop, and who asks.
pub(crate) struct Shop {
    routes: Router,
}

/// One checkout: what differs from the others.
struct Checkout {
    number: u8,
    version: &'static str,
    duration: u64,
    /// `http.response.status_code`; 500 is an error.
    status: i64,
    attributes: Vec<KeyValue>,
    /// How the payment failed.
    declined: Option<(Vec<KeyValue>, Vec<Event>)>,
}

impl Shop {
    /// Opens the shop, and closes it after the visit.
    pub(crate) fn visit(visit: impl AsyncFnOnce(&Shop)) {
        let config = query::Config { target_partitions: 1, ..query::Config::default() };
        let queries = query::runtime(&config).expect("a runtime");
        let requests = tokio::runtime::Runtime::new().expect("a runtime");
        requests.block_on(async {
            let directory = tempfile::tempdir().expect("a directory");
            let shop = Shop::open(directory.path(), config, queries.handle().clone()).await;
            visit(&shop).await;
        });
        queries.shutdown_background();
    }

    async fn open(directory: &std::path::Path, config: query::Config, queries: tokio::runtime::Handle) -> Self {
        let acme = Tenant::new("acme").expect("a name");
        let replay = |_: &plane::Envelope, _: Bytes| Err("nothing is replayed here".to_owned());
        let (settings, wal) = (plane::Config::default(), wal::Config::default());
        let store = Arc::new(MemoryStore::default());
        let plane = DataPlane::open(&settings, directory, wal, store, Arc::new(replay), None).await;
        let plane = Arc::new(plane.expect("a new plane opens"));
        fill(&plane, &acme).await;
        let hidden = traces(vec![resource_spans("hidden", "1.0.0", vec![span(9, 1, now(), "of another tenant")])]);
        send(&plane, &Tenant::default_tenant(), Payload::Traces, &hidden).await;
        let records = Records::in_memory().expect("records");
        let context = PluginContext {
            process: "test".into(),
            engine: QueryEngine::new(plane, config, queries).expect("an engine"),
            records: records.clone(),
            events: Events::new(&records, None, &events::Config::default()),
            cache: Cache::new(None, &cache::Config::default()),
            outgoing: Arc::new(Outgoing::new(&outgoing::Config::default()).expect("a client")),
            telemetry: TelemetryWriter::new(|_, _| Box::pin(async { Ok(()) })),
        };
        let (routes, _) = Apm.routes(context).split_for_parts();
        Self { routes: routes.layer(Extension(acme)) }
    }

    /// Status and answer.
    pub(crate) async fn ask(&self, path: &str) -> (u16, Value) {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let response = self.routes.clone().oneshot(request).await.expect("routes always answer");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let told = serde_json::from_slice(&body);
        (status, told.unwrap_or_else(|_| panic!("{path}: {status}, {}", String::from_utf8_lossy(&body))))
    }

    /// An answer that there must be.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, told) = self.ask(path).await;
        assert_eq!(status, 200, "{path}: {told}");
        told
    }

    /// Id of the trace of this checkout.
    pub(crate) fn trace(&self, number: u8) -> String {
        format!("{:02x}", number + 1).repeat(16)
    }

    /// Id of a trace without a root.
    pub(crate) fn broken_trace(&self) -> String {
        self.trace(99)
    }
}

/// Four checkouts, one a minute, the last one a minute ago, and a trace that is broken.
async fn fill(plane: &DataPlane, tenant: &Tenant) {
    let declined = |card: &str, order: &str, id: &str| {
        let message = format!("card '{card}' of order {order} was declined, can't retry {id}");
        let attributes = vec![text("exception.type", "CardDeclined"), text("exception.message", &message)];
        let event = Event { name: "exception".to_owned(), attributes, ..Event::default() };
        Some((Vec::new(), vec![event]))
    };
    let plain = |number: u8, duration: u64| Checkout {
        number,
        version: "2.0.0",
        duration: duration * MILLISECOND,
        status: 200,
        attributes: Vec::new(),
        declined: None,
    };
    let customer = vec![text("shop.customer", "it's")];
    let first = declined("gold", "17", "4bf92f35-77b3-4da6-a3ce-929d0e0e4736");
    let checkouts = [
        Checkout { version: "1.0.0", attributes: customer, declined: first, ..plain(0, 100) },
        Checkout { declined: declined("blue", "4711", "0xdeadbeef"), ..plain(1, 100) },
        Checkout { declined: Some((vec![text("error.type", "timeout")], Vec::new())), ..plain(2, 1000) },
        Checkout { status: 500, ..plain(3, 100) },
    ];
    for checkout in checkouts {
        send(plane, tenant, Payload::Traces, &checkout.spans()).await;
    }
    let broken = vec![
        Span { parent_span_id: vec![77; 8], ..span(99, 1, now() - SECOND, "lost") },
        Span { parent_span_id: vec![2; 8], ..span(99, 2, now() - SECOND, "in circles") },
    ];
    send(plane, tenant, Payload::Traces, &traces(vec![resource_spans("payments", "2.0.0", broken)])).await;
    let line = LogRecord { time_unix_nano: now(), trace_id: vec![1; 16], ..LogRecord::default() };
    let scope_logs = vec![ScopeLogs { log_records: vec![line], ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    send(plane, tenant, Payload::Logs, &ExportLogsServiceRequest { resource_logs }).await;
}

impl Checkout {
    /// A request that asks a database, then another service.
    fn spans(self) -> ExportTraceServiceRequest {
        let Self { number, version, duration, status, mut attributes, declined } = self;
        let start = now() - (4 - u64::from(number)) * 60 * SECOND;
        let failed = |is_error: bool| is_error.then(|| Status { code: ERROR, ..Status::default() });
        attributes.push(integer("http.response.status_code", status));
        let root = Span {
            kind: SERVER,
            parent_span_id: Vec::new(),
            end_time_unix_nano: start + duration,
            attributes,
            status: failed(status == 500),
            ..span(number, 1, start, "POST /checkout")
        };
        let database = Span {
            kind: CLIENT,
            attributes: vec![text("db.system.name", "postgresql"), text("db.namespace", "orders")],
            ..span(number, 2, start + 10 * MILLISECOND, "SELECT orders")
        };
        let call = Span {
            kind: CLIENT,
            end_time_unix_nano: start + 60 * MILLISECOND,
            ..span(number, 3, start + 30 * MILLISECOND, "POST /pay")
        };
        let is_declined = declined.is_some();
        let (attributes, events) = declined.unwrap_or_default();
        let payment = Span {
            kind: SERVER,
            parent_span_id: vec![3; 8],
            attributes,
            events,
            status: failed(is_declined),
            ..span(number, 4, start + 35 * MILLISECOND, "POST /pay")
        };
        traces(vec![
            resource_spans("checkout", version, vec![root, database, call]),
            resource_spans("payments", "2.0.0", vec![payment]),
        ])
    }
}

/// A span of ten milliseconds below the first one of its trace.
pub(crate) fn span(trace: u8, number: u8, start: u64, name: &str) -> Span {
    Span {
        trace_id: vec![trace + 1; 16],
        span_id: vec![number; 8],
        parent_span_id: vec![1; 8],
        name: name.to_owned(),
        kind: 1,
        start_time_unix_nano: start,
        end_time_unix_nano: start + 10 * MILLISECOND,
        ..Span::default()
    }
}

pub(crate) fn resource_spans(service: &str, version: &str, spans: Vec<Span>) -> ResourceSpans {
    let attributes = vec![
        text("service.name", service),
        text("service.version", version),
        text("service.instance.id", &format!("{service}-1")),
        text("telemetry.sdk.language", "rust"),
    ];
    ResourceSpans {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    }
}

pub(crate) fn traces(resource_spans: Vec<ResourceSpans>) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest { resource_spans }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Any::StringValue(value.to_owned()))
}

fn integer(key: &str, value: i64) -> KeyValue {
    attribute(key, Any::IntValue(value))
}

fn attribute(key: &str, value: Any) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

pub(crate) fn now() -> u64 {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock");
    u64::try_from(since_1970.as_nanos()).expect("before 2554")
}

pub(crate) async fn send(plane: &DataPlane, tenant: &Tenant, payload: Payload, request: &impl Message) {
    let body: Bytes = request.encode_to_vec().into();
    let decoded = decode(payload, &body, Timestamp(0)).expect("a request of our own");
    let envelope = plane::Envelope {
        tenant: tenant.clone(),
        payload,
        encoding: plane::Encoding::Protobuf,
        received: Timestamp(0),
        rejected: 0,
        refused_rows: Vec::new(),
    };
    plane.append(plane::Decoded { envelope, body, batches: decoded.batches }).await.expect("the plane takes rows");
}
