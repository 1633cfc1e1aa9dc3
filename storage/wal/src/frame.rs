//! The bytes on disk: the header of a segment, and the header in front of each payload.
//! Every header has a checksum of its own, so a length is never believed before it is verified.
//!
//! ```text
//! segment  magic 8 | version u32 | first position u64 | crc u32
//! frame    magic 4 | payload bytes u32 | position u64 | payload crc u32 | crc u32 | payload
//! ```
//!
//! Numbers are little endian; a `crc` covers all bytes of its header before it.

use std::fmt;

use bytes::{Buf, BufMut, Bytes};

pub(crate) const VERSION: u32 = 1;
pub(crate) const SEGMENT_HEADER_BYTES: usize = 24;
pub(crate) const FRAME_HEADER_BYTES: usize = 24;

const SEGMENT_MAGIC: [u8; 8] = *b"\xf7wal\x00\r\n\x1a";
/// Never valid in UTF-8, so that text payloads hold no candidates when damage is skipped.
pub(crate) const FRAME_MAGIC: [u8; 4] = [0xf7, 0xa5, 0xfe, 0xd3];
const CRC_BYTES: usize = 4;

/// Number of a frame: the first is 1, and none is ever used again for another acknowledged frame.
/// Each next one is greater by one; only what a crash left half written may leave a gap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl Position {
    pub(crate) fn plus(self, frames: usize) -> Self {
        Self(self.0 + frames as u64)
    }

    /// The one before; the number of a segment or frame is never 0.
    pub(crate) fn before(self) -> Self {
        Self(self.0 - 1)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the caller wants kept, with its checksum.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(crate) parts: Vec<Bytes>,
    bytes: u32,
    crc: u32,
}

impl Payload {
    /// Takes the parts as one payload, or tells how large they are if that is over `limit`.
    pub(crate) fn new(parts: Vec<Bytes>, limit: u32) -> Result<Self, u64> {
        let total: u64 = parts.iter().map(|part| part.len() as u64).sum();
        let bytes = u32::try_from(total).ok().filter(|bytes| *bytes <= limit).ok_or(total)?;
        let mut crc = crc32fast::Hasher::new();
        parts.iter().for_each(|part| crc.update(part));
        Ok(Self { parts, bytes, crc: crc.finalize() })
    }

    /// Bytes the frame takes on disk.
    pub(crate) fn frame_bytes(&self) -> u64 {
        FRAME_HEADER_BYTES as u64 + u64::from(self.bytes)
    }

    pub(crate) fn header(&self, position: Position) -> FrameHeader {
        FrameHeader { position, payload_bytes: self.bytes, payload_crc: self.crc }
    }
}

/// What stands in front of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) position: Position,
    pub(crate) payload_bytes: u32,
    pub(crate) payload_crc: u32,
}

impl FrameHeader {
    pub(crate) fn encode(&self) -> [u8; FRAME_HEADER_BYTES] {
        let mut header = [0; FRAME_HEADER_BYTES];
        let mut fields = &mut header[..];
        fields.put_slice(&FRAME_MAGIC);
        fields.put_u32_le(self.payload_bytes);
        fields.put_u64_le(self.position.0);
        fields.put_u32_le(self.payload_crc);
        seal(&mut header);
        header
    }

    /// The header at the start of `bytes`, if they begin with a valid one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = sealed::<FRAME_HEADER_BYTES>(bytes)?.strip_prefix(&FRAME_MAGIC)?;
        let payload_bytes = fields.get_u32_le();
        let position = Position(fields.get_u64_le());
        Some(Self { position, payload_bytes, payload_crc: fields.get_u32_le() })
    }
}

/// What stands at the start of a segment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) version: u32,
    pub(crate) first: Position,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut header = [0; SEGMENT_HEADER_BYTES];
        let mut fields = &mut header[..];
        fields.put_slice(&SEGMENT_MAGIC);
        fields.put_u32_le(self.version);
        fields.put_u64_le(self.first.0);
        seal(&mut header);
        header
    }

    /// The header at the start of `bytes`, if they begin with a valid one.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = sealed::<SEGMENT_HEADER_BYTES>(bytes)?.strip_prefix(&SEGMENT_MAGIC)?;
        let version = fields.get_u32_le();
        Some(Self { version, first: Position(fields.get_u64_le()) })
    }
}

fn seal(header: &mut [u8]) {
    let (fields, mut crc) = header.split_at_mut(header.len() - CRC_BYTES);
    crc.put_u32_le(crc32fast::hash(fields));
}

/// The fields of a header of `N` bytes, if its checksum is right.
fn sealed<const N: usize>(bytes: &[u8]) -> Option<&[u8]> {
    let (fields, mut crc) = bytes.get(..N)?.split_at(N - CRC_BYTES);
    (crc32fast::hash(fields) == crc.get_u32_le()).then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_come_back_as_they_were_written() {
        let frame = FrameHeader { position: Position(u64::MAX - 7), payload_bytes: 80 << 20, payload_crc: 0xdead_beef };
        let segment = SegmentHeader { version: VERSION, first: Position(812) };

        assert_eq!(FrameHeader::decode(&frame.encode()), Some(frame));
        assert_eq!(SegmentHeader::decode(&segment.encode()), Some(segment));
    }

    #[test]
    fn a_header_with_one_wrong_bit_is_no_header() {
        let frame = FrameHeader { position: Position(3), payload_bytes: 9, payload_crc: 4 }.encode();
        let segment = SegmentHeader { version: VERSION, first: Position(3) }.encode();

        for bit in 0..8 * FRAME_HEADER_BYTES {
            let (mut frame, mut segment) = (frame, segment);
            frame[bit / 8] ^= 1 << (bit % 8);
            segment[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FrameHeader::decode(&frame), None, "bit {bit}");
            assert_eq!(SegmentHeader::decode(&segment), None, "bit {bit}");
        }
    }

    #[test]
    fn a_payload_in_parts_has_the_checksum_of_the_whole() {
        let whole = Payload::new(vec![Bytes::from_static(b"abcdef")], 6).expect("fits");
        let parts = [&b"ab"[..], b"", b"cdef"].map(Bytes::from_static).to_vec();

        let payload = Payload::new(parts, 6).expect("fits");

        assert_eq!(payload.header(Position(1)), whole.header(Position(1)));
        assert_eq!(Payload::new(payload.parts, 5).err(), Some(6));
    }
}
