//! Files that are gone or damaged, and storage that does not answer: nothing is missing in silence, and the rest goes on.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use datafusion::prelude::SessionContext;
use lake::{Config, Lake};
use model::Signal;
use object_store::memory::InMemory;
use store::{Condition, Job, Outcome, Pace, Store, StoreError};

use crate::faulty::Faulty;
use crate::support::{Segments, eager, maintain_all, objects, rows, spans, tenant};

/// No merges: each segment stays a file.
fn apart() -> Config {
    Config { settled_seconds: u64::from(u32::MAX), merge_files_min: 1000, merge_files_max: 1000, ..Config::default() }
}

async fn three_files(directory: &Path) -> Lake {
    let lake = Lake::on_disk(directory).await.expect("a lake").configured(apart());
    let mut segments = Segments::new();
    for minute in 0..3 {
        let rows = spans(minute * 1000..minute * 1000 + 100);
        lake.keep(&segments.next(Signal::Spans, &rows)).await.expect("kept");
    }
    lake
}

/// All rows of the table at or after a time, or what went wrong.
async fn try_count(lake: &Lake, since: i64) -> Result<usize, String> {
    let table = lake.table(&tenant(), Signal::Spans).expect("a table").table;
    let context = SessionContext::new();
    context.register_table("spans", table).expect("a new name");
    let sql =
        format!("SELECT * FROM spans WHERE start_time >= arrow_cast({since}, 'Timestamp(Nanosecond, Some(\"UTC\"))')");
    let rows = context.sql(&sql).await.expect("a plan").collect().await.map_err(|cause| cause.to_string())?;
    Ok(rows.iter().map(|batch| batch.num_rows()).sum())
}

/// Of the files of spans.
fn conditions(parts: &[store::Part]) -> Vec<&'static str> {
    let of_spans = parts.iter().filter(|part| part.dataset == Signal::Spans.into());
    let mut conditions: Vec<_> = of_spans.map(|part| part.condition.name()).collect();
    conditions.sort_unstable();
    conditions
}

#[tokio::test]
async fn a_missing_file_fails_one_query_by_name_and_is_then_left_out_with_a_word_about_it() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let lake = three_files(directory.path()).await;
    let first = objects(&directory.path().join("default/spans"), ".parquet").into_iter().min().expect("a file");
    let name = first.file_name().expect("a name").to_string_lossy().into_owned();
    let kept = fs::read(&first).expect("a file");
    fs::remove_file(&first).expect("a file");

    let error = try_count(&lake, 0).await.expect_err("a file is missing");
    assert!(error.contains(&name), "{error}");
    assert_eq!(try_count(&lake, 1000).await, Ok(200), "a query that does not touch the file is answered");
    let work = lake.maintain(&Pace::full()).await.done.expect("a look at the file");
    assert!(matches!(&work.outcome, Outcome::Failed(StoreError::Damaged { .. })), "{work:?}");

    assert_eq!(try_count(&lake, 0).await, Ok(200));
    let left_out = lake.table(&tenant(), Signal::Spans).expect("a table").unreadable;
    assert_eq!(left_out.iter().map(|file| file.rows).sum::<u64>(), 100);
    assert!(left_out[0].name.contains(&name) && left_out[0].reason.contains("missing"), "{left_out:?}");
    assert_eq!(conditions(&lake.inventory(None).await.expect("an inventory")), ["kept", "kept", "unreadable"]);

    fs::write(&first, kept).expect("somebody brings it back");
    let reopened = Lake::on_disk(directory.path()).await.expect("a lake").configured(apart());
    assert_eq!(try_count(&reopened, 0).await, Ok(300));
}

#[tokio::test]
async fn a_damaged_file_is_found_by_the_query_that_fails() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let lake = three_files(directory.path()).await;
    let first = objects(&directory.path().join("default/spans"), ".parquet").into_iter().min().expect("a file");
    let mut bytes = fs::read(&first).expect("a file");
    // In the pages, not in the footer: only a decoder can know.
    let pages = 4..bytes.len() / 4;
    bytes[pages].fill(0x5a);
    fs::write(&first, bytes).expect("a file");
    let stored = lake.table(&tenant(), Signal::Spans).expect("a table");
    let context = SessionContext::new();
    context.read_table(stored.table).expect("a table").collect().await.expect_err("pages that are no pages");

    let blamed = stored.examine.look().await;

    assert_eq!(blamed.len(), 1, "{blamed:?}");
    assert!(blamed[0].name.contains(&*first.file_name().expect("a name").to_string_lossy()), "{blamed:?}");
    assert_eq!(try_count(&lake, 0).await, Ok(200), "from now on it is left out");
}

#[tokio::test]
async fn a_merge_leaves_a_damaged_file_alone_and_merges_the_others() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    drop(three_files(directory.path()).await);
    let first = objects(&directory.path().join("default/spans"), ".parquet").into_iter().min().expect("a file");
    let short = fs::read(&first).expect("a file")[..200].to_vec();
    fs::write(&first, short).expect("a file");
    let lake = Lake::on_disk(directory.path()).await.expect("a lake").configured(eager());

    for _ in 0..20 {
        lake.maintain(&Pace::full()).await;
    }

    let parts = lake.inventory(None).await.expect("an inventory");
    assert_eq!(conditions(&parts), ["kept", "unreadable"], "{parts:?}");
    assert_eq!(rows(&lake, &tenant(), Signal::Spans).await.len(), 200);
    assert!(first.exists(), "what is damaged is not deleted: somebody may mend it");
}

#[tokio::test]
async fn while_storage_is_down_queries_fail_upkeep_waits_and_nothing_is_concluded() {
    let objects = Faulty::over(Arc::new(InMemory::new()));
    let lake = Lake::on_objects(Arc::clone(&objects) as _, "lake").await.expect("a lake").configured(eager());
    let mut segments = Segments::new();
    for minute in 0..4 {
        let rows = spans(minute * 1000..minute * 1000 + 100);
        lake.keep(&segments.next(Signal::Spans, &rows)).await.expect("kept");
    }
    objects.is_down.store(true, Ordering::SeqCst);

    let error = try_count(&lake, 0).await.expect_err("storage is down");
    assert!(error.contains("503"), "{error}");
    for _ in 0..3 {
        let work = lake.maintain(&Pace::full()).await.done.expect("something was tried");
        assert!(matches!(&work.outcome, Outcome::Failed(StoreError::Unavailable { .. })), "{work:?}");
    }

    objects.is_down.store(false, Ordering::SeqCst);
    assert_eq!(try_count(&lake, 0).await, Ok(400));
    let done = maintain_all(&lake).await;
    assert!(done.iter().any(|work| work.task.job == Job::Compact), "{done:?}");
    let parts = lake.inventory(None).await.expect("an inventory");
    assert!(parts.iter().all(|part| part.condition == Condition::Kept), "{parts:?}");
    assert_eq!(try_count(&lake, 0).await, Ok(400));
}

#[tokio::test]
async fn storage_that_goes_down_in_the_middle_of_a_merge_costs_no_row() {
    let objects = Faulty::over(Arc::new(InMemory::new()));
    let lake = Arc::new(Lake::on_objects(Arc::clone(&objects) as _, "lake").await.expect("a lake").configured(eager()));
    let mut segments = Segments::new();
    for minute in 0..8 {
        let rows = spans(minute * 1000..minute * 1000 + 100);
        lake.keep(&segments.next(Signal::Spans, &rows)).await.expect("kept");
    }
    let faults = Arc::clone(&objects);
    let rests = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let pace = Pace::new(1.0, move || {
        // Open when it begins, down after its first rest.
        faults.is_down.store(rests.fetch_add(1, Ordering::SeqCst) > 0, Ordering::SeqCst);
        store::Gate::Open
    });

    let work = lake.maintain(&pace).await.done.expect("a merge");

    assert!(matches!(work.outcome, Outcome::Failed(_)), "{work:?}");
    objects.is_down.store(false, Ordering::SeqCst);
    assert_eq!(rows(&lake, &tenant(), Signal::Spans).await.len(), 800);
}

#[tokio::test]
async fn footers_of_many_files_are_read_once() {
    const FILES: usize = 200;
    let objects = Faulty::over(Arc::new(InMemory::new()));
    let lake = Lake::on_objects(Arc::clone(&objects) as _, "lake").await.expect("a lake").configured(apart());
    let mut segments = Segments::new();
    for file in 0..FILES as i64 {
        lake.keep(&segments.next(Signal::Spans, &spans([file]))).await.expect("kept");
    }
    let context = SessionContext::new();
    let limit = datafusion::execution::runtime_env::RuntimeEnvBuilder::new().with_metadata_cache_limit(256 << 20);
    let context = SessionContext::new_with_config_rt(context.copied_config(), limit.build_arc().expect("a runtime"));
    context.register_table("spans", lake.table(&tenant(), Signal::Spans).expect("a table").table).expect("a new name");
    let query = async || {
        let before = objects.reads.load(Ordering::SeqCst);
        let plan = context.sql("SELECT sum(duration_ns), max(name) FROM spans").await.expect("a plan");
        plan.collect().await.expect("rows");
        objects.reads.load(Ordering::SeqCst) - before
    };

    let (cold, warm) = (query().await, query().await);

    println!("{cold} reads for {FILES} files, then {warm}");
    assert!(
        cold > FILES && warm <= FILES,
        "{cold} reads, then {warm}: one a file for its columns, none for its footer"
    );
}
