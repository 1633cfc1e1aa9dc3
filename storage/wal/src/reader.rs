//! Reads the frames of one segment in order and gets past damage.
//! What it gives was written: header and payload have passed their checksums, and positions only grow.

use std::{fs::File, io, os::unix::fs::FileExt};

use bytes::Bytes;

use crate::{
    Position,
    frame::{FRAME_HEADER_BYTES, FRAME_MAGIC, FrameHeader, SEGMENT_HEADER_BYTES, SegmentHeader},
    segment::Segment,
};

/// Bytes read at once; small frames share a read, larger ones are read into place.
const WINDOW_BYTES: u64 = 128 * 1024;

#[derive(Debug)]
pub(crate) struct SegmentReader {
    window: Window,
    offset: u64,
    expected: Position,
    fence: Position,
}

#[derive(Debug)]
pub(crate) enum Found {
    Frame { position: Position, payload: Bytes },
    Corrupt { offset: u64, bytes: u64, reason: CorruptReason },
}

/// What was wrong with bytes that were skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorruptReason {
    /// The start of the segment is unreadable.
    SegmentHeader,
    /// No frame begins where one should.
    FrameHeader,
    /// A frame's payload does not match its checksum; exactly this frame is skipped.
    Payload,
    /// The segment ends inside a frame.
    CutOff,
}

/// What is at an offset where a frame should begin.
enum Spot {
    Frame(FrameHeader, Bytes),
    BadPayload(FrameHeader),
    CutOff(FrameHeader),
    NoHeader,
}

impl SegmentReader {
    /// Reads `segment` up to its size of now. Frames at or beyond `fence`, where the following segment begins, are left out:
    /// they were refused, and their positions given to others.
    pub(crate) fn open(segment: &Segment, fence: Position) -> io::Result<Self> {
        let mut window = Window::new(File::open(&segment.path)?, segment.bytes);
        let header = SegmentHeader::decode(window.from(0)?);
        let is_readable = header.is_some_and(|header| header.first == segment.first);
        let offset = if is_readable { SEGMENT_HEADER_BYTES as u64 } else { 0 };
        Ok(Self { window, offset, expected: segment.first, fence })
    }

    /// The next frame or stretch of damage; `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Found>> {
        // With all positions before the fence seen, the rest is what a refused group has left.
        if self.offset >= self.window.file_bytes || self.expected >= self.fence {
            return Ok(None);
        }
        let found = match self.spot(self.offset)? {
            Spot::Frame(header, payload) => {
                self.pass(header);
                Found::Frame { position: header.position, payload }
            }
            Spot::BadPayload(header) => self.corrupt(header.end(self.offset), Some(header), CorruptReason::Payload),
            Spot::CutOff(header) => self.corrupt(self.window.file_bytes, Some(header), CorruptReason::CutOff),
            Spot::NoHeader => {
                let reason = if self.offset == 0 { CorruptReason::SegmentHeader } else { CorruptReason::FrameHeader };
                let end = self.next_frame(self.offset + 1)?;
                self.corrupt(end, None, reason)
            }
        };
        Ok(Some(found))
    }

    /// Where the next frame should begin.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// The lowest position the next frame can have.
    pub(crate) fn expected(&self) -> Position {
        self.expected
    }

    fn pass(&mut self, header: FrameHeader) {
        self.offset = header.end(self.offset);
        self.expected = header.position.plus(1);
    }

    fn corrupt(&mut self, end: u64, header: Option<FrameHeader>, reason: CorruptReason) -> Found {
        let offset = self.offset;
        self.offset = end;
        if let Some(header) = header {
            self.expected = header.position.plus(1);
        }
        Found::Corrupt { offset, bytes: end - offset, reason }
    }

    fn spot(&mut self, offset: u64) -> io::Result<Spot> {
        let positions = self.expected..self.fence;
        let header =
            FrameHeader::decode(self.window.from(offset)?).filter(|header| positions.contains(&header.position));
        let Some(header) = header else {
            return Ok(Spot::NoHeader);
        };
        if header.end(offset) > self.window.file_bytes {
            return Ok(Spot::CutOff(header));
        }
        let payload = self.window.copy(offset + FRAME_HEADER_BYTES as u64, header.payload_bytes as usize)?;
        if crc32fast::hash(&payload) == header.payload_crc {
            Ok(Spot::Frame(header, Bytes::from(payload)))
        } else {
            Ok(Spot::BadPayload(header))
        }
    }

    /// Offset of the first whole frame at or after `offset`, or the end of the file.
    fn next_frame(&mut self, mut offset: u64) -> io::Result<u64> {
        while let Some(candidate) = self.next_magic(offset)? {
            if let Spot::Frame(..) = self.spot(candidate)? {
                return Ok(candidate);
            }
            offset = candidate + 1;
        }
        Ok(self.window.file_bytes)
    }

    fn next_magic(&mut self, mut offset: u64) -> io::Result<Option<u64>> {
        while offset + FRAME_HEADER_BYTES as u64 <= self.window.file_bytes {
            let bytes = self.window.from(offset)?;
            if let Some(at) = bytes.windows(FRAME_MAGIC.len()).position(|four| four == FRAME_MAGIC) {
                return Ok(Some(offset + at as u64));
            }
            // The magic may lie across the end of the window.
            offset += (bytes.len() - (FRAME_MAGIC.len() - 1)) as u64;
        }
        Ok(None)
    }
}

impl FrameHeader {
    /// Where the frame ends whose header is at `offset`.
    fn end(&self, offset: u64) -> u64 {
        offset + FRAME_HEADER_BYTES as u64 + u64::from(self.payload_bytes)
    }
}

/// A moving view of a file.
#[derive(Debug)]
struct Window {
    file: File,
    file_bytes: u64,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    fn new(file: File, file_bytes: u64) -> Self {
        Self { file, file_bytes, start: 0, bytes: Vec::new() }
    }

    /// The bytes at hand from `offset` on: enough for a header, unless the file ends before.
    fn from(&mut self, offset: u64) -> io::Result<&[u8]> {
        let needed = (self.file_bytes - offset).min(FRAME_HEADER_BYTES as u64) as usize;
        if self.held(offset).len() < needed {
            self.bytes.resize((self.file_bytes - offset).min(WINDOW_BYTES) as usize, 0);
            self.start = offset;
            self.file.read_exact_at(&mut self.bytes, offset)?;
        }
        Ok(self.held(offset))
    }

    fn copy(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let held = self.held(offset);
        let held = &held[..held.len().min(length)];
        let mut copy = vec![0; length];
        copy[..held.len()].copy_from_slice(held);
        self.file.read_exact_at(&mut copy[held.len()..], offset + held.len() as u64)?;
        Ok(copy)
    }

    fn held(&self, offset: u64) -> &[u8] {
        let skipped = offset.checked_sub(self.start).map_or(usize::MAX, |skipped| skipped as usize);
        self.bytes.get(skipped..).unwrap_or_default()
    }
}
