//! What must hold of any bytes: no panic, and rows that came out of them survive the way to OTLP and back.

use ingest::encode::EncodeError;
use ingest::{DecodeError, Rows, decode};
use model::{Batch, Timestamp};
use plane::Payload;
use prost::Message;

const RECEIVED: Timestamp = Timestamp(1_790_000_000_000_000_000);

/// Decodes; what decodes must encode, and that must decode to as many rows and encode to the same bytes.
pub fn round_trip<R: Message>(payload: Payload, body: &[u8], encode: fn(&[Batch]) -> Result<R, EncodeError>) {
    let Ok(Rows { batches, .. }) = decode(payload, body, RECEIVED) else { return };
    let request = encode(&batches).expect("rows that were decoded can be encoded").encode_to_vec();
    let again = decoded(decode(payload, &request, RECEIVED));
    assert_eq!(count(&again), count(&batches));
    let once_more = encode(&again).expect("rows that were decoded can be encoded").encode_to_vec();
    assert_eq!(once_more, request);
}

fn decoded(outcome: Result<Rows, DecodeError>) -> Vec<Batch> {
    let rows = outcome.expect("what we encoded can be decoded");
    assert_eq!(rows.refusals.rejected(), 0);
    rows.batches
}

fn count(batches: &[Batch]) -> usize {
    batches.iter().map(Batch::rows).sum()
}
