//! Places to try rules in, over a real plane and a real engine, with what OpenTelemetry sends.

use std::io;
use std::path::Path;
use std::sync::Arc;

use alerting::trial::{self, Sandbox, Tested};
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use plane::{DataPlane, Encoding, Envelope, Payload};
use plugin::model::{Tenant, Timestamp};
use plugin::query::{self, QueryEngine};
use plugin::{PluginError, Telemetry, TelemetryWriter};
use prost::Message;
use store::MemoryStore;
use tokio::runtime::Handle;

/// The time 0 of tests of rules: the first of January 2026.
pub(crate) const BEGIN: u64 = 1_767_225_600_000_000_000;
pub(crate) const MINUTE: u64 = 60_000_000_000;

/// Runs tests of these rules beside these metrics.
pub(crate) fn tried(rules: &str, tests: &str, metrics: &[ResourceMetrics]) -> Tested {
    let config = query::Config { target_partitions: 1, ..query::Config::default() };
    let queries = query::runtime(&config).expect("a runtime");
    let own = tokio::runtime::Runtime::new().expect("a runtime");
    let directory = tempfile::tempdir().expect("a directory");
    let open = |_: &str| -> io::Result<String> { Ok(rules.to_owned()) };
    let number = std::sync::atomic::AtomicUsize::new(0);
    let sandbox = || {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        sandbox(directory.path().join(number.to_string()), config.clone(), queries.handle().clone(), metrics)
    };
    let tested = own.block_on(trial::test(tests, open, sandbox)).expect("telemetry can be written");
    queries.shutdown_background();
    tested
}

/// Does something in a place with these metrics.
pub(crate) fn beside<T>(metrics: &[ResourceMetrics], work: impl AsyncFnOnce(&Sandbox) -> T) -> T {
    let config = query::Config { target_partitions: 1, ..query::Config::default() };
    let queries = query::runtime(&config).expect("a runtime");
    let own = tokio::runtime::Runtime::new().expect("a runtime");
    let directory = tempfile::tempdir().expect("a directory");
    let done = own.block_on(async {
        let sandbox = sandbox(directory.path(), config, queries.handle().clone(), metrics).await;
        work(&sandbox.expect("telemetry can be written")).await
    });
    queries.shutdown_background();
    done
}

async fn sandbox(
    place: impl AsRef<Path>,
    config: query::Config,
    queries: Handle,
    metrics: &[ResourceMetrics],
) -> Result<Sandbox, PluginError> {
    std::fs::create_dir_all(place.as_ref())?;
    let replay = |_: &Envelope, _: Bytes| Err("nothing is replayed here".to_owned());
    let (settings, log, store) = (plane::Config::default(), wal::Config::default(), Arc::new(MemoryStore::default()));
    let plane = Arc::new(DataPlane::open(&settings, place.as_ref(), log, store, Arc::new(replay), None).await?);
    let engine = QueryEngine::new(Arc::clone(&plane), config, queries)?;
    let telemetry = TelemetryWriter::new(move |tenant, telemetry| {
        let plane = Arc::clone(&plane);
        Box::pin(async move { write(&plane, tenant, telemetry).await })
    });
    let request = ExportMetricsServiceRequest { resource_metrics: metrics.to_vec() };
    telemetry.write(&Tenant::default_tenant(), Telemetry::Metrics(request)).await?;
    Ok(Sandbox { engine, telemetry })
}

async fn write(plane: &DataPlane, tenant: Tenant, telemetry: Telemetry) -> Result<(), PluginError> {
    let Telemetry::Metrics(request) = telemetry else { return Err("only metrics are written here".into()) };
    let body = Bytes::from(request.encode_to_vec());
    let envelope = Envelope {
        tenant,
        payload: Payload::Metrics,
        encoding: Encoding::Protobuf,
        received: Timestamp(BEGIN.cast_signed()),
        rejected: 0,
        refused_rows: Vec::new(),
    };
    let batches = ingest::replay(&envelope, &body)?;
    if !batches.is_empty() {
        plane.append(plane::Decoded { envelope, body, batches }).await?;
    }
    Ok(())
}

/// A metric of a resource.
pub(crate) fn metric(resource: &[(&str, &str)], name: &str, unit: &str, data: Data) -> ResourceMetrics {
    let metric = Metric { name: name.to_owned(), unit: unit.to_owned(), data: Some(data), ..Metric::default() };
    ResourceMetrics {
        resource: Some(Resource { attributes: pairs(resource), ..Resource::default() }),
        scope_metrics: vec![ScopeMetrics { metrics: vec![metric], ..ScopeMetrics::default() }],
        ..ResourceMetrics::default()
    }
}

pub(crate) fn pairs(pairs: &[(&str, &str)]) -> Vec<KeyValue> {
    let pair = |(key, value): &(&str, &str)| {
        let value = Some(AnyValue { value: Some(Value::StringValue((*value).to_owned())) });
        KeyValue { key: (*key).to_owned(), value, ..KeyValue::default() }
    };
    pairs.iter().map(pair).collect()
}
