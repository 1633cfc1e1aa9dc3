//! A plane with some spans, its records and the plugin, for one who asks.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use dashboards::{Config, Dashboards};
use futures::{StreamExt, stream};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body_util::BodyExt;
use ingest::decode;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use plane::{DataPlane, Payload};
use plugin::hub::audit::{AuditEntry, Trail};
use plugin::hub::cache::{self, Cache};
use plugin::hub::events::{self, Events};
use plugin::hub::outgoing::{self, Outgoing};
use plugin::hub::sealing::Keyring;
use plugin::hub::{self, Asking, Hub, Origin, Parts, Secret};
use plugin::model::{Tenant, Timestamp};
use plugin::query::{self, QueryEngine};
use plugin::records::{PAGE_MAX, Records, Sequence};
use plugin::{Plugin, PluginContext, PluginSchema, PluginTable, Shutdown, TelemetryWriter};
use prost::Message;
use serde_json::Value;
use store::MemoryStore;
use tower::ServiceExt;

const SECOND: u64 = 1_000_000_000;
const SEALING: &str = "0123456789abcdef";
const KEYS: [(&str, &str); 2] =
    [("acme", "0123456789abcdef0123456789abcdef"), ("globex", "fedcba9876543210fedcba9876543210")];

/// Where people look at dashboards: a program of `acme`, and one of `globex`, where nothing was sent.
pub(crate) struct Office {
    pub(crate) context: PluginContext,
    routes: Router,
    asking: Vec<Asking>,
}

impl Office {
    /// Three spans of `checkout`, two of `cart`, all of the last minutes.
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
            send(&plane, &tenant("acme"), spans()).await;
            visit(&Self::new(plane, config, queries.handle().clone()).await).await;
        });
        queries.shutdown_background();
    }

    async fn new(plane: Arc<DataPlane>, config: query::Config, queries: tokio::runtime::Handle) -> Self {
        let records = Records::in_memory().expect("records");
        let dashboards = Arc::new(Dashboards::new(Config::default()));
        let plugins: Vec<Arc<dyn Plugin>> = vec![dashboards.clone()];
        let mut schemas = plugin::schemas(&plugins, &records).expect("tables");
        schemas.push(Arc::new(vault()));
        let context = PluginContext {
            process: "test".into(),
            engine: QueryEngine::new(plane, config, queries).expect("an engine").with_schemas(schemas),
            records: records.clone(),
            events: Events::new(&records, None, &events::Config::default()),
            cache: Cache::new(None, &cache::Config::default()),
            audit: Trail::new(plugin::hub::system_clock()),
            keyring: Arc::new(Keyring::new(SEALING.repeat(4).as_str()).expect("a key")),
            outgoing: Arc::new(Outgoing::new(&outgoing::Config::default()).expect("a client")),
            telemetry: TelemetryWriter::new(|_, _| Box::pin(async { Ok(()) })),
            stopping: Shutdown::new(),
        };
        let (routes, _) = dashboards.routes(context.clone()).split_for_parts();
        Self { context, routes, asking: asking().await }
    }

    /// Status and answer of a request of `acme`.
    pub(crate) async fn send(&self, method: &str, path: &str, body: impl Into<Sent>) -> (u16, Value) {
        self.send_of(0, method, path, body.into()).await
    }

    /// The same of `globex`.
    pub(crate) async fn send_elsewhere(&self, method: &str, path: &str, body: impl Into<Sent>) -> (u16, Value) {
        self.send_of(1, method, path, body.into()).await
    }

    async fn send_of(&self, who: usize, method: &str, path: &str, Sent(kind, text): Sent) -> (u16, Value) {
        let request = Request::builder().method(method).uri(path).header("content-type", kind);
        let mut request = request.body(Body::from(text)).expect("a request");
        request.extensions_mut().insert(self.asking[who].clone());
        let response = self.routes.clone().oneshot(request).await.expect("routes always answer");
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let text = || Value::String(String::from_utf8_lossy(&body).into_owned());
        (status, serde_json::from_slice(&body).unwrap_or_else(|_| text()))
    }

    /// The answer to a request that succeeds.
    pub(crate) async fn answer(&self, method: &str, path: &str, body: impl Into<Sent>) -> Value {
        let (status, told) = self.send(method, path, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {told}");
        told
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.answer("GET", path, "").await
    }

    /// What the tenant's audit trail says was done, and to what.
    pub(crate) async fn audited(&self) -> Vec<String> {
        let trail = self.context.records.log::<AuditEntry>().read(&tenant("acme"), Sequence(0), PAGE_MAX).await;
        let entries = trail.expect("a trail").into_iter().map(|entry| entry.body);
        entries.map(|entry| format!("{} {}", entry.action, entry.subject)).collect()
    }
}

/// A body and its type.
pub(crate) struct Sent(&'static str, String);

impl From<&str> for Sent {
    fn from(yaml: &str) -> Self {
        Self("application/yaml", yaml.to_owned())
    }
}

impl From<String> for Sent {
    fn from(yaml: String) -> Self {
        Self("application/yaml", yaml)
    }
}

impl From<Value> for Sent {
    fn from(json: Value) -> Self {
        Self("application/json", json.to_string())
    }
}

fn tenant(name: &str) -> Tenant {
    Tenant::new(name).expect("a name")
}

/// Programs of both tenants; the hub that knows them has records of its own.
async fn asking() -> Vec<Asking> {
    let parts = Parts {
        records: Records::in_memory().expect("records"),
        ring: Arc::new(Keyring::new(&SEALING.repeat(4)).expect("a key")),
        outgoing: Outgoing::new(&outgoing::Config::default()).expect("a client"),
        configured_keys: KEYS.map(|(name, key)| (tenant(name), Secret::new(key))).into(),
        issuers: Vec::new(),
        clock: hub::system_clock(),
    };
    let (hub, _) = Hub::open(hub::Config::default(), parts).await.expect("a hub");
    let asking = |(_, key): (&str, &str)| {
        let bearer = HeaderValue::from_str(&format!("Bearer {key}")).expect("a header");
        let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer)]);
        let caller = hub.access().caller(&Method::GET, &headers, None).expect("a caller");
        Asking::new(caller, Origin::default())
    };
    KEYS.into_iter().map(asking).collect()
}

/// A product with one table, which nobody here may read.
fn vault() -> PluginSchema {
    let schema = Arc::new(Schema::new(vec![Field::new("thing", DataType::Utf8, true)]));
    PluginSchema::new("vault", vec![PluginTable::new("things", schema, |_| stream::empty().boxed())])
}

fn spans() -> ExportTraceServiceRequest {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let now = u64::try_from(since_1970.as_nanos()).expect("before 2262");
    let resource_spans = [("checkout", 3_u8), ("cart", 2)].into_iter().map(|(service, count)| {
        let span = |number: u8| Span {
            trace_id: vec![number + 1; 16],
            span_id: vec![number + 1; 8],
            name: "work".to_owned(),
            kind: 2,
            start_time_unix_nano: now - u64::from(number + 1) * 60 * SECOND,
            end_time_unix_nano: now - u64::from(number + 1) * 60 * SECOND + SECOND,
            ..Span::default()
        };
        let name = AnyValue { value: Some(Any::StringValue(service.to_owned())) };
        let name = KeyValue { key: "service.name".to_owned(), value: Some(name), ..KeyValue::default() };
        ResourceSpans {
            resource: Some(Resource { attributes: vec![name], ..Resource::default() }),
            scope_spans: vec![ScopeSpans { spans: (0..count).map(span).collect(), ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }
    });
    ExportTraceServiceRequest { resource_spans: resource_spans.collect() }
}

async fn send(plane: &DataPlane, tenant: &Tenant, request: ExportTraceServiceRequest) {
    let body: Bytes = request.encode_to_vec().into();
    let decoded = decode(Payload::Traces, &body, Timestamp(0)).expect("a request of our own");
    let envelope = plane::Envelope {
        tenant: tenant.clone(),
        payload: Payload::Traces,
        encoding: plane::Encoding::Protobuf,
        received: Timestamp(0),
        rejected: 0,
        refused_rows: Vec::new(),
    };
    plane.append(plane::Decoded { envelope, body, batches: decoded.batches }).await.expect("the plane takes rows");
}
