//! The end of the log, where frames are written.
//! A group of frames is kept whole, or leaves nothing behind that a replay would give.

use std::{
    fs::File,
    io::{self, IoSlice, Write},
    path::Path,
    sync::Arc,
    time::Instant,
};

use crate::{
    Config, Durability, Position, Step, WalError,
    directory::Directory,
    frame::Payload,
    ledger::{Ledger, Room},
    segment::Segment,
    telemetry,
};

#[derive(Debug)]
pub(crate) struct Tail {
    directory: Directory,
    config: Config,
    ledger: Arc<Ledger>,
    next: Position,
    /// `None` after opening and after a failure: the next group begins a segment.
    active: Option<Active>,
    is_closed: bool,
}

/// The segment that is written to, by the frames that were kept.
#[derive(Debug)]
struct Active {
    segment: Segment,
    file: File,
    unsynced_since: Option<Instant>,
}

/// A frame that may be written: its bytes are reserved.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) payload: Payload,
    pub(crate) room: Room,
}

impl Tail {
    pub(crate) fn new(directory: Directory, config: Config, ledger: Arc<Ledger>, next: Position) -> Self {
        Self { directory, config, ledger, next, active: None, is_closed: false }
    }

    /// Keeps the frames as durably as configured, and gives the position of the first.
    pub(crate) fn write(&mut self, frames: Vec<Frame>) -> io::Result<Position> {
        let first = self.next;
        let bytes = frames.iter().map(|frame| frame.payload.frame_bytes()).sum();
        self.make_space(bytes)?;
        self.keep(&frames, bytes)?;
        self.next = first.plus(frames.len());
        let rooms = frames.into_iter().map(|frame| frame.room).collect();
        self.ledger.wrote(rooms, self.next.before());
        Ok(first)
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Begins a new segment if the newest holds frames, and none beyond `through`, so that it can be deleted.
    pub(crate) fn roll_if_spent(&mut self, through: Position) -> Result<(), WalError> {
        if self.is_closed {
            return Err(WalError::Closed);
        }
        if self.ledger.newest_is_spent(through) {
            self.begin_segment().map_err(WalError::at(self.directory.path()))?;
        }
        Ok(())
    }

    /// When [`Tail::sync_if_due`] has something to do.
    pub(crate) fn sync_due(&self) -> Option<Instant> {
        let Durability::Interval(interval) = self.config.durability else {
            return None;
        };
        self.active.as_ref()?.unsynced_since?.checked_add(interval)
    }

    pub(crate) fn sync_if_due(&mut self, now: Instant) {
        if self.sync_due().is_some_and(|due| due <= now) {
            let _ = self.sync();
        }
    }

    /// Syncs frames that were answered before they were synced.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        let Some(active) = self.active.as_mut().filter(|active| active.unsynced_since.is_some()) else {
            return Ok(());
        };
        let synced = active.sync(&self.config);
        if let Err(error) = &synced {
            telemetry::answered_frames_not_synced(&active.segment.path, error);
            self.abandon(error);
        }
        synced
    }

    /// Syncs, and lets go of the directory.
    pub(crate) fn close(&mut self) -> Result<(), WalError> {
        self.is_closed = true;
        let synced = self
            .active
            .take()
            .map_or(Ok(()), |mut active| active.sync(&self.config).map_err(WalError::at(&active.segment.path)));
        let unlocked = self.directory.unlock();
        synced.and(unlocked.map_err(WalError::at(self.directory.path())))
    }

    fn make_space(&mut self, bytes: u64) -> io::Result<()> {
        let limit = self.config.segment_bytes;
        let has_space = |Active { segment, .. }: &Active| segment.is_empty() || segment.bytes + bytes <= limit;
        if self.active.as_ref().is_some_and(has_space) { Ok(()) } else { self.begin_segment() }
    }

    fn begin_segment(&mut self) -> io::Result<()> {
        // Nobody waits for the outcome, and a failure has been told.
        let _ = self.sync();
        let (segment, file) = Segment::create(&self.directory, self.next)?;
        self.ledger.begin(segment.clone());
        self.active = Some(Active { segment, file, unsynced_since: None });
        Ok(())
    }

    fn keep(&mut self, frames: &[Frame], bytes: u64) -> io::Result<()> {
        let active = self.active.as_mut().expect("space was made in a segment");
        if let Err(error) = active.write(&self.config, self.next, frames) {
            let cut_back = active.cut_back();
            cut_back.unwrap_or_else(|_| self.abandon(&error));
            return Err(error);
        }
        self.config.observed(Step::Written);
        if let Err(error) = active.sync_or_defer(&self.config) {
            // Whether these pages, or others, are on disk is unknown now, and a second sync would not tell the truth.
            let _ = active.cut_back();
            self.abandon(&error);
            return Err(error);
        }
        active.segment.bytes += bytes;
        Ok(())
    }

    /// Leaves the active segment as it is. The next one is named for the next position, so that a replay gives nothing
    /// of what may stand in this one from there on.
    fn abandon(&mut self, error: &io::Error) {
        if let Some(active) = self.active.take() {
            telemetry::segment_abandoned(&active.segment.path, error);
        }
    }
}

impl Active {
    fn write(&mut self, config: &Config, first: Position, frames: &[Frame]) -> io::Result<()> {
        let headers: Vec<_> =
            frames.iter().enumerate().map(|(i, frame)| frame.payload.header(first.plus(i)).encode()).collect();
        let mut group: Vec<&[u8]> = Vec::new();
        for (header, frame) in headers.iter().zip(frames) {
            group.push(header);
            group.extend(frame.payload.parts.iter().map(|part| &part[..]));
        }
        if config.observe.is_none() {
            return write_all(&mut self.file, &group);
        }
        let (half, rest) = split_in_half(&group);
        write_all(&mut self.file, &half)?;
        config.observed(Step::HalfWritten);
        write_all(&mut self.file, &rest)
    }

    fn sync_or_defer(&mut self, config: &Config) -> io::Result<()> {
        match config.durability {
            Durability::Fsync => self.sync(config),
            Durability::Interval(_) | Durability::None => {
                self.unsynced_since.get_or_insert_with(Instant::now);
                Ok(())
            }
        }
    }

    fn sync(&mut self, config: &Config) -> io::Result<()> {
        self.file.sync_data()?;
        self.unsynced_since = None;
        config.observed(Step::Synced);
        Ok(())
    }

    /// Takes back what was written after the frames that were kept.
    fn cut_back(&mut self) -> io::Result<()> {
        self.file.set_len(self.segment.bytes)?;
        self.file.sync_data()
    }
}

/// `write_vectored` takes at most as many buffers as the system allows, and may take less.
fn write_all(file: &mut File, buffers: &[&[u8]]) -> io::Result<()> {
    let mut slices: Vec<_> = buffers.iter().map(|buffer| IoSlice::new(buffer)).collect();
    let mut rest = &mut slices[..];
    // Empty buffers in front would look like a file that takes no more.
    IoSlice::advance_slices(&mut rest, 0);
    while !rest.is_empty() {
        match file.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut rest, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn split_in_half<'a>(buffers: &[&'a [u8]]) -> (Vec<&'a [u8]>, Vec<&'a [u8]>) {
    let mut missing = buffers.iter().map(|buffer| buffer.len()).sum::<usize>() / 2;
    let halves = buffers.iter().map(|buffer| {
        let (half, rest) = buffer.split_at(missing.min(buffer.len()));
        missing -= half.len();
        (half, rest)
    });
    halves.unzip()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{replay::Replay, replay::Replayed, segment};

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        check_refused_group(File::options().append(true).open("/dev/full").expect("device"));
    }

    #[test]
    fn a_failed_sync_leaves_nothing_behind() {
        // Takes every write, and refuses to sync.
        check_refused_group(File::options().append(true).open("/dev/null").expect("device"));
    }

    #[test]
    fn a_segment_that_cannot_be_truncated_gives_no_refused_frames() {
        let directory = tempfile::tempdir().expect("directory");
        let mut tail = tail(directory.path());
        write(&mut tail, "kept").expect("healthy");

        let first = tail.active.as_ref().expect("segment").segment.path.clone();
        write(&mut tail, "refused").expect("written, then disowned");
        tail.next = tail.next.before();
        tail.abandon(&io::ErrorKind::Other.into());
        write(&mut tail, "sent again").expect("healthy");

        assert!(std::fs::read(first).expect("readable").ends_with(b"refused"));
        assert_eq!(replay(directory.path(), tail.next), [(1, "kept".into()), (2, "sent again".into())]);
    }

    fn check_refused_group(broken: File) {
        let directory = tempfile::tempdir().expect("directory");
        let mut tail = tail(directory.path());
        write(&mut tail, "kept").expect("healthy");

        tail.active.as_mut().expect("segment").file = broken;
        write(&mut tail, "refused").expect_err("broken");
        let next = write(&mut tail, "sent again").expect("healthy");

        assert_eq!(next, Position(2));
        assert_eq!(replay(directory.path(), tail.next), [(1, "kept".into()), (2, "sent again".into())]);
        assert_eq!(
            tail.ledger.bytes(),
            std::fs::read_dir(directory.path()).expect("readable").map(bytes_of).sum::<u64>()
        );
    }

    fn bytes_of(entry: io::Result<std::fs::DirEntry>) -> u64 {
        entry.and_then(|entry| entry.metadata()).expect("readable").len()
    }

    fn tail(path: &Path) -> Tail {
        let ledger = Arc::new(Ledger::new(Vec::new(), Position(0), u64::MAX));
        Tail::new(Directory::open(path).expect("free"), Config::default(), ledger, Position(1))
    }

    fn write(tail: &mut Tail, text: &'static str) -> io::Result<Position> {
        let payload = Payload::new(vec![Bytes::from_static(text.as_bytes())], 100).expect("fits");
        let room = tail.ledger.reserve(payload.frame_bytes()).expect("room");
        tail.write(vec![Frame { payload, room }])
    }

    fn replay(path: &Path, next: Position) -> Vec<(u64, Bytes)> {
        let segments = segment::list(path).expect("readable");
        let frames = Replay::new(&segments, next).map(|replayed| match replayed.expect("readable") {
            Replayed::Frame { position, payload } => (position.0, payload),
            corrupt => panic!("{corrupt:?}"),
        });
        frames.collect()
    }
}
