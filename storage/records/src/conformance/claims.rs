//! Claims and leases: work is given to one, and only the one who has it may write.

use std::time::Duration;

use model::Timestamp;

use super::{Job, id, tenant};
use crate::{Claim, Document, Error, Expected, Key, List, Records};

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

pub(super) async fn check(records: &Records) {
    due_work_is_given_to_one(records).await;
    a_stale_fence_writes_nothing(records).await;
    renewed_work_is_kept(records).await;
    a_clock_that_goes_back_gives_nothing_twice(records).await;
    a_document_changed_meanwhile_is_not_overwritten(records).await;
    a_document_made_again_is_another_one(records).await;
    unreadable_work_holds_nobody_up(records).await;
    a_lease_has_one_holder(records).await;
}

async fn put(records: &Records, of: &str, name: &str, due: Option<i64>) {
    let job = Job { due, ..Job::named(name) };
    records.collection().put(&tenant(of), &id(name), &job, Expected::Any).await.expect("it is put");
}

async fn claim(records: &Records, now: i64) -> Vec<Claim<Job>> {
    records.collection().claim(Timestamp(now), MINUTE, 10).await.expect("claims")
}

/// So that the next promise begins with no work.
async fn clear(records: &Records, of: &str) {
    let jobs = records.collection::<Job>();
    for record in jobs.list(&tenant(of), &List::all()).await.expect("a page").records {
        jobs.delete(&record.tenant, &record.id, Expected::Any).await.expect("it is deleted");
    }
}

async fn due_work_is_given_to_one(records: &Records) {
    let of = "claims";
    for (name, due) in [("later", Some(200)), ("second", Some(90)), ("first", Some(80)), ("never", None)] {
        put(records, of, name, due).await;
    }

    let mine = claim(records, 100).await;
    let yours = claim(records, 100).await;

    let names: Vec<&str> = mine.iter().map(|claim| claim.record.id.as_str()).collect();
    assert_eq!(names, ["first", "second"], "the longest due comes first");
    assert!(yours.is_empty(), "nobody else has them");
    assert_eq!(mine[0].until, Timestamp(100 + 60 * SECOND));
    let jobs = records.collection::<Job>();
    let done = Job { due: None, status: "done".to_owned(), ..mine[0].record.body.clone() };
    let written = jobs.complete(&mine[0], &done).await.expect("it is completed");
    assert_eq!(written.version, 2, "claiming changed nothing, completing did");
    jobs.reschedule(&mine[1], Timestamp(150)).await.expect("it is due again later");
    assert!(claim(records, 149).await.is_empty());
    let mut again = claim(records, 150).await;
    assert_eq!(again.len(), 1, "what is completed is due no more");
    assert_eq!(again[0].record.body.due, Some(150), "the body tells when it is due");
    jobs.release(&again[0]).await.expect("it is given back");
    let late = jobs.renew(&mut again[0], Timestamp(150), MINUTE).await;
    assert!(matches!(late, Err(Error::Stale { .. })), "who gave it back does not have it: {late:?}");
    let back = claim(records, 150).await;
    assert!(back.len() == 1 && back[0].fence > again[0].fence, "it is due at once");
    jobs.discard(&back[0]).await.expect("its work is done");
    assert_eq!(jobs.get(&tenant(of), &id("second")).await.expect("an answer"), None);
    clear(records, of).await;
}

async fn a_stale_fence_writes_nothing(records: &Records) {
    let (jobs, of) = (records.collection::<Job>(), "stale");
    put(records, of, "work", Some(0)).await;
    let mut slow = claim(records, 1).await.remove(0);

    let fast = claim(records, 1 + 60 * SECOND).await.remove(0);

    assert!(fast.fence > slow.fence);
    let refusals = [
        jobs.complete(&slow, &slow.record.body).await.map(drop),
        jobs.reschedule(&slow, Timestamp(9)).await.map(drop),
        jobs.release(&slow).await,
        jobs.discard(&slow).await,
        jobs.renew(&mut slow, Timestamp(2), MINUTE).await,
    ];
    for refused in refusals {
        assert!(matches!(refused, Err(Error::Stale { .. })), "{refused:?}");
    }
    jobs.complete(&fast, &Job { due: None, ..fast.record.body.clone() }).await.expect("the one who has it may");
    clear(records, of).await;
}

async fn renewed_work_is_kept(records: &Records) {
    let (jobs, of) = (records.collection::<Job>(), "renewed");
    put(records, of, "work", Some(0)).await;
    let mut mine = claim(records, 0).await.remove(0);

    jobs.renew(&mut mine, Timestamp(50 * SECOND), MINUTE).await.expect("it is renewed");

    assert_eq!(mine.until, Timestamp(110 * SECOND));
    assert!(claim(records, 109 * SECOND).await.is_empty());
    assert_eq!(claim(records, 110 * SECOND).await.len(), 1);
    clear(records, of).await;
}

async fn a_clock_that_goes_back_gives_nothing_twice(records: &Records) {
    let (jobs, of) = (records.collection::<Job>(), "back");
    put(records, of, "work", Some(0)).await;
    let mut mine = claim(records, 10 * DAY).await.remove(0);

    assert!(claim(records, 9 * DAY).await.is_empty(), "it is not free because the clock went back");
    jobs.renew(&mut mine, Timestamp(9 * DAY), MINUTE).await.expect("it is renewed");
    assert_eq!(mine.until, Timestamp(10 * DAY + 60 * SECOND), "renewing does not shorten it");
    jobs.reschedule(&mine, Timestamp(9 * DAY)).await.expect("who has it may write, whatever the clock says");
    assert_eq!(claim(records, 9 * DAY).await.len(), 1, "and then it is free");
    clear(records, of).await;
}

async fn a_document_changed_meanwhile_is_not_overwritten(records: &Records) {
    let (jobs, of) = (records.collection::<Job>(), "meanwhile");
    put(records, of, "work", Some(0)).await;
    let mut mine = claim(records, 1).await.remove(0);
    let changed = Job { effort: 7, ..mine.record.body.clone() };
    jobs.put(&tenant(of), &id("work"), &changed, Expected::Version(1)).await.expect("who edits it needs no claim");

    let refused = jobs.complete(&mine, &mine.record.body).await;

    assert!(matches!(refused, Err(Error::Conflict { found: Some(2), .. })), "{refused:?}");
    assert!(claim(records, 1).await.is_empty(), "the claim holds");
    mine.record = jobs.get(&tenant(of), &id("work")).await.expect("an answer").expect("it is there");
    jobs.complete(&mine, &Job { due: None, ..mine.record.body.clone() }).await.expect("with what was read again");
    clear(records, of).await;
}

async fn a_document_made_again_is_another_one(records: &Records) {
    let (jobs, of) = (records.collection::<Job>(), "again");
    put(records, of, "work", Some(0)).await;
    let mine = claim(records, 1).await.remove(0);
    clear(records, of).await;
    put(records, of, "work", Some(0)).await;
    let yours = claim(records, 1).await.remove(0);

    let refused = jobs.complete(&mine, &mine.record.body).await;

    assert!(matches!(refused, Err(Error::Stale { .. })), "{refused:?}");
    jobs.discard(&yours).await.expect("the new one is another's");
}

async fn unreadable_work_holds_nobody_up(records: &Records) {
    /// A job of a version that is to come.
    #[derive(serde::Serialize, serde::Deserialize)]
    struct LaterJob {
        due: i64,
    }
    impl Document for LaterJob {
        const COLLECTION: &'static str = Job::COLLECTION;
        const KEYS: &'static [Key] = Job::KEYS;
    }
    let of = "unreadable";
    put(records, of, "work", Some(1)).await;
    let later = LaterJob { due: 0 };
    records.collection().put(&tenant(of), &id("later"), &later, Expected::Any).await.expect("it is put");

    let claims = claim(records, 1).await;

    let names: Vec<&str> = claims.iter().map(|claim| claim.record.id.as_str()).collect();
    assert_eq!(names, ["work"]);
    let unreadable = records.collection::<Job>().get(&tenant(of), &id("later")).await;
    assert!(matches!(unreadable, Err(Error::Unreadable { .. })), "{unreadable:?}");
    for name in ["work", "later"] {
        records.collection::<Job>().delete(&tenant(of), &id(name), Expected::Any).await.expect("it is deleted");
    }
}

async fn a_lease_has_one_holder(records: &Records) {
    let take = async |holder: &str, now: i64| {
        records.lease("backup/nightly", holder, MINUTE, Timestamp(now)).await.expect("an answer")
    };
    let first = take("a", DAY).await.expect("it is free");

    assert_eq!(take("b", DAY + 59 * SECOND).await, None, "it is held");
    assert_eq!(take("b", 0).await, None, "also when the clock goes back a day");
    let kept = take("a", DAY + 30 * SECOND).await.expect("its holder keeps it");
    assert_eq!((kept.fence, kept.until), (first.fence, Timestamp(DAY + 90 * SECOND)));
    let back = take("a", 0).await.expect("its holder keeps it");
    assert_eq!(back.until, kept.until, "a clock that goes back does not shorten it");
    let second = take("b", DAY + 90 * SECOND).await.expect("it has ended");
    assert!(second.fence > first.fence);

    let write = async |lease| records.transaction(|tx| async move { tx.hold(lease).await }).await;
    assert!(matches!(write(&first).await, Err(Error::Stale { .. })), "who had it may not write");
    assert!(matches!(records.release(&first).await, Err(Error::Stale { .. })), "nor give it away");
    write(&second).await.expect("who has it may");
    records.release(&second).await.expect("who has it may");
    assert!(take("a", 0).await.is_some_and(|third| third.fence > second.fence), "it is free at once");
}
