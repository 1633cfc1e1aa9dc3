//! The thread that writes: takes every frame that waits, has them kept together, and answers them in order.
//! A callback runs if and only if its frame was kept, whether or not its caller still waits.

use std::{io, sync::Arc, time::Instant};

use parking_lot::Mutex;
use tokio::{
    runtime::{self, Runtime},
    sync::{Notify, mpsc, oneshot},
    time::sleep_until,
};

use crate::{
    AppendError, Position, WalError,
    tail::{Frame, Tail},
};

/// Bytes after which a group is written, however many frames wait.
const GROUP_BYTES_MAX: u64 = 32 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) queue: mpsc::Receiver<Queued>,
    pub(crate) tail: Arc<Mutex<Tail>>,
    pub(crate) stop: Arc<Notify>,
    pub(crate) group_bytes_max: u64,
}

/// A frame on its way to the disk, and who is to be told.
pub(crate) struct Queued {
    pub(crate) frame: Frame,
    pub(crate) waiter: Waiter,
}

pub(crate) struct Waiter {
    pub(crate) on_durable: Box<dyn FnOnce(Position) + Send>,
    pub(crate) answer: oneshot::Sender<Result<Position, AppendError>>,
}

enum Woken {
    ByFrame(Queued),
    ByClock,
    ToStop,
}

impl Writer {
    /// Writes until told to stop, finishes what is queued then, and closes the log.
    pub(crate) fn run(mut self) -> Result<(), WalError> {
        let waiting =
            runtime::Builder::new_current_thread().enable_time().build().expect("a clock needs nothing of the system");
        loop {
            match self.wait(&waiting) {
                Woken::ByFrame(first) => self.commit_with_waiting(first),
                Woken::ByClock => {}
                Woken::ToStop => break,
            }
            self.tail.lock().sync_if_due(Instant::now());
        }
        self.queue.close();
        // Not `recv`: it would wait for callers that have a place in the queue and do not use it.
        while let Ok(first) = self.queue.try_recv() {
            self.commit_with_waiting(first);
        }
        self.tail.lock().close()
    }

    fn wait(&mut self, waiting: &Runtime) -> Woken {
        let due = self.tail.lock().sync_due();
        waiting.block_on(async {
            tokio::select! {
                biased;
                () = self.stop.notified() => Woken::ToStop,
                frame = self.queue.recv() => frame.map_or(Woken::ToStop, Woken::ByFrame),
                () = until(due) => Woken::ByClock,
            }
        })
    }

    /// Groups `first` with the frames that wait behind it.
    fn commit_with_waiting(&mut self, first: Queued) {
        let mut bytes = first.frame.payload.frame_bytes();
        let mut frames = vec![first.frame];
        let mut waiters = vec![first.waiter];
        while bytes < self.group_bytes_max && frames.len() < self.queue.max_capacity() {
            let Ok(next) = self.queue.try_recv() else {
                break;
            };
            bytes += next.frame.payload.frame_bytes();
            frames.push(next.frame);
            waiters.push(next.waiter);
        }
        // The lock is free again when callbacks run: a cut may come from any of them.
        let written = self.tail.lock().write(frames);
        match written {
            Ok(first) => answer(waiters, first),
            Err(error) => refuse(waiters, error),
        }
    }
}

/// The bytes of one group: a small segment is not to be overrun by a large group.
pub(crate) fn group_bytes_max(segment_bytes: u64) -> u64 {
    segment_bytes.min(GROUP_BYTES_MAX)
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

fn answer(waiters: Vec<Waiter>, first: Position) {
    for (i, waiter) in waiters.into_iter().enumerate() {
        let position = first.plus(i);
        (waiter.on_durable)(position);
        // The caller may have gone; its frame is kept all the same.
        let _ = waiter.answer.send(Ok(position));
    }
}

fn refuse(waiters: Vec<Waiter>, error: io::Error) {
    let error = Arc::new(error);
    for waiter in waiters {
        let _ = waiter.answer.send(Err(AppendError::Io(Arc::clone(&error))));
    }
}
