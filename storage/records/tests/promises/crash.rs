//! A process that is killed while it writes: what it was told is there, and no half of anything.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use model::Tenant;
use records::{Document, Entry, Error, Expected, List, RecordId, Records, Sequence};
use serde::{Deserialize, Serialize};

/// Names the database that a child writes to.
const PATH: &str = "RECORDS_CRASH_PATH";
const KILLS: u64 = 4;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    number: u64,
}

impl Document for Order {
    const COLLECTION: &'static str = "test.orders";
}

impl Entry for Order {
    const LOG: &'static str = "test.orders";
}

/// Writes until it is killed, and says what it has been told is written.
#[tokio::test(flavor = "multi_thread")]
async fn child_that_writes() {
    let Ok(path) = std::env::var(PATH) else { return };
    let records = Records::sqlite(path).await.expect("a database");
    let acme = &Tenant::system();
    let log = records.log::<Order>();
    for number in log.last(acme).await.expect("an answer").map_or(1, |last| last.body.number + 1).. {
        let written = records.transaction(|tx| async move {
            let id = RecordId::new(number.to_string())?;
            tx.collection().put(acme, &id, &Order { number }, Expected::Absent).await?;
            tx.log().append(acme, &Order { number }).await
        });
        let sequence = written.await.expect("it is written");
        println!("written {}", sequence.0);
        std::io::stdout().flush().expect("the parent listens");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_before_a_kill_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("records.sqlite");
    for round in 1..=KILLS {
        let (mut child, mut answered) = writing(&path);
        let first = answered.next().expect("it writes");
        std::thread::sleep(Duration::from_millis(37 * round));
        child.kill().expect("it is there");
        let last = answered.last().unwrap_or(first);
        child.wait().expect("it has ended");

        check(&path, last).await.expect("answers");
    }
}

/// A process that writes to this file, and what it has been told is written.
pub(crate) fn writing(path: &Path) -> (Child, impl Iterator<Item = u64> + use<>) {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "crash::child_that_writes", "--nocapture"])
        .env(PATH, path)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child");
    let said = BufReader::new(child.stdout.take().expect("its output")).lines();
    let answered = said.map_while(Result::ok).filter_map(|line| line.strip_prefix("written ")?.parse::<u64>().ok());
    (child, answered)
}

/// What was answered is there, without gaps and each with its companion.
pub(crate) async fn check(path: &Path, answered: u64) -> Result<(), Error> {
    let records = Records::sqlite(path).await?;
    let acme = Tenant::system();
    let (mut logged, mut after) = (Vec::new(), Sequence(0));
    loop {
        let page = records.log::<Order>().read(&acme, after, 1000).await?;
        let Some(last) = page.last() else { break };
        after = last.sequence;
        logged.extend(page.iter().map(|entry| (entry.sequence.0, entry.body.number)));
    }
    let (mut stored, mut place) = (0, None);
    loop {
        let page = records.collection::<Order>().list(&acme, &List::all().limit(1000).after(place)).await?;
        stored += page.records.len();
        place = page.next;
        if place.is_none() {
            break;
        }
    }

    assert!(logged.len() as u64 >= answered, "{answered} were answered, {} are there", logged.len());
    assert!(logged.iter().enumerate().all(|(place, entry)| *entry == (place as u64 + 1, place as u64 + 1)), "no gap");
    assert_eq!(stored, logged.len(), "document and entry are there together");
    Ok(())
}
