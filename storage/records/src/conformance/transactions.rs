//! Transactions: all or nothing.

use std::time::Duration;

use tokio::time::timeout;

use super::{Counter, Deed, Job, id, tenant};
use crate::{Collection, Error, Expected, Records, Sequence};

pub(super) async fn check(records: &Records) {
    all_of_it_lasts(records).await;
    after_an_error_nothing_lasts(records).await;
    a_failure_ends_it(records).await;
    a_handle_outlives_nothing(records).await;
}

async fn all_of_it_lasts(records: &Records) {
    let (acme, job, counter) = (&tenant("all"), &Job::named("a"), &Counter { count: 1 });

    let sequence: Result<Sequence, Error> = records
        .transaction(|tx| async move {
            tx.collection().put(acme, &id("job"), job, Expected::Absent).await?;
            tx.collection().put(acme, &id("counter"), counter, Expected::Absent).await?;
            assert_eq!(tx.collection().get(acme, &id("job")).await?.map(|read| read.body).as_ref(), Some(job));
            let (jobs, job_id) = (records.collection::<Job>(), id("job"));
            let beside = jobs.get(acme, &job_id);
            // In memory there is one connection, on which the reader would wait for the transaction.
            if let Ok(read) = timeout(Duration::from_millis(50), beside).await {
                assert_eq!(read?, None, "what is not committed shows to nobody else");
            }
            tx.publish(acme, "test.done", job).await?;
            tx.log().append(acme, &Deed::new("done")).await
        })
        .await;

    assert_eq!(sequence.expect("it is committed"), Sequence(1));
    assert!(records.collection::<Job>().get(acme, &id("job")).await.expect("an answer").is_some());
    assert!(records.collection::<Counter>().get(acme, &id("counter")).await.expect("an answer").is_some());
    assert!(records.log::<Deed>().last(acme).await.expect("an answer").is_some());
    assert!(!records.outbox().read("all", 10).await.expect("events").is_empty());
    records.outbox().forget("all").await.expect("it will not come back");
}

async fn after_an_error_nothing_lasts(records: &Records) {
    let (acme, job) = (&tenant("nothing"), &Job::named("a"));
    let events = records.outbox().read("nothing", 100).await.expect("events").len();

    let refused: Result<(), Refusal> = records
        .transaction(|tx| async move {
            tx.collection().put(acme, &id("job"), job, Expected::Absent).await?;
            tx.log().append(acme, &Deed::new("done")).await?;
            tx.publish(acme, "test.done", job).await?;
            Err(Refusal::NotToday)
        })
        .await;

    assert!(matches!(refused, Err(Refusal::NotToday)), "the error is the caller's");
    assert_eq!(records.collection::<Job>().get(acme, &id("job")).await.expect("an answer"), None);
    assert_eq!(records.log::<Deed>().last(acme).await.expect("an answer"), None);
    assert_eq!(records.outbox().read("nothing", 100).await.expect("events").len(), events);
    records.outbox().forget("nothing").await.expect("it will not come back");
    assert_eq!(records.log().append(acme, &Deed::new("one")).await.expect("appended"), Sequence(1), "no gap is left");
}

async fn a_failure_ends_it(records: &Records) {
    let (jobs, acme) = (records.collection::<Job>(), &tenant("ended"));
    jobs.put(acme, &id("1"), &Job::named("taken"), Expected::Absent).await.expect("it is put");

    let swallowed: Result<(), Error> = records
        .transaction(|tx| async move {
            let jobs = tx.collection::<Job>();
            jobs.put(acme, &id("2"), &Job::named("free"), Expected::Absent).await?;
            let refused = jobs.put(acme, &id("1"), &Job::named("x"), Expected::Version(7)).await;
            assert!(matches!(refused, Err(Error::Conflict { found: Some(1), .. })), "{refused:?}");
            jobs.put(acme, &id("3"), &Job::named("also free"), Expected::Absent).await?;
            let taken = jobs.put(acme, &id("4"), &Job::named("taken"), Expected::Absent).await;
            assert!(matches!(taken, Err(Error::Taken { key: "name", .. })), "{taken:?}");
            Ok(())
        })
        .await;

    assert!(swallowed.is_err(), "what the database refused cannot be committed");
    for missing in ["2", "3", "4"] {
        assert_eq!(jobs.get(acme, &id(missing)).await.expect("an answer"), None, "{missing}");
    }
}

async fn a_handle_outlives_nothing(records: &Records) {
    let acme = &tenant("outlived");

    let kept: Result<Collection<Counter>, Error> = records.transaction(|tx| async move { Ok(tx.collection()) }).await;

    let kept = kept.expect("it is committed");
    let late = kept.put(acme, &id("1"), &Counter { count: 1 }, Expected::Any).await;
    assert!(matches!(late, Err(Error::Invalid(_))), "{late:?}");
    assert_eq!(records.collection::<Counter>().get(acme, &id("1")).await.expect("an answer"), None);
}

#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("not today")]
    NotToday,
    #[error(transparent)]
    Records(#[from] Error),
}
