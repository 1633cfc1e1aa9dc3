//! The body of a request: received and decompressed in bounded memory.
//!
//! What a body claims to become does not matter: decompression ends one byte after the limit.

use std::io::{Read, Write};
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use plane::{DataPlane, Room};

use crate::error::Refusal;

/// How a body was compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    Identity,
    Gzip,
    Zstd,
    Deflate,
}

impl Compression {
    /// Reads `Content-Encoding` or `grpc-encoding`.
    pub(crate) fn named(name: Option<&http::HeaderValue>) -> Result<Self, Refusal> {
        let Some(name) = name else { return Ok(Self::Identity) };
        let name = String::from_utf8_lossy(name.as_bytes()).trim().to_ascii_lowercase();
        match name.as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            "deflate" => Ok(Self::Deflate),
            _ => Err(Refusal::Encoding { got: name.chars().take(40).collect() }),
        }
    }
}

/// A body in memory that counts towards the plane's budget.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) bytes: Bytes,
    pub(crate) room: Room,
}

/// How long a refused client may take to send what is left of its request.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// Throws away what is left of the body, at most `limit` bytes.
///
/// A client of HTTP/1.1 that is still writing when the connection closes never reads why it was refused.
pub(crate) async fn drain(mut body: Body, limit: usize) {
    let rest = async {
        let mut drained = 0;
        while let Some(Ok(frame)) = body.frame().await {
            drained += frame.data_ref().map_or(0, Bytes::len);
            if drained > limit {
                return;
            }
        }
    };
    // Whoever is slower has to do without the answer.
    let _ = tokio::time::timeout(DRAIN_MAX, rest).await;
}

/// Reads the whole body, of at most `limit` bytes.
pub(crate) async fn receive(body: &mut Body, plane: &DataPlane, limit: usize) -> Result<Received, Refusal> {
    plane.admit().await?;
    let mut room = plane.room(0)?;
    // Most bodies come in one or a few frames; a single one is used where it is.
    let mut first = Bytes::new();
    let mut collected = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|cause| Refusal::Malformed(format!("the request body ended early: {cause}")))?;
        let Ok(data) = frame.into_data() else { continue };
        let so_far = first.len() + collected.len();
        if so_far + data.len() > limit {
            return Err(Refusal::TooLarge { limit });
        }
        room.grow(plane.room(data.len())?);
        if so_far == 0 {
            first = data;
            continue;
        }
        if collected.is_empty() {
            let expected = http_body::Body::size_hint(&body).lower();
            collected.reserve(first.len() + data.len() + usize::try_from(expected).unwrap_or(0).min(limit));
            collected.extend_from_slice(&first);
            first = Bytes::new();
        }
        collected.extend_from_slice(&data);
    }
    let bytes = if collected.is_empty() { first } else { collected.freeze() };
    Ok(Received { bytes, room })
}

/// Decompresses to at most `limit` bytes.
pub(crate) fn decompress(
    compressed: Received,
    compression: Compression,
    plane: &DataPlane,
    limit: usize,
) -> Result<Received, Refusal> {
    let input = compressed.bytes.as_ref();
    match compression {
        Compression::Identity => Ok(compressed),
        // Several members one after the other are one file, as RFC 1952 has it.
        Compression::Gzip => inflate(flate2::bufread::MultiGzDecoder::new(input), plane, limit),
        Compression::Zstd => {
            let decoder = zstd::Decoder::with_buffer(input).map_err(|cause| broken(&cause))?;
            inflate(decoder, plane, limit)
        }
        // "deflate" means zlib, but some clients send the bare stream.
        Compression::Deflate if is_zlib(input) => inflate(flate2::bufread::ZlibDecoder::new(input), plane, limit),
        Compression::Deflate => inflate(flate2::bufread::DeflateDecoder::new(input), plane, limit),
    }
}

fn inflate(mut decoder: impl Read, plane: &DataPlane, limit: usize) -> Result<Received, Refusal> {
    /// Bytes decompressed and reserved at a time.
    const STEP: usize = 64 * 1024;
    let mut room = plane.room(0)?;
    let mut bytes = Vec::new();
    let mut step = vec![0; STEP];
    loop {
        let read = match decoder.read(&mut step) {
            Ok(0) => return Ok(Received { bytes: bytes.into(), room }),
            Ok(read) => read,
            Err(cause) => return Err(broken(&cause)),
        };
        if bytes.len() + read > limit {
            return Err(Refusal::TooLarge { limit });
        }
        room.grow(plane.room(read)?);
        bytes.write_all(&step[..read]).map_err(|cause| broken(&cause))?;
    }
}

fn broken(cause: &std::io::Error) -> Refusal {
    Refusal::Malformed(format!("the request body cannot be decompressed: {cause}"))
}

/// RFC 1950: method 8, and a header that is a multiple of 31.
fn is_zlib(input: &[u8]) -> bool {
    matches!(input, [cmf, flags, ..] if cmf & 15 == 8 && (u16::from(*cmf) << 8 | u16::from(*flags)) % 31 == 0)
}
