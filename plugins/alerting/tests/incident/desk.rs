//! The routes and the worker of incidents over real records and a real engine, with a clock that stands where it is put.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use alerting::{Alerting, Config};
use arrow::array::RecordBatch;
use arrow::util::display::array_value_to_string;
use axum::body::Body;
use axum::{Extension, Router};
use bytes::Bytes;
use futures::TryStreamExt;
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body_util::BodyExt;
use plane::{DataPlane, Encoding, Envelope, Payload};
use plugin::hub::audit::{AuditEntry, Trail};
use plugin::hub::cache::{self, Cache};
use plugin::hub::events::{self, Deliveries, Events};
use plugin::hub::outgoing::{self, Outgoing};
use plugin::hub::sealing::Keyring;
use plugin::hub::{Asking, Caller, Clock, Hub, Origin, Parts, Secret};
use plugin::model::{Tenant, Timestamp};
use plugin::query::{self, Asker, QueryEngine, Statement};
use plugin::records::{PAGE_MAX, Records, Sequence};
use plugin::{Host, Plugin, PluginContext, Running, Shutdown, TelemetryWriter};
use prost::Message;
use serde_json::Value;
use store::MemoryStore;
use tower::ServiceExt;

/// Monday, 2026-11-23T00:00:00Z.
const START: i64 = 1_795_392_000_000_000_000;
const MINUTE: i64 = 60_000_000_000;
const WITHIN: Duration = Duration::from_secs(60);
const KEY: &str = "0123456789abcdef0123456789abcdef";
const BEARER: &str = "Bearer 0123456789abcdef0123456789abcdef";

/// Where people of the tenant `acme` work on incidents.
pub(crate) struct Desk {
    routes: Router,
    context: PluginContext,
    plane: Arc<DataPlane>,
    config: Config,
    now: Arc<AtomicI64>,
    told: tokio::sync::Mutex<Deliveries>,
}

impl Desk {
    /// Opens it for a while; `files` has the policy, if there is one.
    pub(crate) fn visit(files: Option<&Path>, visit: impl AsyncFnOnce(&Desk)) {
        let config = query::Config { target_partitions: 1, ..query::Config::default() };
        let queries = query::runtime(&config).expect("a runtime");
        let requests = tokio::runtime::Runtime::new().expect("a runtime");
        requests.block_on(async {
            let directory = tempfile::tempdir().expect("a directory");
            let settings = Config { directory: files.map(Path::to_owned), ..Config::default() };
            let desk = Desk::open(directory.path(), settings, config, queries.handle().clone()).await;
            visit(&desk).await;
        });
        queries.shutdown_background();
    }

    async fn open(
        directory: &Path,
        config: Config,
        queries_config: query::Config,
        queries: tokio::runtime::Handle,
    ) -> Self {
        let now = Arc::new(AtomicI64::new(START));
        let replay = |_: &plane::Envelope, _: Bytes| Err("nothing is replayed here".to_owned());
        let (settings, wal) = (plane::Config::default(), wal::Config::default());
        let store = Arc::new(MemoryStore::default());
        let plane = DataPlane::open(&settings, directory, wal, store, Arc::new(replay), None).await;
        let plane = Arc::new(plane.expect("a new plane opens"));
        let records = Records::in_memory().expect("records");
        let plugins: Vec<Arc<dyn Plugin>> = vec![Arc::new(Alerting::new(config.clone()))];
        let schemas = plugin::schemas(&plugins, &records).expect("tables");
        let engine = QueryEngine::new(Arc::clone(&plane), queries_config, queries);
        let events = Events::new(&records, None, &events::Config::default());
        let context = PluginContext {
            process: "test".into(),
            engine: engine.expect("an engine").with_schemas(schemas),
            records: records.clone(),
            events: events.clone(),
            cache: Cache::new(None, &cache::Config::default()),
            audit: Trail::new(plugin::hub::system_clock()),
            keyring: Arc::new(Keyring::new("0123456789abcdef".repeat(4).as_str()).expect("a key")),
            outgoing: Arc::new(Outgoing::new(&outgoing::Config::default()).expect("a client")),
            telemetry: TelemetryWriter::new(|_, _| Box::pin(async { Ok(()) })),
            stopping: Shutdown::new(),
        };
        let told = events.subscribe("test", &["alerting.incident.told"]).expect("a name");
        tokio::spawn(async move { events.run(std::future::pending()).await });
        let caller = caller(&records).await;
        let asking = Asking::new(caller.clone(), Origin::default());
        let plugin = Alerting::new(config.clone()).with_clock(clock(&now));
        let (routes, _) = plugin.routes(context.clone()).split_for_parts();
        let routes = routes.layer(Extension(caller.tenant().clone())).layer(Extension(asking)).layer(Extension(caller));
        Self { routes, context, plane, config, now, told: tokio::sync::Mutex::new(told) }
    }

    /// Another process that escalates.
    pub(crate) fn process(&self) -> Running {
        let plugin: Arc<dyn Plugin> = Arc::new(Alerting::new(self.config.clone()).with_clock(clock(&self.now)));
        Host::new(vec![plugin], &self.context).expect("a name").start()
    }

    /// Takes telemetry of a tenant in; it is there when this returns.
    pub(crate) async fn send(&self, tenant: &str, payload: Payload, request: &impl Message) {
        let (tenant, body) = (Tenant::new(tenant).expect("a name"), Bytes::from(request.encode_to_vec()));
        let (received, encoding) = ((plugin::hub::system_clock())(), Encoding::Protobuf);
        let envelope = Envelope { tenant, payload, encoding, received, rejected: 0, refused_rows: Vec::new() };
        let batches = ingest::replay(&envelope, &body).expect("telemetry");
        self.plane.append(plane::Decoded { envelope, body, batches }).await.expect("there is room");
    }

    /// Waits until so many alerts have fired.
    pub(crate) async fn alerts_fire(&self, count: usize) {
        let mut fired = self.context.events.subscribe("fired", &["alerting.alert.firing"]).expect("a name");
        for _ in 0..count {
            tokio::time::timeout(WITHIN, fired.next()).await.expect("in time").expect("an event").ack();
        }
    }

    /// Moves the clock on.
    pub(crate) fn pass_minutes(&self, minutes: i64) {
        self.now.fetch_add(minutes * MINUTE, Ordering::SeqCst);
    }

    /// Waits until somebody was told of something.
    pub(crate) async fn somebody_is_told(&self) {
        let mut told = self.told.lock().await;
        tokio::time::timeout(WITHIN, told.next()).await.expect("in time").expect("an event").ack();
    }

    /// Status and answer.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let response = self.routes.clone().oneshot(request.body(body).expect("a request")).await;
        let response = response.expect("routes always answer");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let text = || Value::String(String::from_utf8_lossy(&body).into_owned());
        (status, serde_json::from_slice(&body).unwrap_or_else(|_| text()))
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, told) = self.ask(Method::GET, path, None).await;
        assert_eq!(status, 200, "{path}: {told}");
        told
    }

    /// Posts what must be taken.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        let (status, told) = self.ask(Method::POST, path, Some(body)).await;
        assert!((200..300).contains(&status), "{path}: {status}, {told}");
        told
    }

    /// What the trail of `acme` says of incidents: who, and what.
    pub(crate) async fn audited(&self) -> Vec<(String, String)> {
        let acme = Tenant::new("acme").expect("a name");
        let trail = self.context.records.log::<AuditEntry>().read(&acme, Sequence(0), PAGE_MAX).await;
        let entries = trail.expect("a trail").into_iter().map(|entry| entry.body);
        let of_incidents = entries.filter(|entry| entry.subject.starts_with("incident/"));
        of_incidents.map(|entry| (entry.who, entry.action)).collect()
    }

    /// Rows of an answer, as text.
    pub(crate) async fn sql(&self, tenant: &str, sql: &str) -> Vec<Vec<String>> {
        let asker = Asker::new(Tenant::new(tenant).expect("a name"));
        let rows = self.context.engine.sql(&asker, Statement::new(sql)).await.expect("an answer");
        let batches: Vec<RecordBatch> = rows.try_collect().await.expect("rows");
        let row = |batch: &RecordBatch, row: usize| {
            let columns = batch.columns().iter();
            columns.map(|column| array_value_to_string(column, row).expect("a text")).collect()
        };
        batches.iter().flat_map(|batch| (0..batch.num_rows()).map(|at| row(batch, at)).collect::<Vec<_>>()).collect()
    }
}

fn clock(now: &Arc<AtomicI64>) -> Clock {
    let now = Arc::clone(now);
    Arc::new(move || Timestamp(now.load(Ordering::SeqCst)))
}

/// A program of the tenant `acme`.
async fn caller(records: &Records) -> Caller {
    let acme = Tenant::new("acme").expect("a name");
    let parts = Parts {
        records: records.clone(),
        ring: Arc::new(Keyring::new(&"0123456789abcdef".repeat(4)).expect("a key")),
        outgoing: Outgoing::new(&outgoing::Config::default()).expect("a client"),
        configured_keys: vec![(acme, Secret::new(KEY))],
        issuers: Vec::new(),
        clock: plugin::hub::system_clock(),
    };
    let (hub, _) = Hub::open(plugin::hub::Config::default(), parts).await.expect("a hub");
    let key = HeaderMap::from_iter([(http::header::AUTHORIZATION, HeaderValue::from_static(BEARER))]);
    hub.access().caller(&Method::GET, &key, None).expect("a caller")
}
