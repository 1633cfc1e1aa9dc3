//! What the records promise, on every database.

use std::time::Duration;

use model::{Tenant, Timestamp};
use records::{Document, Entry, Error, Expected, Key, List, RecordId, Records, Sequence};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Job {
    name: String,
    status: String,
    due: Option<i64>,
}

impl Document for Job {
    const COLLECTION: &'static str = "test.jobs";
    const KEYS: &'static [Key] = &[Key::unique("name"), Key::lookup("status"), Key::due("due")];
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Audit {
    text: String,
}

impl Entry for Audit {
    const LOG: &'static str = "test.audit";
}

#[tokio::test(flavor = "multi_thread")]
async fn smoke() {
    let folder = tempfile::tempdir().unwrap();
    for records in [Records::in_memory().unwrap(), Records::sqlite(folder.path().join("r.sqlite")).await.unwrap()] {
        let acme = Tenant::new("acme").unwrap();
        let jobs = records.collection::<Job>();
        let id = RecordId::new("a/b").unwrap();
        let job = Job { name: "x\ny".into(), status: "new".into(), due: Some(10) };
        let written = jobs.put(&acme, &id, &job, Expected::Absent).await.unwrap();
        assert_eq!(written.version, 1);
        assert!(matches!(
            jobs.put(&acme, &id, &job, Expected::Absent).await,
            Err(Error::Conflict { found: Some(1), .. })
        ));
        assert!(matches!(
            jobs.put(&acme, &RecordId::unique(), &job, Expected::Any).await,
            Err(Error::Taken { key: "name", .. })
        ));
        assert_eq!(jobs.find(&acme, "name", "x\ny").await.unwrap().unwrap().body, job);
        assert_eq!(jobs.list(&acme, &List::all().equal("status", "new")).await.unwrap().records.len(), 1);
        let claims = jobs.claim(Timestamp(10), Duration::from_nanos(5), 10).await.unwrap();
        assert_eq!(claims.len(), 1);
        assert!(jobs.claim(Timestamp(14), Duration::from_nanos(5), 10).await.unwrap().is_empty());
        let again = jobs.claim(Timestamp(15), Duration::from_nanos(5), 10).await.unwrap();
        assert!(matches!(jobs.complete(&claims[0], &job).await, Err(Error::Stale { .. })));
        jobs.reschedule(&again[0], Timestamp(100)).await.unwrap();
        let shared = records.clone();
        let tenant = acme.clone();
        let spawned = tokio::spawn(async move {
            shared
                .transaction(|tx| {
                    let tenant = &tenant;
                    async move {
                        tx.log::<Audit>().append(tenant, &Audit { text: "a".into() }).await?;
                        let last = tx.log::<Audit>().last(tenant).await?.unwrap();
                        tx.publish(tenant, "test.happened", &last).await?;
                        Ok::<_, Error>(last.sequence)
                    }
                })
                .await
        });
        assert_eq!(spawned.await.unwrap().unwrap(), Sequence(1));
        let events = records.outbox().read("me", 10).await.unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!(records.outbox().trim().await.unwrap(), 0);
        records.outbox().ack("me", events[0].sequence).await.unwrap();
        assert_eq!(records.outbox().trim().await.unwrap(), 1);
        let lease = records.lease("l", "a", Duration::from_nanos(10), Timestamp(0)).await.unwrap().unwrap();
        assert!(records.lease("l", "b", Duration::from_nanos(10), Timestamp(9)).await.unwrap().is_none());
        let other = records.lease("l", "b", Duration::from_nanos(10), Timestamp(10)).await.unwrap().unwrap();
        assert!(other.fence > lease.fence);
        assert!(records.release(&lease).await.is_err());
    }
}
