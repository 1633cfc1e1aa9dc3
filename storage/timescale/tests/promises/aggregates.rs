//! What the database sums is what DataFusion would have summed; and rows stay where they are.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, FixedSizeBinaryArray, Int32Array, Int64Array, RecordBatch, StringViewArray,
    TimestampNanosecondArray, UInt32Array, UInt64Array,
};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::datasource::MemTable;
use datafusion::physical_plan::{ExecutionPlan, collect, displayable};
use datafusion::prelude::SessionContext;
use model::{Batch, Column, Defaults, Signal, Table, Tenant};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::TestRunner;
use store::{Segment, Store, WriterId};
use testkit::Skip;
use timescale::Timescale;
use uuid::Uuid;

use crate::support::{Hypertables, array, context_of, now, open, postgres, rows, segment, segment_of, sql, tenant};

const MICRO: i64 = 1000;
const MINUTE: i64 = 60_000_000_000;
const DAY: i64 = 24 * 60 * MINUTE;
/// Of the longest table.
const COLUMNS_MAX: usize = 100;
/// Statements for each set of rows.
const QUESTIONS: usize = 20;

/// DataFusion cannot plan a statement that has this beside `sum(duration_ns)`: it gives both one name.
const DECIMAL_SUM: &str = "sum(cast(duration_ns as decimal(38, 0)))";

/// What may be asked of a signal, so that all of it is answered by the database.
struct Askable {
    keys: &'static [&'static str],
    functions: &'static [&'static str],
    filters: &'static [&'static str],
}

const fn askable(signal: Signal) -> Askable {
    match signal {
        Signal::Spans => Askable {
            keys: &[
                "service_name",
                "name",
                "http_response_status_code",
                "flags",
                "parent_span_id",
                "observed_time",
                "date_trunc('minute', start_time)",
                "date_trunc('week', start_time)",
                "date_trunc('Month', observed_time)",
                "date_bin(interval '90 seconds', start_time)",
                "date_bin(interval '3 microseconds', end_time)",
            ],
            functions: &[
                "count(*)",
                "count(status_message)",
                "count(observed_time)",
                "count(attributes)",
                "min(duration_ns)",
                "max(duration_ns)",
                "sum(duration_ns)",
                DECIMAL_SUM,
                "avg(http_response_status_code)",
                "sum(http_response_status_code)",
                "sum(flags)",
                "avg(flags)",
                "min(start_time)",
                "max(end_time)",
                "max(observed_time) filter (where flags > 0)",
                "min(observed_time)",
                "min(status_message)",
                "max(name)",
                "count(*) filter (where status_code = 'error')",
                "sum(duration_ns) filter (where name <> 'a' and http_response_status_code in (500, 503))",
                "avg(flags) filter (where status_message is null or not (name like 'a%'))",
            ],
            filters: &[
                "service_name = 'a'",
                "duration_ns > 3 and status_message is not null",
                "start_time >= to_timestamp_nanos(0)",
            ],
        },
        Signal::Logs => Askable {
            keys: &["severity_number", "severity_text", "trace_id", "date_trunc('hour', time)", "time"],
            functions: &[
                "count(*)",
                "sum(severity_number)",
                "avg(severity_number)",
                "max(severity_number)",
                "min(body)",
            ],
            filters: &["severity_number >= 9", "severity_text is null"],
        },
        Signal::Metrics => Askable {
            keys: &["monotonic", "name", "type", "series_id", "date_bin(interval '1 day', time)"],
            functions: &["count(value)", "count(monotonic)", "sum(value_int)", "min(value_int)", "max(start_time)"],
            filters: &["monotonic", "value_int <> 7"],
        },
        Signal::Histograms => Askable {
            keys: &["count", "zero_count", "temporality", "scale", "date_trunc('day', time)"],
            functions: &["sum(count)", "max(zero_count)", "min(count)", "sum(scale)", "avg(scale)", "sum(zero_count)"],
            filters: &["zero_count is not null", "scale < 5"],
        },
    }
}

#[test]
fn any_aggregation_is_the_same_with_and_without_postgresql() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let server = match runtime.block_on(postgres()) {
        Ok(server) => server,
        Err(skip) => return skip.tell(),
    };
    let store = runtime.block_on(open(&server.url()));

    check(&runtime, &store, 4);
}

#[test]
fn any_aggregation_is_the_same_with_and_without_timescaledb() -> Result<(), ()> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let database = runtime.block_on(Hypertables::start()).map_err(Skip::tell)?;
    let store = runtime.block_on(Timescale::open(database.config())).expect("the store opens");

    check(&runtime, &store, 1);
    Ok(())
}

fn check(runtime: &tokio::runtime::Runtime, store: &dyn Store, cases: u32) {
    for signal in Signal::ALL {
        let config = ProptestConfig { cases, max_shrink_iters: 100, failure_persistence: None, ..Default::default() };
        let inputs = (vec(row(), 1..40), vec(row(), 0..10), vec(question(signal), QUESTIONS));
        let outcome = TestRunner::new(config).run(&inputs, |(stored, live, questions)| {
            runtime.block_on(check_case(store, signal, [&stored, &live], &questions));
            Ok(())
        });
        outcome.unwrap_or_else(|cause| panic!("{signal}: {cause}"));
    }
}

/// Each value is the one of its column's possible values that the number tells.
type Row = Vec<u8>;

fn row() -> impl Strategy<Value = Row> {
    vec(any::<u8>(), COLUMNS_MAX)
}

/// A statement, but for the table; and whether there are live rows beside those of the database.
fn question(signal: Signal) -> impl Strategy<Value = (String, bool)> {
    let Askable { keys, functions, filters } = askable(signal);
    let filter = prop::option::of(select(filters));
    (subsequence(keys, 0..=3), subsequence(functions, 0..=4), filter, any::<bool>()).prop_map(
        |(keys, functions, filter, is_live)| {
            let is_named_twice = |function: &&str| *function == "sum(duration_ns)" && functions.contains(&DECIMAL_SUM);
            let functions: Vec<_> = functions.iter().copied().filter(|function| !is_named_twice(function)).collect();
            let functions = if keys.is_empty() && functions.is_empty() { vec!["count(*)"] } else { functions };
            let keys_and_functions = keys.iter().chain(&functions).enumerate();
            let selected: Vec<String> =
                keys_and_functions.map(|(number, expr)| format!("{expr} as column_{number}")).collect();
            let selected = selected.join(", ");
            let filter = filter.map(|filter| format!(" where {filter}")).unwrap_or_default();
            let numbers: Vec<String> = (1..=keys.len()).map(|number| number.to_string()).collect();
            let groups = if keys.is_empty() { String::new() } else { format!(" group by {}", numbers.join(", ")) };
            (format!("select {selected} from rows{filter}{groups}"), is_live)
        },
    )
}

async fn check_case(store: &dyn Store, signal: Signal, [stored, live]: [&[Row]; 2], questions: &[(String, bool)]) {
    let tenant = Tenant::new(&format!("case-{}", Uuid::new_v4().simple())).expect("a valid name");
    let [stored, live] = [stored, live].map(|rows| batch(signal, rows));
    store.keep(&Segment { tenant: tenant.clone(), ..segment_of(stored.clone()) }).await.expect("kept");
    let table = store.table(&tenant, signal).expect("a table").table;
    let [stored, live] = [stored, live].map(|batch| batch.to_record_batch(&mut Defaults::new(signal)).expect("rows"));
    for (statement, is_live) in questions {
        let (there, here) = (context_of(store), SessionContext::new());
        let rows = if *is_live { vec![stored.clone(), live.clone()] } else { vec![stored.clone()] };
        here.register_table("rows", in_memory(rows)).expect("a free name");
        there.register_table("stored", Arc::clone(&table)).expect("a free name");
        there.register_table("live", in_memory(vec![live.clone()])).expect("a free name");
        let rows = if *is_live { "(select * from stored union all select * from live)" } else { "stored" };
        let plan = plan(&there, &statement.replace("from rows", &format!("from {rows}"))).await;

        let answers =
            collect(Arc::clone(&plan), there.task_ctx()).await.unwrap_or_else(|cause| panic!("{statement}: {cause}"));

        let expected = here.sql(statement).await.expect("a statement").collect().await.expect("rows");
        assert_eq!(lines(&answers), lines(&expected), "{statement}");
        let plan = displayable(plan.as_ref()).indent(false).to_string();
        assert_eq!(plan.matches("AggregateExec: mode=Partial,").count(), usize::from(*is_live), "{statement}\n{plan}");
    }
}

/// What is not certain to mean the same stays with DataFusion.
#[tokio::test(flavor = "multi_thread")]
async fn doubts_are_left_to_datafusion() {
    let server = match postgres().await {
        Ok(server) => server,
        Err(skip) => return skip.tell(),
    };
    let store = open(&server.url()).await;
    store.keep(&segment(WriterId(Uuid::new_v4()), (1, 1), &[now(), now() + 1])).await.expect("kept");
    store.keep(&segment_of(batch(Signal::Metrics, &[vec![0; COLUMNS_MAX]]))).await.expect("kept");

    for statement in [
        "select sum(value) from metrics",
        "select min(value), max(value) from metrics",
        "select value, count(*) from metrics group by 1",
        "select attributes, count(*) from metrics group by 1",
        "select bool_and(monotonic) from metrics",
        "select min(trace_id) from spans",
        "select min(attributes) from spans",
        "select date_bin(interval '100 nanoseconds', start_time), count(*) from spans group by 1",
        "select date_bin(interval '1 month', start_time), count(*) from spans group by 1",
        "select date_bin(interval '1 hour', start_time, to_timestamp_nanos(7)), count(*) from spans group by 1",
        "select sum(duration_ns + flags) from spans",
        "select sum(cast(duration_ns as double)) from spans",
        "select length(name), count(*) from spans group by 1",
        "select count(*) filter (where name like '_') from spans",
        "select count(*) from spans where name like '_'",
        "select count(*) from (select * from spans limit 1)",
        "select distinct name from spans limit 1",
        "select name, status_code, count(*) from spans group by rollup (name, status_code)",
        "select name, count(*), stddev(duration_ns) from spans group by 1",
    ] {
        let explained = lines(&sql(&store, &format!("explain {statement}")).await).join("\n");
        assert!(explained.contains("TimescaleScan") && !explained.contains(" GROUP BY "), "{statement}\n{explained}");
        sql(&store, statement).await;
    }
}

/// Ten thousand rows of three services; whatever the number, three come.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_for_each_group_leaves_the_database() {
    let server = match postgres().await {
        Ok(server) => server,
        Err(skip) => return skip.tell(),
    };
    let store = open(&server.url()).await;
    let rows: Vec<Row> = (0..10_000).map(|row| vec![[0, 8, 12][row % 3]; COLUMNS_MAX]).collect();
    store.keep(&segment_of(batch(Signal::Spans, &rows))).await.expect("kept");
    let context = context_of(&store);
    context
        .register_table("spans", store.table(&tenant(), Signal::Spans).expect("a table").table)
        .expect("a free name");

    let statement =
        "select name, count(*), avg(duration_ns), max(start_time) from spans where duration_ns < 9 group by name";
    let plan = plan(&context, statement).await;
    let answer = collect(Arc::clone(&plan), context.task_ctx()).await.expect("rows");

    assert_eq!(answer.iter().map(RecordBatch::num_rows).sum::<usize>(), 3);
    let text = displayable(plan.as_ref()).indent(false).to_string();
    assert!(text.contains("sql=SELECT \"name\", count(*), ") && text.contains(" GROUP BY 1 UNION ALL "), "{text}");
    assert_eq!(rows_read(&plan), 3, "{text}");
}

/// Rows that scans below gave to the plan.
fn rows_read(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let own = plan.metrics().filter(|_| plan.name() == "TimescaleScan").and_then(|metrics| metrics.output_rows());
    own.unwrap_or(0) + plan.children().into_iter().map(rows_read).sum::<usize>()
}

#[tokio::test(flavor = "multi_thread")]
async fn times_at_the_ends_of_all_have_the_buckets_they_should() {
    let server = match postgres().await {
        Ok(server) => server,
        Err(skip) => return skip.tell(),
    };
    let store = open(&server.url()).await;
    let ends = [i64::MIN, i64::MIN + 1, i64::MIN + MINUTE, i64::MAX - 1, i64::MAX];
    store.keep(&segment(WriterId(Uuid::new_v4()), (1, 1), &ends)).await.expect("kept");
    let all = rows(&store, Signal::Spans).await;

    for statement in [
        "select date_bin(interval '1 minute', start_time), count(*) from spans group by 1",
        "select date_bin(interval '100000 days', start_time), count(*) from spans group by 1",
        "select date_bin(interval '1 microsecond', start_time), count(*) from spans group by 1",
        "select cast(min(start_time) as bigint), cast(max(start_time) as bigint) from spans",
    ] {
        let here = SessionContext::new();
        here.register_table("spans", in_memory(all.clone())).expect("a free name");
        let expected = here.sql(statement).await.expect("a statement").collect().await.expect("rows");
        let explained = lines(&sql(&store, &format!("explain {statement}")).await).join("\n");
        assert!(!explained.contains("AggregateExec: mode=Partial,"), "{explained}");
        assert_eq!(lines(&sql(&store, statement).await), lines(&expected), "{statement}");
    }
}

/// Doubles added one after the other would lose the 1 in the others.
#[tokio::test(flavor = "multi_thread")]
async fn an_average_is_the_exact_sum_by_the_count() {
    let server = match postgres().await {
        Ok(server) => server,
        Err(skip) => return skip.tell(),
    };
    let store = open(&server.url()).await;
    let rows = segment(WriterId(Uuid::new_v4()), (1, 1), &[now(); 3]).batches.remove(0);
    let table = Table::of(Signal::Spans);
    let mut columns: Vec<_> = (0..table.columns.len()).map(|place| rows.said(place).cloned()).collect();
    columns[table.index("duration_ns")] = Some(array(Int64Array::from(vec![i64::MAX, 1, -i64::MAX])));
    store.keep(&segment_of(Batch::new(Signal::Spans, 3, columns).expect("columns"))).await.expect("kept");

    let average = sql(&store, "select avg(duration_ns) from spans").await;

    assert_eq!(lines(&average), [(1.0 / 3.0).to_string()]);
}

fn in_memory(batches: Vec<RecordBatch>) -> Arc<MemTable> {
    Arc::new(MemTable::try_new(batches[0].schema(), vec![batches]).expect("a table"))
}

async fn plan(context: &SessionContext, statement: &str) -> Arc<dyn ExecutionPlan> {
    let frame = context.sql(statement).await.unwrap_or_else(|cause| panic!("{statement}: {cause}"));
    frame.create_physical_plan().await.unwrap_or_else(|cause| panic!("{statement}: {cause}"))
}

/// A line a row, sorted.
fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let mut lines = Vec::new();
    for batch in batches {
        let columns: Vec<_> = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options)).collect();
        let columns: Vec<ArrayFormatter<'_>> = columns.into_iter().collect::<Result<_, _>>().expect("printable");
        lines.extend(
            (0..batch.num_rows())
                .map(|row| columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join("|")),
        );
    }
    lines.sort();
    lines
}

fn batch(signal: Signal, rows: &[Row]) -> Batch {
    let columns = Table::of(signal).columns.iter().enumerate();
    let columns = columns.map(|(place, column)| {
        let choices = rows.iter().map(|row| row[place]).collect::<Vec<_>>();
        values(column, &choices)
    });
    Batch::new(signal, rows.len(), columns.collect()).expect("columns of the signal")
}

/// Values of the column; `None` where it says nothing.
fn values(column: &Column, choices: &[u8]) -> Option<ArrayRef> {
    const TEXTS: [&str; 8] = ["a", "error", "", "b", "Z", "ä", "a\0", "\u{1}"];
    const WIDE: [i64; 8] = [0, 1, -1, 7, i64::MAX, i64::MIN, i64::MAX - 1, 1_000_000];
    Some(match &column.data_type {
        DataType::Timestamp(..) => {
            let times = chosen(column, choices, &times());
            array(TimestampNanosecondArray::from_iter(times).with_timezone("UTC"))
        }
        DataType::Int64 if ["duration_ns", "value_int", "series_id"].contains(&column.name) => {
            array(Int64Array::from_iter(chosen(column, choices, &WIDE)))
        }
        DataType::Int64 => array(Int64Array::from_iter(chosen(column, choices, &[200, 500, 503, -1]))),
        DataType::Int32 => array(Int32Array::from_iter(chosen(column, choices, &[0, 9, 17, i32::MAX, i32::MIN]))),
        DataType::UInt32 => array(UInt32Array::from_iter(chosen(column, choices, &[0, 1, 5, u32::MAX]))),
        DataType::UInt64 => array(UInt64Array::from_iter(chosen(column, choices, &[0, 1, 3, u64::MAX, u64::MAX - 1]))),
        DataType::Boolean => array(BooleanArray::from_iter(chosen(column, choices, &[true, false]))),
        DataType::FixedSizeBinary(width) => {
            let bytes = [0, 1, 255].map(|byte: u8| [byte; 16]);
            let bytes = chosen(column, choices, &bytes);
            let bytes = bytes.iter().map(|bytes| bytes.as_ref().map(|bytes| &bytes[..*width as usize]));
            array(FixedSizeBinaryArray::try_from_sparse_iter_with_size(bytes, *width).expect("ids of one width"))
        }
        DataType::Utf8View if column.name == "attributes" => {
            array(StringViewArray::from_iter(chosen(column, choices, &["{}"])))
        }
        DataType::Utf8View if is_json(column) => return None,
        DataType::Utf8View => array(StringViewArray::from_iter(chosen(column, choices, &TEXTS))),
        _ => return None,
    })
}

fn is_json(column: &Column) -> bool {
    column.name.ends_with("_attributes") || ["metadata", "otlp_residue"].contains(&column.name)
}

fn chosen<T: Copy>(column: &Column, choices: &[u8], of: &[T]) -> Vec<Option<T>> {
    let is_null = |choice: u8| column.is_nullable() && choice % 4 == 3;
    choices.iter().map(|choice| (!is_null(*choice)).then(|| of[usize::from(choice / 4) % of.len()])).collect()
}

/// At and beside edges of buckets: near now, so that they lie in chunks, and long ago, so that they are strays.
fn times() -> [i64; 16] {
    let minute = now() / MINUTE * MINUTE;
    // The first of a month, and a Monday.
    let (month, monday) = (1_767_225_600 * 1_000_000_000, 1_767_571_200 * 1_000_000_000);
    [
        minute,
        minute - 1,
        minute + 1,
        minute + MICRO - 1,
        minute + MICRO,
        minute - MICRO,
        minute - 90 * 1_000_000,
        minute - DAY,
        month,
        month - 1,
        monday,
        monday - 1,
        0,
        -1,
        -MINUTE,
        -MINUTE - 1,
    ]
}
