//! What a plugin is given of the platform.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use hub::audit::Trail;
use hub::cache::Cache;
use hub::events::Events;
use hub::outgoing::Outgoing;
use hub::sealing::Keyring;
use model::{Signal, Tenant};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use query::{QueryEngine, Subscription};
use records::Records;

use crate::plugin::{PluginError, Shutdown};

/// The parts of the platform that a plugin works with; cheap to clone.
#[derive(Clone, Debug)]
pub struct PluginContext {
    /// This process, by a name that no other has.
    pub process: Arc<str>,
    /// SQL over telemetry and every product's tables, for one tenant at a time.
    pub engine: QueryEngine,
    /// Where a product's own state is.
    pub records: Records,
    /// What products tell each other.
    pub events: Events,
    /// What may be forgotten.
    pub cache: Cache,
    /// For calls to the world outside, within what the operator allows.
    pub outgoing: Arc<Outgoing>,
    /// Who did what, for those who have to know later.
    pub audit: Trail,
    /// Seals secrets that a product has to keep.
    pub keyring: Arc<Keyring>,
    /// For telemetry of a product's own.
    pub telemetry: TelemetryWriter,
    /// Cancelled when the server begins to stop: answers that have no end end then, or it would wait for them.
    pub stopping: Shutdown,
}

impl PluginContext {
    /// Committed rows of some signals, of all tenants, as they arrive. Who is too slow is told how many requests went by.
    pub fn subscribe(&self, signals: &[Signal]) -> Subscription {
        self.engine.subscribe(signals)
    }
}

/// Telemetry of one kind, as OTLP has it.
#[derive(Clone, Debug)]
pub enum Telemetry {
    /// Spans.
    Traces(ExportTraceServiceRequest),
    /// Log records.
    Logs(ExportLogsServiceRequest),
    /// Points of metrics.
    Metrics(ExportMetricsServiceRequest),
}

type Write = dyn Fn(Tenant, Telemetry) -> BoxFuture<'static, Result<(), PluginError>> + Send + Sync;

/// Writes telemetry of a product's own into the same tables as everybody's: runs, jobs and scores are spans and metrics.
#[derive(Clone)]
pub struct TelemetryWriter(Arc<Write>);

impl TelemetryWriter {
    /// A writer that hands everything to this function.
    pub fn new(
        write: impl Fn(Tenant, Telemetry) -> BoxFuture<'static, Result<(), PluginError>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(write))
    }

    /// Durable and visible when this returns; refused with the reason when the platform is full.
    pub async fn write(&self, tenant: &Tenant, telemetry: Telemetry) -> Result<(), PluginError> {
        (self.0)(tenant.clone(), telemetry).await
    }
}

impl fmt::Debug for TelemetryWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TelemetryWriter")
    }
}
