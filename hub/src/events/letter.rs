//! Events that failed: they wait for another attempt, or for a person.

use std::collections::BTreeMap;
use std::time::Instant;

use model::Tenant;
use records::{Document, Key, List, Order, PAGE_MAX, Record, RecordId};
use serde::{Deserialize, Serialize};

use super::event::Event;

/// Longest reason that is kept, in bytes.
pub const REASON_BYTES_MAX: usize = 2 << 10;

/// An event that a consumer could not handle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Letter {
    /// Who could not.
    pub consumer: String,
    /// Whether there are no attempts left.
    pub is_dead: bool,
    /// How often it was tried.
    pub attempts: u32,
    /// What the consumer said last.
    pub reason: String,
    /// Who tries it again.
    pub(super) member: String,
    /// The event.
    pub event: Event,
}

impl Document for Letter {
    const COLLECTION: &'static str = "hub.letters";
    const KEYS: &'static [Key] = &[Key::lookup("consumer"), Key::lookup("is_dead")];
}

impl Letter {
    /// One for each consumer and event.
    pub(super) fn id(&self) -> Result<RecordId, records::Error> {
        RecordId::new(format!("{}/{}", self.consumer, self.event.id))
    }

    /// To be tried again, as often as a new event, by whoever of the consumer comes first.
    pub(crate) fn revived(self) -> Self {
        Self { is_dead: false, attempts: 0, member: String::new(), ..self }
    }

    /// Those of a consumer that wait.
    pub(super) fn waiting(consumer: &str) -> List {
        List::all().equal("consumer", consumer).equal("is_dead", false).limit(PAGE_MAX)
    }

    /// Those of all consumers that are dead, the oldest first.
    pub fn dead() -> List {
        List::all().equal("is_dead", true).by(Order::Created)
    }
}

/// A reason short enough to be kept.
pub(super) fn shortened(mut reason: String) -> String {
    reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
    reason
}

/// A letter as it lies in the records.
#[derive(Clone, Debug)]
pub(super) struct Filed {
    pub(super) tenant: Tenant,
    pub(super) id: RecordId,
    pub(super) version: u64,
    pub(super) letter: Letter,
}

impl From<Record<Letter>> for Filed {
    fn from(record: Record<Letter>) -> Self {
        let Record { tenant, id, version, body: letter, .. } = record;
        Self { tenant, id, version, letter }
    }
}

/// The letters that this member tries again, each at its time.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    letters: BTreeMap<RecordId, (Filed, Instant)>,
}

impl Waiting {
    pub(super) fn len(&self) -> usize {
        self.letters.len()
    }

    pub(super) fn add(&mut self, filed: Filed, due: Instant) {
        self.letters.insert(filed.id.clone(), (filed, due));
    }

    /// Adds a letter that lies in the records; it is due, unless it is known as it is.
    pub(super) fn adopt(&mut self, filed: Filed, now: Instant) {
        if self.letters.get(&filed.id).is_none_or(|(known, _)| known.version != filed.version) {
            self.add(filed, now);
        }
    }

    /// Of those that are due, one that was tried least: an event that takes its process down must not take others with it for ever.
    pub(super) fn next(&self, now: Instant) -> Option<Filed> {
        let due = self.letters.values().filter(|(_, due)| *due <= now);
        due.min_by_key(|(filed, _)| filed.letter.attempts).map(|(filed, _)| filed.clone())
    }

    pub(super) fn remove(&mut self, id: &RecordId) {
        self.letters.remove(id);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::Timestamp;
    use serde_json::Value;
    use uuid::Uuid;

    use super::*;

    fn filed(name: &str, attempts: u32, version: u64) -> Filed {
        let tenant = Tenant::default_tenant();
        let event = Event {
            id: Uuid::nil(),
            source: "a".to_owned(),
            kind: "a.b".to_owned(),
            subject: None,
            time: Timestamp(0),
            tenant: tenant.clone(),
            traceparent: None,
            data: Value::Null,
        };
        let (consumer, reason, member) = ("c".to_owned(), String::new(), String::new());
        let letter = Letter { consumer, is_dead: false, attempts, reason, member, event };
        Filed { tenant, id: RecordId::new(name).expect("an id"), version, letter }
    }

    fn next(waiting: &Waiting, now: Instant) -> Option<String> {
        waiting.next(now).map(|filed| filed.id.to_string())
    }

    #[test]
    fn what_was_tried_least_is_tried_next() {
        let now = Instant::now();
        let mut waiting = Waiting::default();
        waiting.add(filed("thrice", 3, 1), now);
        waiting.add(filed("once", 1, 1), now);
        waiting.add(filed("later", 0, 1), now + Duration::from_secs(1));

        assert_eq!(next(&waiting, now).as_deref(), Some("once"));
        waiting.remove(&RecordId::new("once").expect("an id"));
        assert_eq!(next(&waiting, now).as_deref(), Some("thrice"));
    }

    #[test]
    fn a_letter_keeps_its_pause_unless_somebody_has_changed_it() {
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        let mut waiting = Waiting::default();
        waiting.add(filed("same", 1, 1), later);
        waiting.add(filed("changed", 1, 1), later);

        waiting.adopt(filed("same", 1, 1), now);
        waiting.adopt(filed("changed", 0, 2), now);

        assert_eq!(next(&waiting, now).as_deref(), Some("changed"));
        waiting.remove(&RecordId::new("changed").expect("an id"));
        assert_eq!(next(&waiting, now), None);
    }

    #[test]
    fn a_long_reason_is_cut_between_letters() {
        let reason = shortened("é".repeat(REASON_BYTES_MAX));

        assert_eq!(reason.len(), REASON_BYTES_MAX);
        assert!(reason.chars().all(|letter| letter == 'é'));
    }
}
