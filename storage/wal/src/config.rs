//! What an operator may set about the log, and the limits it keeps.

use std::{fmt, sync::Arc, time::Duration};

use crate::WalError;

const MIB: u64 = 1024 * 1024;

/// Limits and durability of one log.
#[derive(Clone)]
pub struct Config {
    /// Size at which a segment file is followed by the next, in bytes; default 64 MiB. One group of frames may exceed it.
    pub segment_bytes: u64,
    /// Bytes all segments and all queued frames may take together; default 4 GiB. Beyond it appends are refused as full.
    pub bytes_max: u64,
    /// Largest payload of one frame, in bytes; default 80 MiB.
    pub frame_bytes_max: u32,
    /// Frames that may wait for the writer; default 1024. Beyond it `append` waits for a place.
    pub queued_frames_max: usize,
    /// When an append is answered; default after the sync.
    pub durability: Durability,
    /// Told of each step of a commit, on the writer thread; for crash tests.
    pub observe: Option<Observer>,
}

/// When a frame counts as durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// After the file is synced: an answered frame survives a loss of power.
    #[default]
    Fsync,
    /// After the write; the file is synced this long after. A loss of power takes at most this much; a crash of the process nothing.
    Interval(Duration),
    /// After the write; a segment is synced when it is finished. A loss of power takes what the system has not written by
    /// then; a crash of the process nothing.
    None,
}

/// Called at each [`Step`] of a commit. It may abort the process.
pub type Observer = Arc<dyn Fn(Step) + Send + Sync>;

/// How far the writer has come with a group of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Half of the group's bytes are written. Only with an observer is the write split in two.
    HalfWritten,
    /// All of the group is written, not yet synced.
    Written,
    /// All that was written is on disk.
    Synced,
}

impl Config {
    /// Refuses settings with which the log could not work.
    pub fn check(&self) -> Result<(), WalError> {
        refuse_zero("segment_bytes", self.segment_bytes == 0)?;
        refuse_zero("bytes_max", self.bytes_max == 0)?;
        refuse_zero("frame_bytes_max", self.frame_bytes_max == 0)?;
        refuse_zero("queued_frames_max", self.queued_frames_max == 0)?;
        refuse_zero("durability interval", self.durability == Durability::Interval(Duration::ZERO))
    }

    pub(crate) fn observed(&self, step: Step) {
        if let Some(observe) = &self.observe {
            observe(step);
        }
    }
}

fn refuse_zero(setting: &'static str, is_zero: bool) -> Result<(), WalError> {
    if is_zero { Err(WalError::ZeroSetting { setting }) } else { Ok(()) }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            segment_bytes: 64 * MIB,
            bytes_max: 4096 * MIB,
            frame_bytes_max: 80 * MIB as u32,
            queued_frames_max: 1024,
            durability: Durability::Fsync,
            observe: None,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("segment_bytes", &self.segment_bytes)
            .field("bytes_max", &self.bytes_max)
            .field("frame_bytes_max", &self.frame_bytes_max)
            .field("queued_frames_max", &self.queued_frames_max)
            .field("durability", &self.durability)
            .field("observed", &self.observe.is_some())
            .finish()
    }
}
