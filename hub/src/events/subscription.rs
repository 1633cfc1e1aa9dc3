//! A subscription at work: takes events, hands them out, and writes down what has become of them.
//!
//! The promise: an event is settled in the log only after it was acknowledged, or after a letter about it is in the records.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use records::{Collection, Error as RecordsError, Expected, Sequence};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::config::Config;
use super::delivery::{Delivery, Outcome, Ticket, Verdict};
use super::error::EventsError;
use super::event::{Event, Types};
use super::letter::{Filed, Letter, Waiting, shortened};
use super::telemetry::Telemetry;
use super::transport::{Member, Taken, Transport};

/// Pauses of [`Config::poll`] after something did not answer.
const POLLS_AFTER_FAILURE: u32 = 5;
/// How long a subscription that ends may take to say so.
const MOMENT: Duration = Duration::from_secs(2);
/// Why an event that was begun has no reason of its own.
const NO_WORD: &str = "it was begun and never ended: its process stopped meanwhile";
const NO_ANSWER: &str = "it was dropped without an answer: did its handler panic?";

pub(super) struct Subscription {
    pub(super) consumer: String,
    pub(super) types: Types,
    pub(super) config: Config,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) letters: Collection<Letter>,
    pub(super) telemetry: Arc<Telemetry>,
    /// Tells when there is something new in the log.
    pub(super) carried: watch::Receiver<Sequence>,
    pub(super) deliveries: mpsc::Sender<Delivery>,
}

impl Subscription {
    /// Works until the deliveries are dropped or closed.
    pub(super) async fn run(self) {
        // One for each event of the log that is out, and one for a letter.
        let (say, mut verdicts) = mpsc::channel(self.config.in_flight_max + 1);
        let (poll, deliveries) = (self.config.poll(), self.deliveries.clone());
        let mut carried = self.carried.clone();
        let mut work = Work::new(self, say);
        while !deliveries.is_closed() {
            let pause = match work.turn().await {
                Ok(()) if work.has_more() => continue,
                Ok(()) => poll,
                Err(cause) => {
                    work.part.telemetry.stuck(&cause);
                    poll * POLLS_AFTER_FAILURE
                }
            };
            tokio::select! {
                Some(verdict) = verdicts.recv() => work.note(verdict),
                Ok(()) = carried.changed() => {}
                () = sleep(pause) => {}
                () = deliveries.closed() => {}
            }
            while let Ok(verdict) = verdicts.try_recv() {
                work.note(verdict);
            }
        }
        while let Ok(verdict) = verdicts.try_recv() {
            work.note(verdict);
        }
        work.end().await;
    }
}

/// What is under way.
struct Work {
    part: Subscription,
    /// This member's name, which no other has.
    name: String,
    member: Option<Box<dyn Member>>,
    say: mpsc::Sender<Verdict>,
    /// Taken from the log and not settled.
    held: BTreeSet<Sequence>,
    /// Acknowledged, or nobody's: to be settled.
    settled: Vec<Sequence>,
    /// To become letters, and then to be settled.
    failed: VecDeque<(Sequence, Letter)>,
    waiting: Waiting,
    /// The letter that is tried again now, and what became of it. One at a time: when it takes the process down, it is known which it was.
    retried: Option<(Filed, Option<Outcome>)>,
    next_beat: Instant,
    /// The last take gave as much as there was room for.
    was_full: bool,
}

impl Work {
    fn new(part: Subscription, say: mpsc::Sender<Verdict>) -> Self {
        let (held, settled, failed, waiting) = Default::default();
        let (name, next_beat) = (Uuid::new_v4().to_string(), Instant::now());
        Self {
            part,
            name,
            member: None,
            say,
            held,
            settled,
            failed,
            waiting,
            retried: None,
            next_beat,
            was_full: false,
        }
    }

    /// Does what there is to do. What fails stays to be done.
    async fn turn(&mut self) -> Result<(), EventsError> {
        if self.member.is_none() {
            self.member = self.part.transport.join(&self.part.consumer, &self.name).await?;
        }
        // Moved out while it is at work, so that its answers can be filed.
        let Some(mut member) = self.member.take() else { return Ok(()) };
        let done = self.turn_as(member.as_mut()).await;
        self.member = Some(member);
        done
    }

    async fn turn_as(&mut self, member: &mut dyn Member) -> Result<(), EventsError> {
        self.write_down(member).await?;
        if self.next_beat <= Instant::now() {
            self.beat(member).await?;
        }
        let room = self.part.config.in_flight_max.saturating_sub(self.held.len());
        self.was_full = false;
        if room > 0 && self.waiting.len() + self.failed.len() < self.part.config.waiting_max {
            let taken = member.take(room).await?;
            self.was_full = taken.len() == room;
            self.admit(taken);
        }
        self.retry().await
    }

    /// Whether there is something to do without waiting for anything.
    fn has_more(&self) -> bool {
        let room = self.part.config.in_flight_max > self.held.len();
        !self.settled.is_empty() || !self.failed.is_empty() || (self.was_full && room)
    }

    async fn write_down(&mut self, member: &mut dyn Member) -> Result<(), EventsError> {
        while let Some((sequence, letter)) = self.failed.front() {
            let filed = self.file(letter).await?;
            if let Some(filed) = filed.filter(|filed| !filed.letter.is_dead) {
                self.waiting.add(filed, Instant::now() + self.part.config.pause(letter.attempts));
            }
            self.settled.push(*sequence);
            self.failed.pop_front();
        }
        if !self.settled.is_empty() {
            member.settle(&self.settled).await?;
            for sequence in self.settled.drain(..) {
                self.held.remove(&sequence);
            }
        }
        self.conclude().await
    }

    /// Keeps a letter; one that is there already stays as it is.
    async fn file(&self, letter: &Letter) -> Result<Option<Filed>, EventsError> {
        let (tenant, id) = (letter.event.tenant.clone(), letter.id()?);
        match self.part.letters.put(&tenant, &id, letter, Expected::Absent).await {
            Ok(written) => Ok(Some(Filed { tenant, id, version: written.version, letter: letter.clone() })),
            Err(RecordsError::Conflict { .. }) => Ok(None),
            Err(cause @ (RecordsError::TooLarge { .. } | RecordsError::Invalid(_))) => {
                self.part.telemetry.lost(letter, &cause);
                Ok(None)
            }
            Err(cause) => Err(cause.into()),
        }
    }

    /// Writes down what has become of the letter that was tried again.
    async fn conclude(&mut self) -> Result<(), EventsError> {
        let Some((filed, Some(outcome))) = &self.retried else { return Ok(()) };
        let Filed { tenant, id, version, letter } = filed;
        let expected = Expected::Version(*version);
        let concluded = match reason(outcome) {
            None => self.part.letters.delete(tenant, id, expected).await.map(|_| None),
            Some(reason) => {
                let is_dead = letter.attempts >= self.part.config.attempts_max;
                let letter = Letter { reason, is_dead, ..letter.clone() };
                let written = self.part.letters.put(tenant, id, &letter, expected).await;
                written.map(|written| Some(Filed { version: written.version, letter, ..filed.clone() }))
            }
        };
        match concluded {
            Ok(Some(filed)) => {
                self.part.telemetry.failed(&filed.letter);
                if !filed.letter.is_dead {
                    let due = Instant::now() + self.part.config.pause(filed.letter.attempts);
                    self.waiting.add(filed, due);
                }
            }
            // Somebody else has it by now, or has deleted it.
            Ok(None) | Err(RecordsError::Conflict { .. }) => {}
            Err(cause) => return Err(cause.into()),
        }
        self.retried = None;
        Ok(())
    }

    async fn beat(&mut self, member: &mut dyn Member) -> Result<(), EventsError> {
        let room = self.part.config.waiting_max.saturating_sub(self.waiting.len());
        let taken = member.beat(room.max(1)).await?;
        self.admit(taken);
        let listed = self.part.letters.list_everywhere(&Letter::waiting(&self.part.consumer)).await?.records;
        let orphans = listed.into_iter().map(Filed::from).filter(|filed| !member.lives(&filed.letter.member));
        let in_hand = self.retried.as_ref().map(|(filed, _)| filed.id.clone());
        for filed in
            orphans.filter(|filed| filed.letter.member != self.name && Some(&filed.id) != in_hand.as_ref()).take(room)
        {
            self.waiting.adopt(filed, Instant::now());
        }
        self.next_beat = Instant::now() + self.part.config.beat();
        self.part.telemetry.flows();
        Ok(())
    }

    fn admit(&mut self, taken: Vec<Taken>) {
        for Taken { sequence, event, was_begun } in taken {
            if !self.held.insert(sequence) {
                continue;
            }
            if !self.part.types.want(&event.kind) {
                self.settled.push(sequence);
            } else if was_begun {
                self.fail(sequence, event, NO_WORD.to_owned());
            } else {
                self.deliver(event, 1, Ticket::Log(sequence));
            }
        }
    }

    /// Hands out one of the letters that are due.
    async fn retry(&mut self) -> Result<(), EventsError> {
        let due = if self.retried.is_some() { None } else { self.waiting.next(Instant::now()) };
        let Some(filed) = due else { return Ok(()) };
        let Filed { tenant, id, version, letter } = &filed;
        // Counted before it is tried: whatever happens now, it is not tried without end.
        let is_dead = letter.attempts >= self.part.config.attempts_max;
        let attempts = if is_dead { letter.attempts } else { letter.attempts + 1 };
        let letter = Letter { attempts, is_dead, member: self.name.clone(), ..letter.clone() };
        let written = self.part.letters.put(tenant, id, &letter, Expected::Version(*version)).await;
        match written {
            Ok(written) if !is_dead => {
                let event = letter.event.clone();
                let ticket = Ticket::Letter(id.clone());
                self.retried = Some((Filed { version: written.version, letter, ..filed.clone() }, None));
                self.deliver(event, attempts, ticket);
            }
            Ok(_) => self.part.telemetry.failed(&letter),
            // Somebody else was faster.
            Err(RecordsError::Conflict { .. }) => {}
            Err(cause) => return Err(cause.into()),
        }
        self.waiting.remove(&filed.id);
        Ok(())
    }

    fn deliver(&self, event: Event, attempt: u32, ticket: Ticket) {
        self.part.telemetry.delivered();
        // There is room for each that may be out. When nobody listens any more, it stays where it came from.
        let _ = self.part.deliveries.try_send(Delivery::new(event, attempt, ticket, self.say.clone()));
    }

    fn note(&mut self, Verdict { ticket, event, outcome }: Verdict) {
        if matches!(outcome, Outcome::Dropped) && self.part.deliveries.is_closed() {
            // What nobody has looked at has not failed.
            return;
        }
        match ticket {
            Ticket::Log(sequence) => match reason(&outcome) {
                None => self.settled.push(sequence),
                Some(reason) => self.fail(sequence, Arc::unwrap_or_clone(event), reason),
            },
            Ticket::Letter(id) => {
                let retried = self.retried.as_mut().filter(|(filed, _)| filed.id == id);
                if let Some((_, said)) = retried {
                    *said = Some(outcome);
                }
            }
        }
    }

    /// The first attempt has failed.
    fn fail(&mut self, sequence: Sequence, event: Event, reason: String) {
        let (consumer, member) = (self.part.consumer.clone(), self.name.clone());
        let letter =
            Letter { consumer, is_dead: self.part.config.attempts_max == 1, attempts: 1, reason, member, event };
        self.part.telemetry.failed(&letter);
        self.failed.push_back((sequence, letter));
    }

    /// Writes down what can be written in a moment; the rest is delivered again.
    async fn end(mut self) {
        let Some(mut member) = self.member.take() else { return };
        let ended = async {
            self.write_down(member.as_mut()).await?;
            member.leave().await
        };
        if let Ok(Err(cause)) = timeout(MOMENT, ended).await {
            self.part.telemetry.stuck(&cause);
        }
    }
}

/// Why it failed, if it did.
fn reason(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Handled => None,
        Outcome::Failed(reason) => Some(shortened(reason.clone())),
        Outcome::Dropped => Some(NO_ANSWER.to_owned()),
    }
}
