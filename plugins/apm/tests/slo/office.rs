//! A plane, its records and the plugin, and the time at which the job runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use apm::{Apm, evaluate_slos};
use arrow::array::RecordBatch;
use arrow::util::display::array_value_to_string;
use axum::body::Body;
use axum::{Extension, Router};
use bytes::Bytes;
use futures::TryStreamExt;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body_util::BodyExt;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use plane::{DataPlane, Payload};
use plugin::hub::audit::{AuditEntry, Trail};
use plugin::hub::cache::{self, Cache};
use plugin::hub::events::{self, Events};
use plugin::hub::outgoing::{self, Outgoing};
use plugin::hub::sealing::Keyring;
use plugin::hub::{self, Asking, Hub, Origin, Parts, Secret};
use plugin::model::{Tenant, Timestamp};
use plugin::query::{self, Asker, QueryEngine, Statement};
use plugin::records::{PAGE_MAX, Records, Sequence};
use plugin::{Plugin, PluginContext, PluginError, Shutdown, Telemetry, TelemetryWriter};
use serde_json::Value;
use store::MemoryStore;
use tower::ServiceExt;

use crate::shop::{ERROR, SERVER, now, resource_spans, send, span, traces};

const MILLISECOND: u64 = 1_000_000;
const MINUTE: u64 = 60_000 * MILLISECOND;
const KEY: &str = "0123456789abcdef0123456789abcdef";
const BEARER: &str = "Bearer 0123456789abcdef0123456789abcdef";
/// The job waits so long for a minute's spans.
const SETTLED: u64 = 20_000 * MILLISECOND;

/// Where people look after services.
pub(crate) struct Office {
    pub(crate) context: PluginContext,
    plane: Arc<DataPlane>,
    routes: Router,
    acme: Tenant,
    /// The minute that has just begun, in nanoseconds.
    minute: u64,
    sent: AtomicU64,
}

/// Some requests of one minute.
#[derive(Clone, Copy)]
pub(crate) struct Requests {
    pub(crate) service: &'static str,
    pub(crate) operation: &'static str,
    pub(crate) minutes_ago: u64,
    pub(crate) duration_ms: u64,
    pub(crate) good: u64,
    pub(crate) bad: u64,
}

impl Default for Requests {
    fn default() -> Self {
        let (service, operation) = ("checkout", "POST /checkout");
        Self { service, operation, minutes_ago: 1, duration_ms: 10, good: 0, bad: 0 }
    }
}

impl Office {
    pub(crate) fn open(visit: impl AsyncFnOnce(&Office)) {
        let config = query::Config { target_partitions: 1, ..query::Config::default() };
        let queries = query::runtime(&config).expect("a runtime");
        let requests = tokio::runtime::Runtime::new().expect("a runtime");
        requests.block_on(async {
            let directory = tempfile::tempdir().expect("a directory");
            let replay = |_: &plane::Envelope, _: Bytes| Err("nothing is replayed here".to_owned());
            let (settings, wal) = (plane::Config::default(), wal::Config::default());
            let store = Arc::new(MemoryStore::default());
            let plane = DataPlane::open(&settings, directory.path(), wal, store, Arc::new(replay), None).await;
            let plane = Arc::new(plane.expect("a new plane opens"));
            visit(&Self::new(plane, config, queries.handle().clone()).await).await;
        });
        queries.shutdown_background();
    }

    async fn new(plane: Arc<DataPlane>, config: query::Config, queries: tokio::runtime::Handle) -> Self {
        let (acme, records) = (Tenant::new("acme").expect("a name"), Records::in_memory().expect("records"));
        let plugins: Vec<Arc<dyn Plugin>> = vec![Arc::new(Apm::default())];
        let schemas = plugin::schemas(&plugins, &records).expect("tables");
        let engine = QueryEngine::new(Arc::clone(&plane), config, queries).expect("an engine").with_schemas(schemas);
        let written = Arc::clone(&plane);
        let context = PluginContext {
            process: "test".into(),
            engine,
            records: records.clone(),
            events: Events::new(&records, None, &events::Config::default()),
            cache: Cache::new(None, &cache::Config::default()),
            audit: Trail::new(plugin::hub::system_clock()),
            keyring: Arc::new(Keyring::new("0123456789abcdef".repeat(4).as_str()).expect("a key")),
            outgoing: Arc::new(Outgoing::new(&outgoing::Config::default()).expect("a client")),
            telemetry: TelemetryWriter::new(move |tenant, telemetry| {
                let plane = Arc::clone(&written);
                Box::pin(async move {
                    let Telemetry::Metrics(metrics) = telemetry else { panic!("only metrics are written") };
                    send(&plane, &tenant, Payload::Metrics, &metrics).await;
                    Ok::<_, PluginError>(())
                })
            }),
            stopping: Shutdown::new(),
        };
        let (routes, _) = Apm::default().routes(context.clone()).split_for_parts();
        let routes = routes.layer(Extension(acme.clone())).layer(Extension(asking(&acme).await));
        // An id of zeros is none.
        Self { context, plane, routes, acme, minute: now() / MINUTE * MINUTE, sent: AtomicU64::new(1) }
    }

    /// The requests arrive, whenever they were made.
    pub(crate) async fn requests(&self, requests: Requests) {
        let Requests { service, operation, minutes_ago, duration_ms, good, bad } = requests;
        let start = self.minute - minutes_ago * MINUTE + MINUTE / 2;
        let request = |number: u64| Span {
            trace_id: self.sent.fetch_add(1, Ordering::Relaxed).to_be_bytes().repeat(2),
            kind: SERVER,
            parent_span_id: Vec::new(),
            end_time_unix_nano: start + duration_ms * MILLISECOND,
            status: (number >= good).then(|| Status { code: ERROR, ..Status::default() }),
            ..span(1, 1, start, operation)
        };
        let spans = (0..good + bad).map(request).collect();
        let request = traces(vec![resource_spans(service, "1.0.0", spans)]);
        send(&self.plane, &self.acme, Payload::Traces, &request).await;
    }

    /// The job runs so many minutes after the office opened, when all minutes before are over.
    pub(crate) async fn evaluate(&self, minutes: i64) {
        let open = i64::try_from(self.minute + SETTLED).expect("before 2262");
        let time = Timestamp(open + minutes * i64::try_from(MINUTE).expect("a minute"));
        evaluate_slos(&self.context, time).await.expect("the records are there");
    }

    /// Status and answer.
    pub(crate) async fn send(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let (status, body) = self.send_text(method, path, "application/json", body.to_string()).await;
        (status, serde_json::from_str(&body).unwrap_or_default())
    }

    /// The same of any type of text.
    pub(crate) async fn send_text(&self, method: &str, path: &str, kind: &str, body: String) -> (u16, String) {
        let request = Request::builder().method(method).uri(path).header("content-type", kind);
        let request = request.body(Body::from(body)).expect("a request");
        let response = self.routes.clone().oneshot(request).await.expect("routes always answer");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        (status, String::from_utf8(body.to_vec()).expect("a text"))
    }

    async fn answer(&self, method: &str, path: &str, body: &Value, expected: u16) -> Value {
        let (status, told) = self.send(method, path, body).await;
        assert_eq!(status, expected, "{method} {path}: {told}");
        told
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.answer("GET", path, &Value::Null, 200).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Value {
        self.answer("POST", path, body, 201).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Value {
        self.answer("PUT", path, body, 200).await
    }

    /// What the tenant's audit trail says was done, and to what.
    pub(crate) async fn audited(&self) -> Vec<String> {
        let trail = self.context.records.log::<AuditEntry>().read(&self.acme, Sequence(0), PAGE_MAX).await;
        let entries = trail.expect("a trail").into_iter().map(|entry| entry.body);
        entries.map(|entry| format!("{} {}", entry.action, entry.subject)).collect()
    }

    /// The rows of the tenant's answer, as text.
    pub(crate) async fn sql(&self, sql: &str) -> String {
        self.sql_of("acme", sql).await
    }

    /// The same for any tenant.
    pub(crate) async fn sql_of(&self, tenant: &str, sql: &str) -> String {
        let asker = Asker::new(Tenant::new(tenant).expect("a name"));
        let rows = self.context.engine.sql(&asker, Statement::new(sql)).await;
        let batches: Vec<RecordBatch> = rows.expect("an answer").try_collect().await.expect("rows");
        let row = |batch: &RecordBatch, row: usize| {
            let cells = batch.columns().iter().map(|column| array_value_to_string(column, row).expect("a text"));
            cells.collect::<Vec<_>>().join(",")
        };
        let lines = batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |at| row(batch, at)));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// A program of the tenant's; the hub that knows it has records of its own.
async fn asking(tenant: &Tenant) -> Asking {
    let parts = Parts {
        records: Records::in_memory().expect("records"),
        ring: Arc::new(Keyring::new(&"0123456789abcdef".repeat(4)).expect("a key")),
        outgoing: Outgoing::new(&outgoing::Config::default()).expect("a client"),
        configured_keys: vec![(tenant.clone(), Secret::new(KEY))],
        issuers: Vec::new(),
        clock: hub::system_clock(),
    };
    let (hub, _) = Hub::open(hub::Config::default(), parts).await.expect("a hub");
    let key = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(BEARER))]);
    let caller = hub.access().caller(&Method::GET, &key, None).expect("a caller");
    Asking::new(caller, Origin::default())
}
