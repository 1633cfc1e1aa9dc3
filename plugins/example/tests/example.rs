//! The plugin in a host, on a plane of its own: from spans to an event.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use ingest::decode;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use plane::{DataPlane, Payload};
use plugin::hub::audit::Trail;
use plugin::hub::cache::{self, Cache};
use plugin::hub::events::{self, Events};
use plugin::hub::outgoing::{self, Outgoing};
use plugin::hub::sealing::Keyring;
use plugin::model::{Tenant, Timestamp};
use plugin::query::{self, Asker, QueryEngine, Statement};
use plugin::records::{Expected, RecordId, Records};
use plugin::{Host, Plugin, PluginContext, Shutdown, TelemetryWriter};
use prost::Message;
use store::MemoryStore;

use example::{Example, Watch};

const WITHIN: Duration = Duration::from_secs(60);

#[test]
fn a_service_that_falls_silent_is_told_of_once() {
    let config = query::Config { target_partitions: 1, ..query::Config::default() };
    let queries = query::runtime(&config).expect("a runtime");
    let requests = tokio::runtime::Runtime::new().expect("a runtime");
    requests.block_on(check(config, queries.handle().clone()));
    queries.shutdown_background();
}

async fn check(config: query::Config, queries: tokio::runtime::Handle) {
    let (directory, acme) = (tempfile::tempdir().expect("a directory"), Tenant::new("acme").expect("a name"));
    let plane = open(directory.path()).await;
    let records = Records::in_memory().expect("records");
    let plugins: Vec<Arc<dyn Plugin>> = vec![Arc::new(Example::default())];
    let schemas = plugin::schemas(&plugins, &records).expect("tables");
    let engine = QueryEngine::new(Arc::clone(&plane), config, queries).expect("an engine").with_schemas(schemas);
    let events = Events::new(&records, None, &events::Config::default());
    let context = PluginContext {
        process: "test".into(),
        engine: engine.clone(),
        records: records.clone(),
        events: events.clone(),
        cache: Cache::new(None, &cache::Config::default()),
        outgoing: Arc::new(Outgoing::new(&outgoing::Config::default()).expect("a client")),
        audit: Trail::new(plugin::hub::system_clock()),
        keyring: Arc::new(Keyring::new("0123456789abcdef".repeat(4).as_str()).expect("a key")),
        telemetry: TelemetryWriter::new(|_, _| Box::pin(async { Ok(()) })),
        stopping: Shutdown::new(),
    };
    let relay = tokio::spawn({
        let events = events.clone();
        async move { events.run(std::future::pending()).await }
    });
    let mut told = events.subscribe("test", &["example.*"]).expect("a name");
    let running = Host::new(plugins, &context).expect("names").start();
    let watch: Watch = serde_json::from_str(r#"{"service": "checkout", "silent_after_seconds": 1}"#).expect("a watch");
    let watches = records.collection::<Watch>();
    watches.put(&acme, &RecordId::new("checkout").expect("an id"), &watch, Expected::Absent).await.expect("it is put");

    send(&plane, &acme, "checkout").await;

    let event = tokio::time::timeout(WITHIN, told.next()).await.expect("in time").expect("an event");
    assert_eq!((event.event().kind.as_str(), &event.event().tenant), ("example.service.silent", &acme));
    event.ack();
    let silent = "select service, is_silent from example.watches";
    assert_eq!(ask(&engine, &acme, silent).await, 1);
    assert_eq!(ask(&engine, &Tenant::default_tenant(), silent).await, 0, "another tenant sees none of it");

    running.stop().await;
    relay.abort();
}

async fn open(directory: &std::path::Path) -> Arc<DataPlane> {
    let decode = |_: &plane::Envelope, _: Bytes| Err("nothing is replayed here".to_owned());
    let (plane, wal) = (plane::Config::default(), wal::Config::default());
    let store = Arc::new(MemoryStore::default());
    Arc::new(DataPlane::open(&plane, directory, wal, store, Arc::new(decode), None).await.expect("a new plane opens"))
}

/// One span of the service.
async fn send(plane: &DataPlane, tenant: &Tenant, service: &str) {
    let name = KeyValue {
        key: "service.name".to_owned(),
        value: Some(AnyValue { value: Some(Value::StringValue(service.to_owned())) }),
        ..KeyValue::default()
    };
    let span = Span { trace_id: vec![1; 16], span_id: vec![1; 8], name: "work".to_owned(), ..Span::default() };
    let resource_spans = vec![ResourceSpans {
        resource: Some(Resource { attributes: vec![name], ..Resource::default() }),
        scope_spans: vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    }];
    let body: Bytes = ExportTraceServiceRequest { resource_spans }.encode_to_vec().into();
    let decoded = decode(Payload::Traces, &body, Timestamp(0)).expect("a request of our own");
    let envelope = plane::Envelope {
        tenant: tenant.clone(),
        payload: Payload::Traces,
        encoding: plane::Encoding::Protobuf,
        received: Timestamp(0),
        rejected: 0,
        refused_rows: Vec::new(),
    };
    let request = plane::Decoded { envelope, body, batches: decoded.batches };
    plane.append(request).await.expect("the plane takes rows");
}

/// Number of rows of the answer.
async fn ask(engine: &QueryEngine, tenant: &Tenant, sql: &str) -> usize {
    let rows = engine.sql(&Asker::new(tenant.clone()), Statement::new(sql)).await.expect("an answer");
    let rows: Vec<_> = rows.try_collect().await.expect("rows");
    rows.iter().map(arrow::array::RecordBatch::num_rows).sum()
}
