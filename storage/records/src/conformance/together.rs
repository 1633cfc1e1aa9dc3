//! Many at once, through several handles of one database: nothing is lost, nothing comes twice.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use model::Timestamp;
use tokio::task::JoinHandle;

use super::{Counter, Deed, Job, id, tenant};
use crate::{Document, Error, Expected, RecordId, Records, Sequence};

/// Tasks that do the same.
const TASKS: usize = 12;

pub(super) async fn check(handles: &[Records]) {
    a_unique_key_is_given_once(handles).await;
    no_version_is_lost(handles).await;
    no_transaction_is_lost(handles).await;
    claims_are_given_once(handles).await;
    sequences_have_no_gaps(handles).await;
    a_transaction_that_is_given_up_leaves_nothing(handles).await;
    events_come_once_and_in_order(handles).await;
    a_lease_is_given_to_one(handles).await;
    different_documents_change_side_by_side(handles).await;
}

/// Runs the work in tasks that share the handles, and gives what each has found.
async fn tasks<R, W>(handles: &[Records], work: impl Fn(usize, Records) -> W) -> Vec<R>
where
    R: Send + 'static,
    W: Future<Output = R> + Send + 'static,
{
    let spawn = |task| tokio::spawn(work(task, handles[task % handles.len()].clone()));
    let tasks: Vec<JoinHandle<R>> = (0..TASKS).map(spawn).collect();
    join_all(tasks).await.into_iter().map(|found| found.expect("no panic")).collect()
}

async fn a_unique_key_is_given_once(handles: &[Records]) {
    let found = tasks(handles, |_, records| async move {
        let job = Job::named("wanted by all");
        records.collection().put(&tenant("wanted"), &RecordId::unique(), &job, Expected::Absent).await
    });

    let (given, refused): (Vec<_>, Vec<_>) = found.await.into_iter().partition(Result::is_ok);

    assert_eq!(given.len(), 1, "one has it");
    for refused in refused {
        assert!(matches!(refused, Err(Error::Taken { key: "name", .. })), "{refused:?}");
    }
}

async fn no_version_is_lost(handles: &[Records]) {
    let acme = tenant("versions-together");
    let counters = handles[0].collection::<Counter>();
    counters.put(&acme, &id("1"), &Counter { count: 0 }, Expected::Absent).await.expect("it is put");

    let conflicts = tasks(handles, |_, records| async move {
        let (acme, counters) = (tenant("versions-together"), records.collection::<Counter>());
        let (mut done, mut conflicts) = (0, 0);
        while done < 10 {
            let read = counters.get(&acme, &id("1")).await.expect("an answer").expect("it is there");
            let next = Counter { count: read.body.count + 1 };
            match counters.put(&acme, &id("1"), &next, Expected::Version(read.version)).await {
                Ok(_) => done += 1,
                Err(Error::Conflict { .. }) => conflicts += 1,
                Err(error) => panic!("{error}"),
            }
        }
        conflicts
    });
    conflicts.await;

    let read = counters.get(&acme, &id("1")).await.expect("an answer").expect("it is there");
    assert_eq!((read.body.count, read.version), (10 * TASKS as u64, 10 * TASKS as u64 + 1));
}

async fn no_transaction_is_lost(handles: &[Records]) {
    tasks(handles, |_, records| async move {
        let acme = tenant("transactions-together");
        for _ in 0..5 {
            let added = records.transaction(|tx| {
                let acme = &acme;
                async move {
                    let counters = tx.collection::<Counter>();
                    let read = counters.get(acme, &id("1")).await?;
                    let count = read.map_or(0, |read| read.body.count);
                    counters.put(acme, &id("1"), &Counter { count: count + 1 }, Expected::Any).await?;
                    Ok::<_, Error>(())
                }
            });
            added.await.expect("it is added");
        }
    })
    .await;

    let counters = handles[0].collection::<Counter>();
    let read = counters.get(&tenant("transactions-together"), &id("1")).await.expect("an answer");
    assert_eq!(read.map(|read| read.body.count), Some(5 * TASKS as u64));
}

async fn claims_are_given_once(handles: &[Records]) {
    let (acme, jobs) = (tenant("claims-together"), handles[0].collection::<Job>());
    for place in 0..100 {
        let job = Job { due: Some(place), ..Job::named(&place.to_string()) };
        jobs.put(&acme, &id(&place.to_string()), &job, Expected::Absent).await.expect("it is put");
    }

    let done = tasks(handles, |_, records| async move {
        let (jobs, mut done) = (records.collection::<Job>(), Vec::new());
        loop {
            let claims = jobs.claim(Timestamp(1000), Duration::from_secs(60), 3).await.expect("claims");
            if claims.is_empty() {
                return done;
            }
            for claim in claims {
                let finished = Job { due: None, ..claim.record.body.clone() };
                jobs.complete(&claim, &finished).await.expect("nobody else has it");
                done.push(claim.record.id.to_string());
            }
        }
    });

    let done: Vec<String> = done.await.into_iter().flatten().collect();
    let distinct: BTreeSet<&String> = done.iter().collect();
    assert_eq!((done.len(), distinct.len()), (100, 100), "each is done once");
}

async fn sequences_have_no_gaps(handles: &[Records]) {
    tasks(handles, |task, records| async move {
        let acme = tenant("sequences");
        for _ in 0..10 {
            if task % 2 == 0 {
                records.log().append(&acme, &Deed::new("alone")).await.expect("it is appended");
                continue;
            }
            let appended = records.transaction(|tx| {
                let (log, acme) = (tx.log::<Deed>(), &acme);
                async move {
                    let before = log.last(acme).await?.map_or(0, |last| last.sequence.0);
                    let sequence = log.append(acme, &Deed { text: "chained".to_owned(), before }).await?;
                    assert_eq!(sequence, Sequence(before + 1), "nobody comes between");
                    Ok::<_, Error>(())
                }
            });
            appended.await.expect("it is appended");
        }
    })
    .await;

    let entries = handles[0].log::<Deed>().read(&tenant("sequences"), Sequence(0), 1000).await.expect("entries");
    let sequences: Vec<u64> = entries.iter().map(|entry| entry.sequence.0).collect();
    assert_eq!(sequences, (1..=10 * TASKS as u64).collect::<Vec<_>>());
    let chained = entries.iter().filter(|entry| entry.body.text == "chained");
    assert!(chained.into_iter().all(|entry| entry.body.before + 1 == entry.sequence.0), "the chain holds");
}

/// A document and an entry of it are there together or not at all, wherever a transaction is left.
async fn a_transaction_that_is_given_up_leaves_nothing(handles: &[Records]) {
    let seed: u64 = rand_seed();
    println!("seed {seed}");
    tasks(handles, move |task, records| async move {
        let acme = tenant("given-up");
        for round in 0..15_u64 {
            let patience =
                (seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(round * 977 + task as u64) >> 33) % 8;
            let name = format!("{task}-{round}");
            let written = records.transaction(|tx| {
                let (acme, name) = (&acme, &name);
                async move {
                    tx.collection().put(acme, &id(name), &Counter { count: 1 }, Expected::Absent).await?;
                    tx.log().append(acme, &Deed::new(name)).await?;
                    Ok::<_, Error>(())
                }
            });
            // Most are given up before they are committed, as when a client goes away.
            let _ = tokio::time::timeout(Duration::from_millis(patience), written).await;
        }
    })
    .await;

    // What was given up while it was committed may still land: both are read at one instant.
    let acme = &tenant("given-up");
    let read = handles[0].transaction(|tx| async move {
        let entries = tx.log::<Deed>().read(acme, Sequence(0), 1000).await?;
        let counters = tx.collection::<Counter>().list(acme, &crate::List::all().limit(1000)).await?.records;
        Ok::<_, Error>((entries, counters))
    });
    let (entries, counters) = read.await.expect("both");
    let sequences: Vec<u64> = entries.iter().map(|entry| entry.sequence.0).collect();
    assert_eq!(sequences, (1..=entries.len() as u64).collect::<Vec<_>>(), "without gaps");
    let documents: BTreeSet<&str> = counters.iter().map(|record| record.id.as_str()).collect();
    let logged: BTreeSet<&str> = entries.iter().map(|entry| entry.body.text.as_str()).collect();
    assert_eq!(documents, logged);
}

fn rand_seed() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().0
}

async fn events_come_once_and_in_order(handles: &[Records]) {
    const EACH: usize = 10;
    let reader = handles[0].clone();
    let reading = tokio::spawn(async move {
        let (outbox, mut seen) = (reader.outbox(), Vec::new());
        while seen.iter().filter(|event: &&crate::Event| event.topic == "test.together").count() < TASKS * EACH {
            let events = outbox.read("together", 7).await.expect("events");
            if let Some(last) = events.last() {
                outbox.ack("together", last.sequence).await.expect("it is acknowledged");
            }
            seen.extend(events);
        }
        seen
    });

    tasks(handles, |task, records| async move {
        let acme = tenant("events");
        for round in 0..EACH {
            let published = records.transaction(|tx| {
                let acme = &acme;
                async move { tx.publish(acme, "test.together", &(task, round)).await }
            });
            published.await.expect("it is published");
        }
    })
    .await;

    let seen = reading.await.expect("no panic");
    let sequences: Vec<Sequence> = seen.iter().map(|event| event.sequence).collect();
    assert!(sequences.windows(2).all(|pair| pair[0] < pair[1]), "in one order: {sequences:?}");
    let ids: BTreeSet<_> = seen.iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), seen.len(), "each once");
    for task in 0..TASKS {
        let of_task = seen.iter().filter(|event| event.topic == "test.together");
        let of_task = of_task.map(|event| event.parse::<(usize, usize)>().expect("a pair"));
        let rounds: Vec<usize> = of_task.filter(|(of, _)| *of == task).map(|(_, round)| round).collect();
        assert_eq!(rounds, (0..EACH).collect::<Vec<_>>(), "what happened later comes later");
    }
}

async fn a_lease_is_given_to_one(handles: &[Records]) {
    let taken = tasks(handles, |task, records| async move {
        let holder = task.to_string();
        records.lease("together", &holder, Duration::from_secs(60), Timestamp(0)).await.expect("an answer")
    });

    assert_eq!(taken.await.into_iter().flatten().count(), 1);
}

/// Those who do not touch each other's documents do not fail for each other.
async fn different_documents_change_side_by_side(handles: &[Records]) {
    tasks(handles, |task, records| async move {
        let acme = tenant(&format!("beside-{task}"));
        for round in 0..10 {
            let job = Job::named(&format!("{round}"));
            let written = records.transaction(|tx| {
                let (jobs, acme, job) = (tx.collection::<Job>(), &acme, &job);
                async move {
                    if jobs.find(acme, "name", &job.name.clone().unwrap_or_default()).await?.is_none() {
                        jobs.put(acme, &RecordId::unique(), job, Expected::Absent).await?;
                    }
                    Ok::<_, Error>(())
                }
            });
            written.await.unwrap_or_else(|error| panic!("{} of {acme}: {error}", Job::COLLECTION));
        }
    })
    .await;
}
