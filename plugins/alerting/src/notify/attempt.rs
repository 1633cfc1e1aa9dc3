//! One attempt to send a notification: written down before, so that a crash is noticed, and after.

use std::collections::BTreeSet;
use std::time::Duration;

use plugin::hub::audit::Deed;
use plugin::model::Timestamp;
use plugin::records::{Claim, Collection, Error, Expected};
use serde_json::json;
use tokio::time::{sleep, timeout};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::channel::{Again, Channel, Kind, Sending, Unsent};
use super::desk::Desk;
use super::notification::{Notification, State};
use super::plan::Plan;
use super::{telemetry, trouble};
use crate::watch::is_passing;

/// Pause before the second attempt; twice as long each time.
pub(crate) const PAUSE_FIRST: Duration = Duration::from_secs(5);
/// Longest pause that nobody has asked for.
pub(crate) const PAUSE_MAX: Duration = Duration::from_secs(15 * 60);
/// After so long it is not tried any more; a receiver that asks for more time is asked once more at its end.
pub(crate) const TRIED_MAX: Duration = Duration::from_secs(24 * 3600);
/// What has been tried for so long in vain is told of over other channels.
pub(crate) const TROUBLE_AFTER: Duration = Duration::from_secs(5 * 60);
/// Sent again after so many deaths of who sent it, and then no more: two of the same are enough.
pub(crate) const INTERRUPTED_MAX: u32 = 1;
/// A process has a notification for so long.
pub(crate) const LEASE: Duration = Duration::from_secs(120);
/// An attempt ends within so long, whatever the settings: another process must not find it without its lease.
const ATTEMPT_MAX: Duration = Duration::from_secs(100);
/// Others change a notification that is about to be sent at most so often.
const BEGUN_MAX: usize = 5;
/// While the records do not answer, what has become of a message is kept and written again so often, with this pause between: what is not
/// written is sent once more.
const WRITES_MAX: u32 = 15;
const WRITE_PAUSE: Duration = Duration::from_secs(1);

/// Sends what is claimed over its channel, and writes down what has become of it.
pub(crate) async fn attempt(desk: &Desk, mut claim: Claim<Notification>, channel: &Channel) -> Result<(), Error> {
    let now = desk.now();
    let notifications = desk.records.collection::<Notification>();
    if !begin(&notifications, &mut claim, channel.kind, now).await? {
        let unsent = Unsent::never("it was sent twice, and each time who sent it ended before the receiver's answer");
        return finish(desk, &claim, channel.kind, Err(unsent)).await;
    }
    let tenant = &claim.record.tenant;
    let plan = Plan::read(&desk.records.collection(), tenant).await?;
    let message = claim.record.body.message(claim.record.id.as_str(), tenant, &plan);
    let sending = Sending { desk, channel, to: claim.record.body.to.as_deref(), message: &message, now };
    let outcome = timeout(ATTEMPT_MAX, sending.send()).await.unwrap_or_else(|_| {
        Err(Unsent::unclear(format!("the receiver has not answered within {} s", ATTEMPT_MAX.as_secs())))
    });
    finish(desk, &claim, channel.kind, outcome).await
}

/// Writes down that it is being sent, before it is; false when it may not be.
async fn begin(
    notifications: &Collection<Notification>,
    claim: &mut Claim<Notification>,
    kind: Kind,
    now: Timestamp,
) -> Result<bool, Error> {
    for _ in 0..BEGUN_MAX {
        let mut body = claim.record.body.clone();
        if body.state == State::Sending {
            body.interrupted += 1;
            if body.interrupted > INTERRUPTED_MAX && !kind.keeps_subjects() {
                claim.record.body = body;
                return Ok(false);
            }
            body.repeats += 1;
        }
        body.state = State::Sending;
        body.attempts += 1;
        body.first_attempt_at.get_or_insert(now.0);
        let (tenant, id) = (&claim.record.tenant, &claim.record.id);
        match notifications.put(tenant, id, &body, Expected::Version(claim.record.version)).await {
            Ok(written) => {
                (claim.record.version, claim.record.body) = (written.version, body);
                return Ok(true);
            }
            // Something was added to it. Who has it since, or it is gone, is told by the renewal.
            Err(Error::Conflict { .. }) => {
                let found = notifications.get(tenant, id).await?;
                notifications.renew(claim, now, LEASE).await?;
                if let Some(found) = found {
                    claim.record = found;
                }
            }
            Err(error) => return Err(error),
        }
    }
    Err(Error::Contended { attempts: u32::try_from(BEGUN_MAX).unwrap_or(u32::MAX) })
}

/// Writes down what has become of it, and of its channel.
async fn finish(
    desk: &Desk,
    claim: &Claim<Notification>,
    kind: Kind,
    outcome: Result<String, Unsent>,
) -> Result<(), Error> {
    let now = desk.now();
    let body = after(&claim.record.body, claim.record.id.as_str(), &outcome, now);
    telemetry::attempted(&desk.counters, claim, &body);
    for _ in 1..WRITES_MAX {
        match write(desk, claim, (kind, &outcome), &body, now).await {
            // Somebody else has it by now.
            Err(stale @ Error::Stale { .. }) => return Err(stale),
            Err(cause) if is_passing(&cause) => sleep(WRITE_PAUSE).await,
            written => return written,
        }
    }
    write(desk, claim, (kind, &outcome), &body, now).await
}

async fn write(
    desk: &Desk,
    claim: &Claim<Notification>,
    (kind, outcome): (Kind, &Result<String, Unsent>),
    body: &Notification,
    now: Timestamp,
) -> Result<(), Error> {
    let written = desk.records.transaction(|transaction| async move {
        transaction.collection().complete(claim, body).await?;
        let (tenant, channel) = (&claim.record.tenant, body.channel.as_str());
        let change = match outcome {
            Ok(_) => trouble::clear(&transaction, tenant, channel, now).await?.then_some("channel.delivers_again"),
            Err(unsent) if is_trouble(body, now) => {
                let raised = trouble::raise(&transaction, tenant, (channel, kind), &unsent.reason, now).await?;
                raised.then_some("channel.undeliverable")
            }
            Err(_) => None,
        };
        if body.state == State::Failed {
            desk.audit.by_server(&transaction, tenant, given_up(claim, body)).await?;
        }
        if let Some(action) = change {
            let deed = Deed { action, subject: ("channel", channel), details: json!({"kind": kind.name()}) };
            desk.audit.by_server(&transaction, tenant, deed).await?;
        }
        Ok(())
    });
    written.await
}

/// What the audit trail says of what nobody was told; why not is in the notification, in the receiver's words.
pub(crate) fn given_up<'a>(claim: &'a Claim<Notification>, body: &'a Notification) -> Deed<'a> {
    let subjects: BTreeSet<&str> = body.items.iter().map(|item| item.subject.as_str()).collect();
    let details = json!({"channel": body.channel, "attempts": body.attempts, "subjects": subjects});
    Deed { action: "notification.given_up", subject: ("notification", claim.record.id.as_str()), details }
}

/// True when others have to know that the channel does not deliver, or has asked to be left alone for as long.
fn is_trouble(body: &Notification, now: Timestamp) -> bool {
    let since = body.first_attempt_at.unwrap_or(now.0);
    let until = body.not_before.map_or(now.0, |not_before| not_before.max(now.0));
    body.state == State::Failed || until.saturating_sub(since) >= nanos(TROUBLE_AFTER)
}

/// What an outcome makes of a notification. Pure.
fn after(before: &Notification, id: &str, outcome: &Result<String, Unsent>, now: Timestamp) -> Notification {
    let body = before.clone();
    let unsent = match outcome {
        Ok(_) => return Notification { sent_at: Some(now.0), last_error: None, ..body.ended(State::Sent, None) },
        Err(unsent) => unsent,
    };
    let given_up = body.first_attempt_at.unwrap_or(now.0).saturating_add(nanos(TRIED_MAX));
    let (due, reason) = match unsent.again {
        Again::Never => return body.ended(State::Failed, Some(unsent.reason.clone())),
        Again::Later(Some(asked)) => asked_for(asked, &unsent.reason, (now, given_up)),
        Again::Later(None) | Again::Unclear => {
            (now.0.saturating_add(nanos(pause(id, body.attempts))), unsent.reason.clone())
        }
    };
    if due > given_up {
        let hours = TRIED_MAX.as_secs() / 3600;
        return body.ended(State::Failed, Some(format!("given up after {hours} h: {reason}")));
    }
    let not_before = matches!(unsent.again, Again::Later(Some(_))).then_some(due);
    let repeats = body.repeats + u32::from(unsent.again == Again::Unclear);
    Notification { state: State::Waiting, due: Some(due), last_error: Some(reason), repeats, not_before, ..body }
}

/// When a receiver is asked again that has asked for a pause, and why it was not reached. Who asks for no pause at all is spared as
/// well; who asks for more time than there is, is asked once more at its end.
fn asked_for(asked: Duration, reason: &str, (now, given_up): (Timestamp, i64)) -> (i64, String) {
    let due = now.0.saturating_add(nanos(asked.max(PAUSE_FIRST)));
    let is_room = given_up.saturating_sub(now.0) >= nanos(PAUSE_FIRST);
    if due <= given_up || !is_room {
        return (due, reason.to_owned());
    }
    let (asked, hours) = (asked.as_secs(), TRIED_MAX.as_secs() / 3600);
    let cut = format!("the receiver asks to wait {asked} s; it is asked once more {hours} h after the first attempt");
    (given_up, format!("{reason} ({cut})"))
}

/// Before the next attempt; up to a fifth shorter, by chance, so that not all come back at once.
fn pause(id: &str, attempts: u32) -> Duration {
    let doubled = PAUSE_FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(PAUSE_MAX);
    let thousandths = u32::try_from(xxh3_64_with_seed(id.as_bytes(), attempts.into()) % 200).unwrap_or(0);
    doubled - doubled * thousandths / 1000
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Labels;
    use crate::notify::{Delivery, Item, ItemKind};
    use crate::rule::Severity;

    const SECOND: i64 = 1_000_000_000;

    fn sending(attempts: u32, first_attempt_at: i64) -> Notification {
        let item = Item {
            subject: "a".to_owned(),
            kind: ItemKind::AlertFiring,
            severity: Severity::Critical,
            title: "A".to_owned(),
            text: String::new(),
            labels: Labels::default(),
            annotations: [].into(),
            value: None,
            links: Vec::new(),
            at: 0,
        };
        let new = Notification::new("ops", Delivery::AtOnce, item, 0);
        Notification { state: State::Sending, attempts, first_attempt_at: Some(first_attempt_at), ..new }
    }

    #[test]
    fn pauses_double_up_to_a_quarter_of_an_hour() {
        let longest =
            |attempts| (0..50).map(|id| pause(&format!("{id}"), attempts)).max().expect("fifty pauses").as_secs_f64();

        for (attempts, seconds) in [(1, 5.0), (2, 10.0), (3, 20.0), (8, 640.0), (9, 900.0), (1000, 900.0)] {
            let longest = longest(attempts);
            assert!(longest <= seconds && longest > seconds * 0.9, "{attempts}: {longest}");
            assert!(pause("x", attempts).as_secs_f64() >= seconds * 0.8);
        }
    }

    #[test]
    fn what_a_receiver_asks_for_is_done() {
        let asked = Err(Unsent::later("429", Some(Duration::from_secs(120))));
        let refused = Err(Unsent::never("400"));
        let unclear = Err(Unsent::unclear("no answer"));

        let later = after(&sending(1, 0), "1", &asked, Timestamp(SECOND));
        let failed = after(&sending(1, 0), "1", &refused, Timestamp(SECOND));
        let repeated = after(&sending(1, 0), "1", &unclear, Timestamp(SECOND));

        assert_eq!((later.state, later.due, later.repeats), (State::Waiting, Some(121 * SECOND), 0));
        assert_eq!((failed.state, failed.due, failed.last_error.as_deref()), (State::Failed, None, Some("400")));
        assert_eq!((repeated.state, repeated.repeats), (State::Waiting, 1));
    }

    #[test]
    fn who_asks_for_more_time_than_there_is_is_asked_once_more_at_its_end() {
        let day = 24 * 3600 * SECOND;
        let asked = |seconds| Err(Unsent::later("503", Some(Duration::from_secs(seconds))));

        let first = after(&sending(1, 0), "1", &asked(48 * 3600), Timestamp(SECOND));
        let exact = after(&sending(1, 0), "1", &asked(24 * 3600 - 1), Timestamp(SECOND));
        let last = after(&sending(2, 0), "1", &asked(48 * 3600), Timestamp(day));

        assert_eq!((first.state, first.due, first.not_before), (State::Waiting, Some(day), Some(day)));
        let said = "503 (the receiver asks to wait 172800 s; it is asked once more 24 h after the first attempt)";
        assert_eq!(first.last_error.as_deref(), Some(said));
        assert!(is_trouble(&first, Timestamp(SECOND)), "others know at once that it is not told for hours");
        assert_eq!((exact.due, exact.last_error.as_deref()), (Some(day), Some("503")));
        assert_eq!((last.state, last.last_error.as_deref()), (State::Failed, Some("given up after 24 h: 503")));
        assert_eq!(after(&sending(1, 0), "1", &asked(u64::MAX), Timestamp(SECOND)).due, Some(day));
    }

    #[test]
    fn after_a_day_it_is_given_up() {
        let later = Err(Unsent::later("500", None));
        let day = Timestamp(24 * 3600 * SECOND);

        let given_up = after(&sending(100, 0), "1", &later, day);

        assert_eq!((given_up.state, given_up.due), (State::Failed, None));
        assert_eq!(given_up.last_error.as_deref(), Some("given up after 24 h: 500"));
        assert_eq!(after(&sending(100, day.0), "1", &later, day).state, State::Waiting);
    }
}
