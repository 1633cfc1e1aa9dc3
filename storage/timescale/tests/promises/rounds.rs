//! Sums that are added up say the same in fewer rows, to whoever began to read before, too.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, RecordBatch};
use datafusion::catalog::TableProvider;
use datafusion::prelude::SessionContext;
use model::{Rollup, Signal};
use store::conformance::{Span, batch};
use store::rollup::{merge, settle};
use store::{Job, Origin, Outcome, Pace, Segment, SegmentId, Store, Work, WriterId};
use testkit::{Skip, until};
use timescale::{Config, Timescale};
use uuid::Uuid;

use crate::support::{Hypertables, config, now, postgres, tenant};

const MILLISECOND: i64 = 1_000_000;
const MINUTE: i64 = 60_000 * MILLISECOND;
const HOUR: i64 = 60 * MINUTE;
const CALLS: u64 = 10;
const PATIENCE: Duration = Duration::from_secs(30);

/// The beginning of an hour that is over.
fn long_ago() -> i64 {
    (now() - 5 * HOUR) / HOUR * HOUR
}

/// Periods are added up as soon as they are over.
fn eager(config: Config) -> Config {
    Config { calls_wait_seconds: 0, ..config }
}

async fn open(config: Config) -> Timescale {
    Timescale::open(config).await.expect("the store opens")
}

/// Who calls and who is called write logs of their own, a span a segment.
struct Logs {
    callers: WriterId,
    callees: WriterId,
    position: u64,
}

impl Logs {
    fn new() -> Self {
        Self { callers: WriterId(Uuid::new_v4()), callees: WriterId(Uuid::new_v4()), position: 0 }
    }

    /// Both sides of each call, a millisecond apart.
    async fn calls(&mut self, store: &dyn Store, numbers: Range<u64>, start_time: i64) {
        for number in numbers {
            self.call(store, number, start_time).await;
            self.answer(store, number, start_time + MILLISECOND).await;
        }
    }

    async fn call(&mut self, store: &dyn Store, number: u64, start_time: i64) {
        let writer = self.callers;
        self.keep(store, writer, &caller(number, start_time)).await;
    }

    async fn answer(&mut self, store: &dyn Store, number: u64, start_time: i64) {
        let writer = self.callees;
        let span = Span {
            span_id: number + 1_000_000,
            parent_span_id: Some(number),
            service_name: Some("shop"),
            kind: "server",
            ..caller(number, start_time)
        };
        self.keep(store, writer, &span).await;
    }

    async fn keep(&mut self, store: &dyn Store, writer: WriterId, span: &Span<'_>) {
        self.position += 1;
        let origin = Origin { writer, first: self.position, through: self.position };
        let (id, tenant, batches) = (SegmentId::new(), tenant(), vec![batch(&[*span])]);
        store.keep(&Segment { id, tenant, signal: Signal::Spans, origin, batches }).await.expect("kept");
    }
}

fn caller(number: u64, start_time: i64) -> Span<'static> {
    Span {
        start_time,
        duration_ns: i64::try_from(number).expect("few calls") * 1000 + 5,
        trace_id: number.into(),
        span_id: number,
        service_name: Some("web"),
        kind: "client",
        ..Span::default()
    }
}

/// A rollup as of now.
fn table(store: &dyn Store, rollup: Rollup) -> Arc<dyn TableProvider> {
    let rollups = store.table(&tenant(), Signal::Spans).expect("a table").rollups;
    rollups.into_iter().find(|stored| stored.rollup == rollup).expect("spans have every rollup").table
}

/// Its rows, of which several may have one key.
async fn rows(table: &Arc<dyn TableProvider>) -> Vec<RecordBatch> {
    let rows = SessionContext::new().read_table(Arc::clone(table)).expect("a readable table");
    rows.collect().await.expect("readable rows")
}

fn count(rows: &[RecordBatch]) -> usize {
    rows.iter().map(RecordBatch::num_rows).sum()
}

/// What the rows sum up to, however many they are; of edges, once nobody waits for anybody.
fn summed(rollup: Rollup, rows: &[RecordBatch]) -> RecordBatch {
    let sums = match rollup {
        Rollup::ServiceEdges => settle(rows, |_| true),
        Rollup::ServiceMinutes | Rollup::ServiceHours => merge(rollup, rows),
    };
    sums.expect("whole sketches")
}

async fn sums(store: &dyn Store) -> Vec<RecordBatch> {
    let mut sums = Vec::new();
    for rollup in Rollup::ALL {
        sums.push(summed(rollup, &rows(&table(store, rollup)).await));
    }
    sums
}

/// Rows of each rollup.
async fn counts(store: &dyn Store) -> Vec<usize> {
    let mut counts = Vec::new();
    for rollup in Rollup::ALL {
        counts.push(count(&rows(&table(store, rollup)).await));
    }
    counts
}

/// Does all there is to do.
async fn add_up(store: &dyn Store) -> Vec<Work> {
    let mut done = Vec::new();
    while let Some(work) = store.maintain(&Pace::full()).await.done {
        assert!(matches!(work.outcome, Outcome::Done), "{work:?}");
        done.push(work);
    }
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_added_up_sums_the_same_in_fewer_rows_of_postgresql() -> Result<(), ()> {
    let server = postgres().await.map_err(Skip::tell)?;

    check(config(&server.url())).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_added_up_sums_the_same_in_fewer_rows_of_timescaledb() -> Result<(), ()> {
    let database = Hypertables::start().await.map_err(Skip::tell)?;

    check(database.config()).await;
    Ok(())
}

async fn check(config: Config) {
    let store = &open(eager(config)).await as &dyn Store;
    let (mut logs, start) = (Logs::new(), long_ago());
    logs.calls(store, 0..CALLS, start).await;
    // One that nobody answers, and one whose answer is of the next minute.
    logs.call(store, CALLS, start).await;
    logs.calls(store, CALLS + 1..CALLS + 2, start + MINUTE - MILLISECOND).await;
    let before = sums(store).await;
    assert_eq!(counts(store).await, [23, 23, 23], "a row a segment");

    let first = store.maintain(&Pace::full()).await;
    let rest = add_up(store).await;

    assert_eq!(first.waiting.len(), 2, "the other rollups: {first:?}");
    let added: Vec<Work> = first.done.into_iter().chain(rest).collect();
    assert_eq!(added.iter().map(|work| work.read.rows).collect::<Vec<_>>(), [23, 23, 23], "{added:?}");
    assert!(added.iter().all(|work| work.task.job == Job::Compact), "{added:?}");
    assert_eq!(sums(store).await, before);
    assert_eq!(counts(store).await, [3, 2, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollup_shows_the_moment_of_its_call_whatever_is_added_up() -> Result<(), ()> {
    let server = postgres().await.map_err(Skip::tell)?;
    let store = &open(eager(config(&server.url()))).await as &dyn Store;
    let (mut logs, start) = (Logs::new(), long_ago());
    logs.calls(store, 0..CALLS, start).await;
    let (tables, before) = (Rollup::ALL.map(|rollup| table(store, rollup)), sums(store).await);

    add_up(store).await;
    let once = (Rollup::ALL.map(|rollup| table(store, rollup)), sums(store).await);
    logs.calls(store, CALLS..CALLS + 1, start).await;
    add_up(store).await;

    for (place, rollup) in Rollup::ALL.into_iter().enumerate() {
        let (first, second) = (rows(&tables[place]).await, rows(&once.0[place]).await);
        assert_eq!(count(&first), 20, "{rollup}: each row as it came");
        assert_eq!(summed(rollup, &first), before[place], "{rollup}");
        assert_eq!(summed(rollup, &second), once.1[place], "{rollup}");
        assert!(count(&second) <= 2, "{rollup}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn late_rows_of_an_old_minute_are_added_to_its_sums() -> Result<(), ()> {
    let server = postgres().await.map_err(Skip::tell)?;
    let store = &open(eager(config(&server.url()))).await as &dyn Store;
    let (mut logs, start) = (Logs::new(), long_ago());
    logs.calls(store, 0..CALLS, start).await;
    add_up(store).await;
    logs.calls(store, CALLS..2 * CALLS, start).await;
    let before = sums(store).await;

    add_up(store).await;

    assert_eq!(sums(store).await, before);
    assert_eq!(counts(store).await, [2, 2, 1]);
    assert_eq!(server.psql("select sum(requests) from observatory.service_hours where to_round is null"), "40");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_add_everything_up_once() -> Result<(), ()> {
    let server = postgres().await.map_err(Skip::tell)?;
    let (one, other) = (open(eager(config(&server.url()))).await, open(eager(config(&server.url()))).await);
    let (mut logs, start) = (Logs::new(), long_ago());
    for minute in 0..5_u64 {
        logs.calls(&one, minute * CALLS..(minute + 1) * CALLS, start + minute.cast_signed() * MINUTE).await;
    }
    let before = sums(&one).await;

    let (a, b) = tokio::join!(add_up(&one), add_up(&other));

    let read: u64 = a.iter().chain(&b).map(|work| work.read.rows).sum();
    assert_eq!(read, 3 * 100, "each row once: {a:?} {b:?}");
    assert_eq!(add_up(&one).await.len() + add_up(&other).await.len(), 0, "nothing is left");
    assert_eq!((sums(&one).await, counts(&one).await), (before.clone(), vec![10, 2, 5]));
    assert_eq!((sums(&other).await, counts(&other).await), (before, vec![10, 2, 5]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_that_is_killed_in_the_middle_has_not_been() -> Result<(), ()> {
    let server = postgres().await.map_err(Skip::tell)?;
    let store = &open(eager(config(&server.url()))).await as &dyn Store;
    Logs::new().calls(store, 0..CALLS, long_ago()).await;
    let before = sums(store).await;
    // Rows are taken then, and their sums are not there yet.
    server.psql(
        "create function public.pause() returns trigger language plpgsql as 'begin perform pg_sleep(600); return null; end'; \
         create trigger pause before insert on observatory.service_minutes for each statement execute function public.pause()",
    );

    let killed = until("a round writes its sums", PATIENCE, async || {
        let ended =
            server.psql("select count(pg_terminate_backend(pid)) from pg_stat_activity where wait_event = 'PgSleep'");
        (ended != "0").then_some(())
    });
    let pace = Pace::full();
    let (maintained, ()) = tokio::join!(store.maintain(&pace), killed);

    let work = maintained.done.expect("something was tried");
    assert!(matches!(work.outcome, Outcome::Failed(_)), "{work:?}");
    server.psql("drop trigger pause on observatory.service_minutes");
    let changed = "select count(*) from observatory.service_minutes where from_round > 0 or to_round is not null";
    assert_eq!(server.psql(changed), "0");
    assert_eq!(sums(store).await, before);
    add_up(store).await;
    assert_eq!((sums(store).await, counts(store).await), (before, vec![2, 2, 1]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_looked_too_long_ago_is_refused_and_told_nothing_wrong() -> Result<(), ()> {
    let server = postgres().await.map_err(Skip::tell)?;
    let settings = Config { deletion_grace_seconds: 0, ..eager(config(&server.url())) };
    let store = &open(settings).await as &dyn Store;
    Logs::new().calls(store, 0..CALLS, long_ago()).await;
    let (old, before) = (table(store, Rollup::ServiceMinutes), sums(store).await);

    add_up(store).await;

    let deleted = "select count(*) from observatory.service_minutes where to_round is not null";
    assert_eq!(server.psql(deleted), "0", "at once");
    let asked = SessionContext::new().read_table(old).expect("a readable table");
    let refused = asked.collect().await.expect_err("its rows are gone");
    assert!(format!("{refused:?}").contains("ask again"), "{refused:?}");
    assert_eq!((sums(store).await, counts(store).await), (before, vec![2, 2, 1]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_waits_for_its_other_side_no_longer_than_is_said() -> Result<(), ()> {
    let server = postgres().await.map_err(Skip::tell)?;
    let store = &open(config(&server.url())).await as &dyn Store;
    let (mut logs, old, young) = (Logs::new(), long_ago(), now() - 5 * MINUTE);
    logs.calls(store, 0..CALLS, old).await;
    logs.call(store, CALLS, young).await;

    add_up(store).await;

    let waiting = "select count(*) from observatory.service_edges where to_round is null and half is not null";
    assert_eq!(server.psql(waiting), "1", "a quarter of an hour is not over");
    logs.answer(store, CALLS, young).await;
    let edges = summed(Rollup::ServiceEdges, &rows(&table(store, Rollup::ServiceEdges)).await);
    let sources = edges.column_by_name("source").expect("a column");
    assert_eq!((edges.num_rows(), sources.null_count()), (2, 0), "both are from web to shop");
    Ok(())
}
