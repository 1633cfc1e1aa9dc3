//! The handle of a log: append, cut, close.
//! Handles share nothing but the ledger and the tail with the writer, and wait for neither longer than one group takes.

use std::{
    fs, io,
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle},
};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, oneshot};
use uuid::Uuid;

use crate::{
    AppendError, Config, Position, Replay, WalError,
    directory::Directory,
    frame::{FRAME_HEADER_BYTES, Payload, SEGMENT_HEADER_BYTES},
    ledger::Ledger,
    segment::{self, End},
    tail::{Frame, Tail},
    telemetry,
    writer::{Queued, Waiter, Writer, group_bytes_max},
};

/// A write-ahead log in a directory of its own. Dropping it closes it, and blocks like [`Wal::close`].
#[derive(Debug)]
pub struct Wal {
    id: Uuid,
    payload_bytes_max: u32,
    ledger: Arc<Ledger>,
    tail: Arc<Mutex<Tail>>,
    queue: mpsc::Sender<Queued>,
    stop: Arc<Notify>,
    writer: Mutex<Option<JoinHandle<Result<(), WalError>>>>,
}

impl Wal {
    /// Opens or makes the log in `path` and starts its writer; blocks while the newest segment is read.
    /// The frames that are there come from [`Replay`]; those appended from now on do not.
    pub fn open(path: &Path, config: Config) -> Result<(Self, Replay), WalError> {
        config.check()?;
        let directory = Directory::open(path)?;
        let mut segments = segment::list(path)?;
        let id = directory.id(segments.is_empty())?;
        let End { last, next } = match segments.last_mut() {
            Some(newest) => newest.mend()?,
            None => End { last: Position(0), next: Position(1) },
        };
        let replay = Replay::new(&segments, next);
        let ledger = Arc::new(Ledger::new(segments, last, config.bytes_max));
        let wal = Self::start(id, config, directory, ledger, next).map_err(WalError::at(path))?;
        Ok((wal, replay))
    }

    fn start(id: Uuid, config: Config, directory: Directory, ledger: Arc<Ledger>, next: Position) -> io::Result<Self> {
        let payload_bytes_max = payload_bytes_max(&config);
        let (queue, queued) = mpsc::channel(config.queued_frames_max);
        let stop = Arc::new(Notify::new());
        let group_bytes_max = group_bytes_max(config.segment_bytes);
        let tail = Arc::new(Mutex::new(Tail::new(directory, config, Arc::clone(&ledger), next)));
        let writer = Writer { queue: queued, tail: Arc::clone(&tail), stop: Arc::clone(&stop), group_bytes_max };
        let writer = thread::Builder::new().name("wal-writer".to_owned()).spawn(|| writer.run())?;
        Ok(Self { id, payload_bytes_max, ledger, tail, queue, stop, writer: Mutex::new(Some(writer)) })
    }

    /// Identity of the log: random, made with its directory and kept there.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Appends the parts as one frame, and answers when it is durable and `on_durable` has run.
    ///
    /// `on_durable` runs on the writer thread, in the order of positions, also when this future is dropped after the frame
    /// was queued; it does not run when the append fails. It holds up all other frames: it must be quick.
    pub async fn append(
        &self,
        parts: Vec<Bytes>,
        on_durable: impl FnOnce(Position) + Send + 'static,
    ) -> Result<Position, AppendError> {
        let payload = Payload::new(parts, self.payload_bytes_max)
            .map_err(|bytes| AppendError::FrameTooLarge { bytes, limit: self.payload_bytes_max.into() })?;
        let room = self.ledger.reserve(payload.frame_bytes())?;
        let (answer, answered) = oneshot::channel();
        let waiter = Waiter { on_durable: Box::new(on_durable), answer };
        let queued = Queued { frame: Frame { payload, room }, waiter };
        self.queue.send(queued).await.map_err(|_| AppendError::Closed)?;
        answered.await.map_err(|_| AppendError::Closed)?
    }

    /// Deletes the segments that hold no frame beyond `through`. If that is true of the newest as well, frames go on in a
    /// new one; only then does this wait for the writer, for one group at most.
    pub fn cut(&self, through: Position) -> Result<(), WalError> {
        // First what needs no new file: on a full disk this makes the space for one.
        self.delete_spent(through)?;
        if self.ledger.newest_is_spent(through) {
            self.tail.lock().roll_if_spent(through)?;
            self.delete_spent(through)?;
        }
        Ok(())
    }

    /// Syncs what was answered before it was synced; with [`Durability::Fsync`](crate::Durability) that is nothing. Who keeps
    /// frames elsewhere calls it first: a position that a loss of power took from the log would be given to another frame.
    pub fn sync(&self) -> Result<(), WalError> {
        let mut tail = self.tail.lock();
        tail.sync().map_err(WalError::at(tail.path()))
    }

    /// The frames after `through` that are in the log now, and some before; those appended later are not among them.
    pub fn frames_after(&self, through: Position) -> Replay {
        self.ledger.frames_after(through)
    }

    /// Position of the last frame that was kept; 0 if there never was one.
    pub fn last(&self) -> Position {
        self.ledger.last()
    }

    /// Bytes of all segments.
    pub fn bytes(&self) -> u64 {
        self.ledger.bytes()
    }

    /// Number of segments.
    pub fn segments(&self) -> usize {
        self.ledger.segments()
    }

    /// Finishes the frames that are queued, syncs, and lets go of the directory; blocks until then. Later appends are
    /// refused as closed. A second close does nothing.
    pub fn close(&self) -> Result<(), WalError> {
        let Some(writer) = self.writer.lock().take() else {
            return Ok(());
        };
        self.stop.notify_one();
        if writer.thread().id() == thread::current().id() {
            // A callback has dropped the last handle; the writer stops after this group, and cannot wait for itself.
            return Ok(());
        }
        writer.join().unwrap_or(Err(WalError::WriterPanicked))
    }

    fn delete_spent(&self, through: Position) -> Result<(), WalError> {
        for segment in self.ledger.spent(through) {
            match fs::remove_file(&segment.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(WalError::at(&segment.path)(error));
                }
                _ => self.ledger.forget(segment.first),
            }
        }
        Ok(())
    }
}

impl Drop for Wal {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            telemetry::not_closed(&error);
        }
    }
}

/// A frame that does not fit in the empty log would be refused as full for ever: it is too large instead.
fn payload_bytes_max(config: &Config) -> u32 {
    let overhead = (SEGMENT_HEADER_BYTES + FRAME_HEADER_BYTES) as u64;
    let fitting = config.bytes_max.saturating_sub(overhead);
    u32::try_from(fitting).unwrap_or(u32::MAX).min(config.frame_bytes_max)
}
