//! Gives back the frames that were in the log when it was opened, in order, one at a time.
//! Damage is reported in its place and survived.

use std::{io, path::PathBuf, vec};

use bytes::Bytes;

use crate::{
    Position, WalError,
    reader::{CorruptReason, Found, SegmentReader},
    segment::Segment,
};

/// The frames of the log as of its opening; holds one frame and a small read buffer in memory.
///
/// After an error it goes on with the next segment. A segment that is cut meanwhile is passed over.
#[derive(Debug)]
pub struct Replay {
    /// Each segment with the position at which the following begins.
    waiting: vec::IntoIter<(Segment, Position)>,
    current: Option<(Segment, SegmentReader)>,
    bytes_total: u64,
    bytes_finished: u64,
}

/// What was found in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// A frame as it was appended.
    Frame {
        /// Its number.
        position: Position,
        /// Its parts, joined.
        payload: Bytes,
    },
    /// Bytes that hold no readable frame.
    Corrupt {
        /// The file.
        segment: PathBuf,
        /// Where the damage begins.
        offset: u64,
        /// How many bytes were skipped.
        bytes: u64,
        /// What was wrong.
        reason: CorruptReason,
    },
}

impl Replay {
    /// Of `segments`, oldest first, for a log whose next frame is `next`.
    pub(crate) fn new(segments: &[Segment], next: Position) -> Self {
        let following = segments.iter().skip(1).map(|segment| segment.first).chain([next]);
        let waiting: Vec<_> = segments.iter().cloned().zip(following).collect();
        Self {
            waiting: waiting.into_iter(),
            current: None,
            bytes_total: segments.iter().map(|segment| segment.bytes).sum(),
            bytes_finished: 0,
        }
    }

    /// Bytes there are to read.
    pub fn bytes_total(&self) -> u64 {
        self.bytes_total
    }

    /// Bytes read so far; equal to the total at the end.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_finished + self.current.as_ref().map_or(0, |(_, reader)| reader.offset())
    }

    fn advance(&mut self) -> Result<Option<Replayed>, WalError> {
        while let Some((segment, mut reader)) = self.take_segment()? {
            match reader.next() {
                Ok(Some(found)) => {
                    let replayed = replayed(found, &segment);
                    self.current = Some((segment, reader));
                    return Ok(Some(replayed));
                }
                Ok(None) => self.bytes_finished += segment.bytes,
                Err(error) => return Err(self.failed(&segment, error)),
            }
        }
        Ok(None)
    }

    /// The segment being read, or the next one that has not been cut.
    fn take_segment(&mut self) -> Result<Option<(Segment, SegmentReader)>, WalError> {
        if self.current.is_some() {
            return Ok(self.current.take());
        }
        while let Some((segment, fence)) = self.waiting.next() {
            match SegmentReader::open(&segment, fence) {
                Ok(reader) => return Ok(Some((segment, reader))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.bytes_finished += segment.bytes;
                }
                Err(error) => return Err(self.failed(&segment, error)),
            }
        }
        Ok(None)
    }

    fn failed(&mut self, segment: &Segment, error: io::Error) -> WalError {
        self.bytes_finished += segment.bytes;
        WalError::at(&segment.path)(error)
    }
}

impl Iterator for Replay {
    type Item = Result<Replayed, WalError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

fn replayed(found: Found, segment: &Segment) -> Replayed {
    match found {
        Found::Frame { position, payload } => Replayed::Frame { position, payload },
        Found::Corrupt { offset, bytes, reason } => {
            Replayed::Corrupt { segment: segment.path.clone(), offset, bytes, reason }
        }
    }
}
