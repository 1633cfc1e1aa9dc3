//! A request as the log keeps it: an envelope that says how to read it, then the bytes as they were received.

use bytes::{BufMut, Bytes, BytesMut};
use model::{Batch, Signal, Tenant, Timestamp};
use serde::{Deserialize, Serialize};

/// What the bytes of a request are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payload {
    /// An OTLP trace export request.
    Traces,
    /// An OTLP logs export request.
    Logs,
    /// An OTLP metrics export request.
    Metrics,
}

/// How the bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Protocol Buffers.
    Protobuf,
    /// OTLP's JSON mapping.
    Json,
}

/// Everything but the bytes that decoding depends on, so that replay gives the same rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Whose request.
    pub tenant: Tenant,
    /// What it is.
    pub payload: Payload,
    /// How it is written.
    pub encoding: Encoding,
    /// When it arrived.
    pub received: Timestamp,
    /// Items that were refused in it, with the answer that said so.
    pub rejected: u64,
    /// Those of them that decoding alone would not refuse again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused_rows: Vec<RefusedRows>,
}

/// Rows of a decoded request that were refused for what else had been sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedRows {
    /// Of which batch.
    pub signal: Signal,
    /// First row and the one after the last, of each run of them.
    pub ranges: Vec<(u32, u32)>,
}

/// A request, and the rows it stands for.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// How to read the bytes.
    pub envelope: Envelope,
    /// The request as received, after decompression.
    pub body: Bytes,
    /// Its rows, at most one batch a signal.
    pub batches: Vec<Batch>,
}

impl Decoded {
    /// Memory the rows hold, in bytes.
    pub(crate) fn byte_size(&self) -> usize {
        self.batches.iter().map(Batch::byte_size).sum()
    }

    /// The frame's parts; the body is not copied.
    pub(crate) fn frame(&self) -> Vec<Bytes> {
        let envelope = serde_json::to_vec(&self.envelope).expect("an envelope is plain data");
        let length = u32::try_from(envelope.len()).expect("an envelope is a few hundred bytes");
        let mut head = BytesMut::with_capacity(4 + envelope.len());
        head.put_u32_le(length);
        head.put_slice(&envelope);
        vec![head.freeze(), self.body.clone()]
    }
}

/// Splits a frame into what `Decoded::frame` made it of.
pub(crate) fn split(mut frame: Bytes) -> Result<(Envelope, Bytes), String> {
    let length = frame.first_chunk::<4>().map(|length| u32::from_le_bytes(*length) as usize);
    let length = length.filter(|length| 4 + length <= frame.len()).ok_or("the envelope is cut short")?;
    let body = frame.split_off(4 + length);
    let envelope =
        serde_json::from_slice(&frame[4..]).map_err(|cause| format!("the envelope is not readable: {cause}"))?;
    Ok((envelope, body))
}
