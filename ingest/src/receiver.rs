//! What happens to a request, whatever protocol it came by: authorise, decompress, decode, append.

use std::error::Error;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::body::Body;
use bytes::Bytes;
use http::request::Parts;
use model::{Batch, Tenant, Timestamp};
use plane::{DataPlane, Decoded, Encoding, Envelope, Payload, Room};

use crate::body::{self, Compression, Received};
use crate::config::Config;
use crate::decode::{DecodeError, Refusals, Rows, decode};
use crate::error::Refusal;
use crate::otlp_json;
use crate::quota::{self, Quotas, TenantQuota};
use crate::telemetry::Telemetry;

/// Bodies larger than this are decoded away from the network's threads, in bytes: about a millisecond of work.
const INLINE_BYTES: usize = 512 * 1024;

/// Says whose request it is, by its head: the headers, and what the listener has put into the extensions.
pub type Authorize = dyn Fn(&Parts) -> Result<Tenant, Unauthorized> + Send + Sync;

/// Why a request has no tenant.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unauthorized {
    /// No key, or one that nobody has.
    #[error("{0}")]
    Unauthenticated(String),
    /// A key that may not write.
    #[error("{0}")]
    Forbidden(String),
}

impl From<Unauthorized> for Refusal {
    fn from(cause: Unauthorized) -> Self {
        match cause {
            Unauthorized::Unauthenticated(reason) => Refusal::Unauthenticated(reason),
            Unauthorized::Forbidden(reason) => Refusal::Forbidden(reason),
        }
    }
}

/// Receives OTLP into a data plane.
pub struct Receiver {
    pub(crate) plane: Arc<DataPlane>,
    pub(crate) authorize: Arc<Authorize>,
    pub(crate) config: Config,
    pub(crate) quotas: Arc<Quotas>,
    pub(crate) telemetry: Arc<Telemetry>,
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver").field("config", &self.config).finish_non_exhaustive()
    }
}

/// A request as its protocol describes it.
pub(crate) struct Export {
    pub(crate) payload: Payload,
    pub(crate) encoding: Encoding,
    pub(crate) compression: Compression,
}

impl Receiver {
    /// A receiver that has received nothing yet.
    pub fn new(plane: Arc<DataPlane>, authorize: Arc<Authorize>, quotas: Arc<Quotas>, config: Config) -> Self {
        Self { plane, authorize, config, quotas, telemetry: Arc::new(Telemetry::default()) }
    }

    /// What was received and refused so far.
    pub fn telemetry(&self) -> Arc<Telemetry> {
        Arc::clone(&self.telemetry)
    }

    pub(crate) fn tenant(&self, head: &Parts) -> Result<Tenant, Refusal> {
        Ok((self.authorize)(head)?)
    }

    pub(crate) async fn body(&self, body: &mut Body, limit: usize) -> Result<Received, Refusal> {
        body::receive(body, &self.plane, limit).await
    }

    /// Stores a request that comes from inside this process, within what its tenant and the memory allow.
    ///
    /// # Errors
    /// As an exporter would be told.
    pub async fn take(
        &self,
        tenant: Tenant,
        payload: Payload,
        protobuf: Bytes,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let taken = async {
            self.plane.admit().await?;
            let room = self.plane.room(protobuf.len())?;
            let export = Export { payload, encoding: Encoding::Protobuf, compression: Compression::Identity };
            self.export(tenant, export, Received { bytes: protobuf, room }).await
        };
        let taken: Result<Refusals, Refusal> = taken.await;
        taken.inspect_err(|refusal| self.telemetry.refused(refusal))?;
        Ok(())
    }

    /// Stores a request; the answer says what of it was refused or mended.
    pub(crate) async fn export(&self, tenant: Tenant, export: Export, body: Received) -> Result<Refusals, Refusal> {
        let started = Instant::now();
        let payload = export.payload;
        let decompressed = if export.compression == Compression::Identity { 1 } else { 10 };
        let (plane, limit) = (Arc::clone(&self.plane), self.config.request_bytes_max);
        let quota = self.quotas.of(&tenant);
        let of_tenant = quota.clone();
        let work = move |body: Received| decode_body(tenant, &export, body, &plane, limit, of_tenant.as_deref());
        let decoded = if body.bytes.len() * decompressed <= INLINE_BYTES {
            work(body)?
        } else {
            tokio::task::spawn_blocking(move || work(body)).await.expect("decoding does not panic")?
        };
        let rows = decoded.request.batches.iter().map(Batch::rows).sum();
        let bytes = decoded.request.body.len() as u64;
        let stored = if rows > 0 { self.plane.append(decoded.request).await.map(drop) } else { Ok(()) };
        if let (Err(_), Some(quota)) = (&stored, &quota) {
            quota.give_back(bytes);
        }
        stored?;
        self.telemetry.exported(payload, rows, &decoded.refusals, started.elapsed());
        Ok(decoded.refusals)
    }
}

struct DecodedBody {
    request: Decoded,
    refusals: Refusals,
    /// The body is in memory until it is in the log.
    _room: Room,
}

fn decode_body(
    tenant: Tenant,
    export: &Export,
    body: Received,
    plane: &DataPlane,
    limit: usize,
    quota: Option<&TenantQuota>,
) -> Result<DecodedBody, Refusal> {
    let Received { bytes: body, room } = body::decompress(body, export.compression, plane, limit)?;
    let received = now();
    let bytes = body.len() as u64;
    if let Some(quota) = quota {
        quota.take_bytes(bytes, received)?;
    }
    let decoded = rows(export.payload, export.encoding, &body, received);
    let Rows { mut batches, mut refusals } =
        decoded.inspect_err(|_| quota.iter().for_each(|quota| quota.give_back(bytes)))?;
    let refused_rows = quota.map_or(Ok(Vec::new()), |quota| quota.admit(&mut batches, &mut refusals, received))?;
    let (payload, encoding, rejected) = (export.payload, export.encoding, refusals.rejected());
    let envelope = Envelope { tenant, payload, encoding, received, rejected, refused_rows };
    Ok(DecodedBody { request: Decoded { envelope, body, batches }, refusals, _room: room })
}

fn rows(payload: Payload, encoding: Encoding, body: &[u8], received: Timestamp) -> Result<Rows, DecodeError> {
    match encoding {
        Encoding::Protobuf => decode(payload, body, received),
        Encoding::Json => decode(payload, &otlp_json::to_protobuf(payload, body)?, received),
    }
}

/// The rows of a logged request: what the data plane needs to replay its log.
pub fn replay(envelope: &Envelope, body: &Bytes) -> Result<Vec<Batch>, DecodeError> {
    let mut batches = rows(envelope.payload, envelope.encoding, body, envelope.received)?.batches;
    quota::again(&mut batches, &envelope.refused_rows)?;
    Ok(batches)
}

pub(crate) fn now() -> Timestamp {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since_1970.as_nanos()).unwrap_or(i64::MAX))
}
