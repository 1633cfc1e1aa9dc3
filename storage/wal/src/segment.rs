//! Segment files: found, made, and mended after a crash.
//! A name is the first position of a file, so positions go on from it even when all frames are gone.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use crate::{
    Position, WalError,
    directory::Directory,
    frame::{SEGMENT_HEADER_BYTES, SegmentHeader, VERSION},
    reader::{Found, SegmentReader},
    telemetry,
};

const EXTENSION: &str = "wal";
const NAME_DIGITS: usize = 20;

/// A segment file as far as it is known to be good.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) first: Position,
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
}

/// Where the log ended when it was opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    /// Position of the last good frame.
    pub(crate) last: Position,
    /// Position of the next frame. Beyond any that damage may have taken: those may have been acknowledged.
    pub(crate) next: Position,
}

impl Segment {
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes <= SEGMENT_HEADER_BYTES as u64
    }

    /// Makes the segment of the frames from `first` on; its name is durable afterwards.
    pub(crate) fn create(directory: &Directory, first: Position) -> io::Result<(Self, File)> {
        let path = directory.path().join(format!("{first:0NAME_DIGITS$}.{EXTENSION}"));
        // Append mode, so that after `set_len` the next write goes to the new end.
        let mut file = File::options().create(true).append(true).open(&path)?;
        // What a file of this name may hold was never acknowledged: else the position would be used.
        file.set_len(0)?;
        file.write_all(&SegmentHeader { version: VERSION, first }.encode())?;
        directory.sync()?;
        Ok((Self { first, path, bytes: SEGMENT_HEADER_BYTES as u64 }, file))
    }

    /// Finds the end of the newest segment and cuts off what a crash left half written. What is left is on disk afterwards.
    pub(crate) fn mend(&mut self) -> Result<End, WalError> {
        let mut reader = SegmentReader::open(self, Position(u64::MAX)).map_err(WalError::at(&self.path))?;
        let mut last = self.first.before();
        let mut good_bytes = reader.offset();
        while let Some(found) = reader.next().map_err(WalError::at(&self.path))? {
            if let Found::Frame { position, .. } = found {
                last = position;
                good_bytes = reader.offset();
            }
        }
        let end = End { last, next: self.first.plus(usize::from(!self.is_empty())).max(reader.expected()) };
        self.settle(good_bytes).map_err(WalError::at(&self.path))?;
        Ok(end)
    }

    fn settle(&mut self, good_bytes: u64) -> io::Result<()> {
        let file = File::options().write(true).open(&self.path)?;
        if good_bytes < self.bytes {
            file.set_len(good_bytes)?;
            telemetry::torn_tail_dropped(&self.path, good_bytes, self.bytes - good_bytes);
            self.bytes = good_bytes;
        }
        file.sync_all()
    }
}

/// The segments in a directory, oldest first.
pub(crate) fn list(directory: &Path) -> Result<Vec<Segment>, WalError> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(directory).map_err(WalError::at(directory))? {
        let path = entry.map_err(WalError::at(directory))?.path();
        if let Some(first) = first_position(&path) {
            segments.push(measure(path, first)?);
        }
    }
    segments.sort_by_key(|segment| segment.first);
    Ok(segments)
}

/// The position a segment is named for; `None` for any other file.
fn first_position(path: &Path) -> Option<Position> {
    let digits = path.file_stem()?.to_str()?;
    let is_segment = path.extension()? == EXTENSION
        && digits.len() == NAME_DIGITS
        && digits.bytes().all(|digit| digit.is_ascii_digit());
    let first = is_segment.then(|| digits.parse().ok())??;
    (first > 0).then_some(Position(first))
}

fn measure(path: PathBuf, first: Position) -> Result<Segment, WalError> {
    let mut start = Vec::with_capacity(SEGMENT_HEADER_BYTES);
    let bytes = File::open(&path)
        .and_then(|file| {
            (&file).take(SEGMENT_HEADER_BYTES as u64).read_to_end(&mut start)?;
            file.metadata()
        })
        .map_err(WalError::at(&path))?
        .len();
    // A newer format must not be taken for damage and cut off.
    match SegmentHeader::decode(&start) {
        Some(SegmentHeader { version, .. }) if version > VERSION => {
            Err(WalError::UnknownVersion { path, version, known: VERSION })
        }
        _ => Ok(Segment { first, path, bytes }),
    }
}
