//! How events come from the outbox to those who want them.

use std::fmt::Debug;

use async_trait::async_trait;
use records::Sequence;

use super::error::EventsError;
use super::event::Event;

/// A way for events. Whichever it is, an event keeps the sequence that the outbox gave it, so one that is carried twice is there once.
#[async_trait]
pub(super) trait Transport: Debug + Send + Sync {
    /// Brings what was published to where members take it, and gives the last sequence there.
    async fn carry(&self) -> Result<Sequence, EventsError>;

    /// Begins to take for a consumer, behind what it has settled; `None` when somebody else has to end first. No two members have the same
    /// name, ever.
    async fn join(&self, consumer: &str, name: &str) -> Result<Option<Box<dyn Member>>, EventsError>;
}

/// One of those who take events for a consumer. When a call fails it is made again.
#[async_trait]
pub(super) trait Member: Debug + Send + Sync {
    /// Some events that no member has, if there are any.
    async fn take(&mut self, most: usize) -> Result<Vec<Taken>, EventsError>;

    /// These never have to come again.
    async fn settle(&mut self, settled: &[Sequence]) -> Result<(), EventsError>;

    /// Tells the others that it lives, and gives some of what those had that do not.
    async fn beat(&mut self, most: usize) -> Result<Vec<Taken>, EventsError>;

    /// Whether a member of this name is still at work.
    fn lives(&self, name: &str) -> bool;

    /// Gives back what is not settled.
    async fn leave(&mut self) -> Result<(), EventsError>;
}

/// An event that a member has now.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) sequence: Sequence,
    pub(super) event: Event,
    /// Somebody may have begun with it before, and has not ended.
    pub(super) was_begun: bool,
}
