//! An event in the hands of a consumer, and what the consumer says of it.

use std::sync::Arc;

use records::{RecordId, Sequence};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::event::Event;

/// The events of one consumer, in the order in which they were published; those that failed come again later.
///
/// When it is dropped, what was not acknowledged goes to whoever subscribes next.
#[derive(Debug)]
pub struct Deliveries {
    incoming: mpsc::Receiver<Delivery>,
    task: JoinHandle<()>,
}

impl Deliveries {
    pub(super) fn new(incoming: mpsc::Receiver<Delivery>, task: JoinHandle<()>) -> Self {
        Self { incoming, task }
    }

    /// The next event; waits for it without end. Nothing is lost when the wait is given up.
    pub async fn next(&mut self) -> Option<Delivery> {
        self.incoming.recv().await
    }

    /// Ends the subscription and writes down what was acknowledged.
    pub async fn close(mut self) {
        self.incoming.close();
        while self.incoming.recv().await.is_some() {}
        // A panic of the task has been told by the runtime, and loses nothing that the log does not bring back.
        let _ = self.task.await;
    }
}

/// An event that a consumer has now. Dropped without an answer, it has failed.
#[derive(Debug)]
pub struct Delivery {
    event: Arc<Event>,
    attempt: u32,
    answer: Option<Answer>,
}

#[derive(Debug)]
struct Answer {
    ticket: Ticket,
    verdicts: mpsc::Sender<Verdict>,
}

impl Delivery {
    pub(super) fn new(event: Event, attempt: u32, ticket: Ticket, verdicts: mpsc::Sender<Verdict>) -> Self {
        Self { event: Arc::new(event), attempt, answer: Some(Answer { ticket, verdicts }) }
    }

    /// What happened.
    pub fn event(&self) -> &Event {
        &self.event
    }

    /// How often it was delivered, with this time; a number above 1 means that a part of the work may be done already.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// It is handled and does not come again, unless the process dies within the next moments.
    pub fn ack(mut self) {
        self.say(Outcome::Handled);
    }

    /// It is not handled: it comes again after a pause, or becomes a dead letter with this reason.
    pub fn nack(mut self, reason: impl Into<String>) {
        self.say(Outcome::Failed(reason.into()));
    }

    fn say(&mut self, outcome: Outcome) {
        let Some(Answer { ticket, verdicts }) = self.answer.take() else { return };
        // There is room for a verdict of each event that is out; when the subscription has ended, nobody needs it.
        let _ = verdicts.try_send(Verdict { ticket, event: Arc::clone(&self.event), outcome });
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.say(Outcome::Dropped);
    }
}

/// Where an event came from.
#[derive(Clone, Debug)]
pub(super) enum Ticket {
    /// From the log, for the first time.
    Log(Sequence),
    /// From the letters.
    Letter(RecordId),
}

#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) ticket: Ticket,
    pub(super) event: Arc<Event>,
    pub(super) outcome: Outcome,
}

#[derive(Debug)]
pub(super) enum Outcome {
    Handled,
    Failed(String),
    /// Nothing was said.
    Dropped,
}
