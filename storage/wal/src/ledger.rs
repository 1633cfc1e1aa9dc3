//! Knows what the log holds: its segments, its last position, and the bytes promised to frames that wait.
//! Written and promised bytes together never exceed the limit.

use std::{collections::VecDeque, mem, sync::Arc};

use parking_lot::Mutex;

use crate::{AppendError, Position, Replay, segment::Segment};

#[derive(Debug)]
pub(crate) struct Ledger {
    bytes_max: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Oldest first; frames are written to the last.
    segments: VecDeque<Segment>,
    last: Position,
    queued_bytes: u64,
}

/// Bytes promised to one frame; given back on drop unless the frame was written.
#[derive(Debug)]
pub(crate) struct Room {
    ledger: Arc<Ledger>,
    bytes: u64,
}

impl Ledger {
    pub(crate) fn new(segments: Vec<Segment>, last: Position, bytes_max: u64) -> Self {
        Self { bytes_max, state: Mutex::new(State { segments: segments.into(), last, queued_bytes: 0 }) }
    }

    pub(crate) fn reserve(self: &Arc<Self>, bytes: u64) -> Result<Room, AppendError> {
        let mut state = self.state.lock();
        let held = state.bytes() + state.queued_bytes;
        if held + bytes > self.bytes_max {
            return Err(AppendError::Full { bytes: held, limit: self.bytes_max });
        }
        state.queued_bytes += bytes;
        Ok(Room { ledger: Arc::clone(self), bytes })
    }

    pub(crate) fn begin(&self, segment: Segment) {
        let segments = &mut self.state.lock().segments;
        // An empty segment is begun again under its name.
        if segments.back().is_some_and(|newest| newest.first == segment.first) {
            segments.pop_back();
        }
        segments.push_back(segment);
    }

    /// The frames with these rooms are now in the newest segment.
    pub(crate) fn wrote(&self, rooms: Vec<Room>, last: Position) {
        let mut state = self.state.lock();
        for mut room in rooms {
            let bytes = mem::take(&mut room.bytes);
            state.queued_bytes -= bytes;
            state.segments.back_mut().expect("a frame is written to a segment").bytes += bytes;
        }
        state.last = last;
    }

    /// Whether the newest segment holds frames, and none beyond `through`.
    pub(crate) fn newest_is_spent(&self, through: Position) -> bool {
        let state = self.state.lock();
        state.last <= through && state.segments.back().is_some_and(|newest| !newest.is_empty())
    }

    /// The segments that hold nothing beyond `through`, oldest first; never the newest.
    pub(crate) fn spent(&self, through: Position) -> Vec<Segment> {
        let state = self.state.lock();
        let following = state.segments.iter().skip(1);
        let pairs = state.segments.iter().zip(following);
        pairs
            .take_while(|(_, following)| following.first.before() <= through)
            .map(|(segment, _)| segment.clone())
            .collect()
    }

    /// The frames of the segments that hold some beyond `through`.
    pub(crate) fn frames_after(&self, through: Position) -> Replay {
        let state = self.state.lock();
        let segments: Vec<Segment> = state.segments.iter().cloned().collect();
        let spent = segments.windows(2).take_while(|pair| pair[1].first.before() <= through).count();
        Replay::new(&segments[spent..], state.last.plus(1))
    }

    pub(crate) fn forget(&self, first: Position) {
        self.state.lock().segments.retain(|segment| segment.first != first);
    }

    pub(crate) fn last(&self) -> Position {
        self.state.lock().last
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.state.lock().bytes()
    }

    pub(crate) fn segments(&self) -> usize {
        self.state.lock().segments.len()
    }
}

impl State {
    fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        // Written frames are dropped under the lock, with nothing to give back.
        if self.bytes > 0 {
            self.ledger.state.lock().queued_bytes -= self.bytes;
        }
    }
}
