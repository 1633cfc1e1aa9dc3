//! Merging, deleting and expiring change no answer but the one that was asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arrow::array::AsArray;
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use lake::{Config, Lake};
use model::{Signal, Tenant, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use store::{Condition, Job, Outcome, Pace, Store};

use crate::support::{Segments, eager, maintain_all, objects, rows, spans, tenant};

async fn on_disk(directory: &tempfile::TempDir, config: Config) -> Lake {
    Lake::on_disk(directory.path()).await.expect("a lake").configured(config)
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

async fn keep_spans(lake: &Lake, segments: &mut Segments, times: impl IntoIterator<Item = i64>) {
    lake.keep(&segments.next(Signal::Spans, &spans(times))).await.expect("kept");
}

fn any_row(signal: Signal) -> impl Strategy<Value = Value> {
    let name = prop::option::weighted(0.9, 0..5);
    let time = prop_oneof![0..1000_i64, 86_400_000_000_000..86_400_000_001_000_i64];
    (name, time, any::<i64>(), prop::option::of(0..100_i64), ".{0,20}", 0..4_i64).prop_map(
        move |(name, time, number, code, text, series)| {
            let name = name.map(|name| format!("a-rather-long-name-{name}"));
            let name = json!(name);
            match signal {
                Signal::Spans => {
                    json!({"start_time": time, "end_time": time, "service_name": name, "duration_ns": number,
                    "attributes": text, "http_response_status_code": code, "trace_id": format!("{series:032x}"),
                    "events": code.map(|code| vec![json!({"time": code, "name": text, "dropped_attributes_count": 0})])})
                }
                Signal::Logs => json!({"time": time, "service_name": name, "body": text, "event_name": code.map(|code| code.to_string()), "severity_number": series}),
                Signal::Metrics => {
                    json!({"time": time, "name": name, "series_id": series, "value_int": code, "attributes": text})
                }
                Signal::Histograms => json!({"time": time, "name": name, "series_id": series, "attributes": text,
                    "bucket_counts": code.map(|code| vec![code; 3])}),
            }
        },
    )
}

fn any_segments(signal: Signal) -> impl Strategy<Value = Vec<Vec<Value>>> {
    vec(prop_oneof![4 => vec(any_row(signal), 1..30), 1 => vec(any_row(signal), 600..1500)], 1..12)
}

#[test]
fn any_merges_of_any_segments_show_the_same_rows() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for signal in [Signal::Spans, Signal::Logs, Signal::Metrics, Signal::Histograms] {
        let mut runner = TestRunner::new(ProptestConfig { cases: 6, ..ProptestConfig::default() });
        let inputs = (any_segments(signal), 2..5_usize);
        let outcome = runner.run(&inputs, |(segments, merge_files_min)| {
            runtime.block_on(check_merges(signal, &segments, merge_files_min));
            Ok(())
        });
        outcome.unwrap_or_else(|cause| panic!("{signal}: {cause}"));
    }
}

async fn check_merges(signal: Signal, segments: &[Vec<Value>], merge_files_min: usize) {
    let directory = directory();
    let lake = on_disk(&directory, Config { merge_files_min, merge_files_max: 6, ..eager() }).await;
    let mut made = Segments::new();
    for (number, rows) in segments.iter().enumerate() {
        lake.keep(&made.next(signal, rows)).await.expect("kept");
        if number % 5 == 4 {
            lake.maintain(&Pace::full()).await;
        }
    }
    let before = rows(&lake, &tenant(), signal).await;

    maintain_all(&lake).await;

    assert!(rows(&lake, &tenant(), signal).await == before, "the lake shows other rows");
    let reopened = on_disk(&directory, eager()).await;
    assert!(rows(&reopened, &tenant(), signal).await == before, "a reopened lake shows other rows");
}

#[tokio::test]
async fn after_merging_a_day_is_one_file_with_its_filter_and_the_old_ones_are_gone() {
    let directory = directory();
    let lake = on_disk(&directory, eager()).await;
    let mut segments = Segments::new();
    for minute in 0..50 {
        keep_spans(&lake, &mut segments, minute * 100..minute * 100 + 40).await;
    }

    let done = maintain_all(&lake).await;

    assert_eq!(objects(&directory.path().join("default/spans"), ".parquet").len(), 1, "{done:?}");
    assert_eq!(objects(directory.path(), ".index").len(), 1);
    assert_eq!(rows(&lake, &tenant(), Signal::Spans).await.len(), 50 * 40);
    let of_spans =
        |work: &&store::Work| work.task.job == Job::Compact && work.task.dataset == Some(Signal::Spans.into());
    let merged: u64 = done.iter().filter(of_spans).map(|work| work.written.rows).sum();
    assert!(merged <= 3 * 50 * 40, "{merged} rows were written");
}

#[tokio::test]
async fn merged_rollups_sum_the_same_in_fewer_rows() {
    let directory = directory();
    let lake = on_disk(&directory, eager()).await;
    let mut segments = Segments::new();
    for minute in 0..20 {
        keep_spans(&lake, &mut segments, minute * 100..minute * 100 + 40).await;
    }
    let (requests, rows_before) = sums(&lake).await;

    maintain_all(&lake).await;

    let (merged, rows_after) = sums(&lake).await;
    assert_eq!((merged, requests), (800, 800));
    assert!(rows_after < rows_before / 10, "{rows_after} rows after {rows_before}");
    assert_eq!(objects(&directory.path().join("default/service_minutes"), ".parquet").len(), 1);
}

/// Spans in the rollup by minutes, and its rows.
async fn sums(lake: &Lake) -> (i64, usize) {
    let rollups = lake.table(&tenant(), Signal::Spans).expect("a table").rollups;
    let minutes = rollups.into_iter().find(|rollup| rollup.rollup == model::Rollup::ServiceMinutes).expect("a rollup");
    assert_eq!(minutes.same_from, Timestamp(i64::MIN), "merging leaves sums and spans alike");
    let sums = "SELECT count(*), CAST(sum(requests) AS BIGINT) FROM minutes";
    let rows = ask_rollup(lake, model::Rollup::ServiceMinutes, "minutes", sums).await;
    let number = |column: usize| rows[0].column(column).as_primitive::<arrow::datatypes::Int64Type>().value(0);
    (number(1), usize::try_from(number(0)).expect("a count"))
}

#[tokio::test]
async fn calls_that_waited_long_enough_are_summed_by_edge() {
    let directory = directory();
    let lake = on_disk(&directory, eager()).await;
    let mut segments = Segments::new();
    let call = |number: u64, kind: &str| {
        let (service, id, parent) = match kind {
            "client" => ("web", number, json!(null)),
            _ => ("shop", 1 << 32 | number, json!(format!("{number:016x}"))),
        };
        json!({"start_time": number * 1_000_000, "service_name": service, "kind": kind, "span_id": format!("{id:016x}"), "parent_span_id": parent})
    };
    // Each call is answered one segment later, the last one never.
    for number in 0..20 {
        let answer = (number > 0).then(|| call(number - 1, "server"));
        let spans: Vec<Value> = std::iter::once(call(number, "client")).chain(answer).collect();
        lake.keep(&segments.next(Signal::Spans, &spans)).await.expect("kept");
    }

    maintain_all(&lake).await;

    let edges = "SELECT source, target, CAST(sum(calls) AS BIGINT), count(*), count(half) FROM edges GROUP BY 1, 2 ORDER BY 2 NULLS LAST";
    let rows = ask_rollup(&lake, model::Rollup::ServiceEdges, "edges", edges).await;
    let told = arrow::util::pretty::pretty_format_batches(&rows).expect("a table").to_string();
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let told: Vec<Vec<String>> = told.lines().skip(3).take(2).map(cells).collect();
    assert_eq!(
        told,
        [["", "web", "shop", "19", "1", "0", ""], ["", "web", "", "1", "1", "0", ""]],
        "calls, rows, halves"
    );
}

/// Answers a question of the partial rows of a rollup, under this name.
async fn ask_rollup(lake: &Lake, rollup: model::Rollup, name: &str, sql: &str) -> Vec<arrow::array::RecordBatch> {
    let rollups = lake.table(&tenant(), Signal::Spans).expect("a table").rollups;
    let rows = rollups.into_iter().find(|stored| stored.rollup == rollup).expect("a rollup");
    let context = SessionContext::new();
    context.register_table(name, rows.table).expect("a new name");
    context.sql(sql).await.expect("a plan").collect().await.expect("rows")
}

#[tokio::test]
async fn a_trace_and_a_service_are_found_in_a_merged_file() {
    let directory = directory();
    let lake = on_disk(&directory, eager()).await;
    let mut segments = Segments::new();
    for minute in 0..10 {
        keep_spans(&lake, &mut segments, minute * 100..minute * 100 + 40).await;
    }
    maintain_all(&lake).await;
    let table = lake.table(&tenant(), Signal::Spans).expect("a table").table;
    let context = SessionContext::new();
    context.register_table("spans", table).expect("a new name");

    for (condition, expected) in [
        (format!("trace_id = arrow_cast(x'{:032x}', 'FixedSizeBinary(16)')", 325), 1),
        (format!("trace_id = arrow_cast(x'{:032x}', 'FixedSizeBinary(16)')", 350), 0),
        ("service_name = 'service-2'".to_owned(), 130),
        ("service_name = 'service-9'".to_owned(), 0),
        ("start_time >= arrow_cast(930, 'Timestamp(Nanosecond, Some(\"UTC\"))')".to_owned(), 10),
    ] {
        let found = context.sql(&format!("SELECT name FROM spans WHERE {condition}")).await.expect("a plan");
        let found = found.collect().await.expect("rows").iter().map(|rows| rows.num_rows()).sum::<usize>();
        assert_eq!(found, expected, "{condition}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_count_is_exact_while_rows_come_and_files_are_merged_and_deleted() {
    const SEGMENTS: i64 = 60;
    const ROWS: i64 = 20;
    let directory = directory();
    let config = Config { merge_files_min: 3, ..eager() };
    let lake = Arc::new(on_disk(&directory, config).await);
    let kept = Arc::new(AtomicU64::new(0));
    let writer = {
        let (lake, kept) = (Arc::clone(&lake), Arc::clone(&kept));
        tokio::spawn(async move {
            let mut segments = Segments::new();
            for minute in 0..SEGMENTS {
                keep_spans(&lake, &mut segments, minute * 100..minute * 100 + ROWS).await;
                kept.fetch_add(ROWS as u64, Ordering::SeqCst);
            }
        })
    };
    let compactor = {
        let lake = Arc::clone(&lake);
        tokio::spawn(async move {
            let mut merges = 0;
            loop {
                match lake.maintain(&Pace::full()).await.done {
                    Some(work) => merges += u32::from(work.task.job == Job::Compact),
                    None => tokio::time::sleep(Duration::from_millis(1)).await,
                }
                if merges > 5 && kept_all(&lake, SEGMENTS * ROWS) {
                    return merges;
                }
            }
        })
    };

    while !compactor.is_finished() {
        let least = kept.load(Ordering::SeqCst);
        let seen = rows(&lake, &tenant(), Signal::Spans).await.len() as u64;
        let most = kept.load(Ordering::SeqCst) + ROWS as u64;
        assert!((least..=most).contains(&seen) && seen.is_multiple_of(ROWS as u64), "{least} <= {seen} <= {most}");
    }

    writer.await.expect("the writer ends well");
    assert!(compactor.await.expect("the compactor ends well") > 5);
    assert_eq!(rows(&lake, &tenant(), Signal::Spans).await.len() as i64, SEGMENTS * ROWS);
}

fn kept_all(lake: &Lake, rows: i64) -> bool {
    let parts = futures::executor::block_on(lake.inventory(None)).expect("an inventory");
    let is_kept = |part: &&store::Part| part.condition == Condition::Kept && part.dataset == Signal::Spans.into();
    let kept = parts.iter().filter(is_kept);
    kept.map(|part| part.rows).sum::<u64>() == rows as u64
}

#[tokio::test]
async fn a_running_query_keeps_the_files_it_reads() {
    let directory = directory();
    let lake = on_disk(&directory, eager()).await;
    let mut segments = Segments::new();
    for minute in 0..10 {
        keep_spans(&lake, &mut segments, minute * 100..minute * 100 + 40).await;
    }
    let table = lake.table(&tenant(), Signal::Spans).expect("a table").table;
    let mut slow = SessionContext::new().read_table(table).expect("a table").execute_stream().await.expect("a stream");
    let first = slow.next().await.expect("a batch").expect("rows").num_rows();

    maintain_all(&lake).await;

    assert!(objects(&directory.path().join("default/spans"), ".parquet").len() >= 10, "the old files are there");
    let mut seen = first;
    while let Some(batch) = slow.next().await {
        seen += batch.expect("rows of files that were taken out").num_rows();
    }
    assert_eq!(seen, 400);
    drop(slow);
    maintain_all(&lake).await;
    assert_eq!(objects(&directory.path().join("default/spans"), ".parquet").len(), 1, "after the query they go");
}

#[tokio::test]
async fn files_taken_out_wait_for_other_processes_and_outlive_a_restart() {
    let directory = directory();
    let lake = on_disk(&directory, Config { deletion_grace_seconds: 3600, ..eager() }).await;
    let mut segments = Segments::new();
    // Beyond a checkpoint of the manifest.
    for minute in 0..70 {
        keep_spans(&lake, &mut segments, minute * 100..minute * 100 + 2).await;
    }

    maintain_all(&lake).await;
    assert!(objects(&directory.path().join("default/spans"), ".parquet").len() > 70, "within the grace they stay");
    for minute in 70..140 {
        keep_spans(&lake, &mut segments, minute * 100..minute * 100 + 2).await;
    }
    drop(lake);

    let patient = on_disk(&directory, Config { deletion_grace_seconds: 3600, ..eager() }).await;
    maintain_all(&patient).await;
    assert!(objects(&directory.path().join("default/spans"), ".parquet").len() > 140);
    let removed = patient.inventory(None).await.expect("an inventory");
    assert!(removed.iter().filter(|part| part.condition == Condition::Removed).count() > 140);
    let reopened = on_disk(&directory, eager()).await;
    maintain_all(&reopened).await;
    assert_eq!(objects(&directory.path().join("default/spans"), ".parquet").len(), 1, "a restart does not forget them");
    assert_eq!(objects(directory.path(), ".index").len(), 1);
    assert_eq!(rows(&reopened, &tenant(), Signal::Spans).await.len(), 280);
}

#[tokio::test]
async fn what_a_crash_left_is_swept_when_it_is_old_and_not_before() {
    let directory = directory();
    let folder = directory.path().join("default/spans/2026-01-01");
    std::fs::create_dir_all(&folder).expect("a folder");
    let orphans = ["0123.parquet", "0123.index", "4567#0"].map(|name| folder.join(name));
    for orphan in &orphans {
        std::fs::write(orphan, b"half of a file").expect("a file");
    }
    let lake = on_disk(&directory, eager()).await;
    keep_spans(&lake, &mut Segments::new(), 0..10).await;

    maintain_all(&lake).await;
    assert!(orphans.iter().all(|orphan| orphan.exists()), "they may be on their way");

    tokio::time::sleep(Duration::from_millis(20)).await;
    let impatient = on_disk(&directory, Config { orphan_grace_seconds: 0, ..eager() }).await;
    let swept = maintain_all(&impatient).await;
    assert!(orphans.iter().all(|orphan| !orphan.exists()));
    assert_eq!(swept.iter().map(|work| work.read.parts).sum::<u64>(), 3, "{swept:?}");
    assert_eq!(rows(&impatient, &tenant(), Signal::Spans).await.len(), 10, "what is known stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_compactors_neither_loses_nor_doubles_a_row() {
    let directory = directory();
    let (one, two) = (on_disk(&directory, eager()).await, on_disk(&directory, eager()).await);
    let mut segments = Segments::new();
    for minute in 0..64 {
        keep_spans(&one, &mut segments, minute * 100..minute * 100 + 10).await;
    }

    let (by_one, by_two) = tokio::join!(maintain_all(&one), maintain_all(&two));

    for lake in [&one, &two, &on_disk(&directory, eager()).await] {
        lake.maintain(&Pace::full()).await;
        assert_eq!(rows(lake, &tenant(), Signal::Spans).await.len(), 640);
    }
    let done = by_one.iter().chain(&by_two).filter(|work| work.task.job == Job::Compact);
    assert!(done.clone().any(|work| matches!(work.outcome, Outcome::Done)), "{by_one:?} {by_two:?}");
}

#[tokio::test]
async fn a_large_merge_stays_within_its_memory() {
    const LIMIT: usize = 24 << 20;
    let directory = directory();
    let config = Config { merge_bytes_max: LIMIT, merge_files_min: 4, ..eager() };
    let lake = on_disk(&directory, config).await;
    let mut segments = Segments::new();
    let line = |number: i64| json!({"time": number, "service_name": format!("service-{}", number % 5), "body": format!("{number} {}", noise(number))});
    for segment in 0..12 {
        let lines: Vec<Value> = (segment * 2500..(segment + 1) * 2500).map(line).collect();
        lake.keep(&segments.next(Signal::Logs, &lines)).await.expect("kept");
    }
    let bytes: u64 = lake.inventory(None).await.expect("an inventory").iter().map(|part| part.bytes).sum();
    assert!(bytes > LIMIT as u64, "{bytes} bytes are more than the limit");

    maintain_all(&lake).await;

    let peak = lake.merge_bytes_peak();
    assert!(peak > 0 && peak <= LIMIT, "{peak} bytes in memory, over the limit of {LIMIT}");
    assert_eq!(objects(&directory.path().join("default/logs"), ".parquet").len(), 1);
    assert_eq!(rows(&lake, &tenant(), Signal::Logs).await.len(), 30_000);
}

/// A kilobyte that cannot be compressed.
fn noise(seed: i64) -> String {
    let mut state = seed as u64 ^ 0x9e37_79b9_7f4a_7c15;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{:016x}", state ^ (state >> 29))
    };
    (0..128).map(|_| next()).collect()
}

#[tokio::test]
async fn what_is_too_old_goes_for_one_tenant_and_table_and_the_rest_stays() {
    let directory = directory();
    let lake = on_disk(&directory, eager()).await;
    let (acme, globex) = (Tenant::new("acme").expect("a name"), Tenant::new("globex").expect("a name"));
    let (mut of_acme, mut of_globex) = (Segments::of(acme.clone()), Segments::of(globex.clone()));
    for times in [0..100, 100..200, 150..300] {
        let rows = |name: &str| -> Vec<Value> { times.clone().map(|time: i64| json!({name: time})).collect() };
        lake.keep(&of_acme.next(Signal::Spans, &rows("start_time"))).await.expect("kept");
        lake.keep(&of_acme.next(Signal::Logs, &rows("time"))).await.expect("kept");
        lake.keep(&of_globex.next(Signal::Spans, &rows("start_time"))).await.expect("kept");
    }

    let expired = lake.expire(&acme, Signal::Spans.into(), Timestamp(200)).await.expect("a store").expect("something");

    assert_eq!((expired.read.parts, expired.read.rows), (2, 200));
    // A file that is not wholly too old stays whole.
    assert_eq!(rows(&lake, &acme, Signal::Spans).await.len(), 150);
    assert_eq!(rows(&lake, &acme, Signal::Logs).await.len(), 350);
    assert_eq!(rows(&lake, &globex, Signal::Spans).await.len(), 350);
    assert!(lake.expire(&acme, Signal::Spans.into(), Timestamp(200)).await.expect("a store").is_none());
    lake.keep(&of_acme.next(Signal::Spans, &spans(0..7))).await.expect("late rows are kept");
    assert_eq!(rows(&lake, &acme, Signal::Spans).await.len(), 157);
    let reopened = on_disk(&directory, eager()).await;
    assert_eq!(rows(&reopened, &acme, Signal::Spans).await.len(), 157);
}
