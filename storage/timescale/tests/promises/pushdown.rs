//! What the database filters is what DataFusion would have filtered.

use std::sync::Arc;

use arrow::array::{Float64Array, Int64Array, RecordBatch, StringViewArray, TimestampNanosecondArray};
use arrow::util::pretty::pretty_format_batches;
use datafusion::datasource::MemTable;
use model::{Batch, Signal, Table};
use store::Store;
use testkit::Skip;
use timescale::Timescale;

use crate::support::{Hypertables, array, context, open, postgres, rows, segment_of, sql, tenant};

/// In the middle of the year that tests run in, wherever that is: all rows are near one time, to the nanosecond.
const TIME: i64 = 1_790_000_000_123_456_700;

const FILTERS: [&str; 33] = [
    "name = 'b'",
    "name <> 'b'",
    "name > 'B' and name <= 'ä'",
    "name < 'a'",
    "name in ('a', 'Z', 'a\0', 'nobody')",
    "name not in ('a', 'b')",
    "name like 'a%'",
    "name not like '%b%'",
    "name like '_'",
    "name like 'a\\%'",
    "name ilike 'A%'",
    "name = '\u{1}'",
    "name between 'Z' and 'b'",
    "name not between 'Z' and 'b'",
    "status_message is null",
    "status_message is not null and name = 'b'",
    "status_message = 'x' or name = 'b'",
    "not (status_message = 'x' and name = 'b')",
    "not (status_message = 'x' or duration_ns > 3)",
    "status_message is distinct from 'x'",
    "status_message is not distinct from null",
    "duration_ns > 3 and duration_ns < 9",
    "duration_ns in (1, 5, 7, 100)",
    "duration_ns = -5",
    "duration_ns % 2 = 0 and name = 'b'",
    "start_time >= to_timestamp_nanos(1790000000123456702)",
    "start_time > to_timestamp_nanos(1790000000123456702) and start_time <= to_timestamp_nanos(1790000000123456705)",
    "start_time = to_timestamp_nanos(1790000000123456703)",
    "start_time <> to_timestamp_nanos(1790000000123456703)",
    "start_time in (to_timestamp_nanos(1790000000123456701), to_timestamp_nanos(1790000000123456704))",
    "start_time < to_timestamp_nanos(1790000000123457000)",
    "trace_id = arrow_cast(decode('00000000000000030000000000000003', 'hex'), 'FixedSizeBinary(16)')",
    "flags = 2 and service_name is null",
];

#[tokio::test(flavor = "multi_thread")]
async fn the_same_rows_come_with_and_without_postgresql_filtering() {
    let server = match postgres().await {
        Ok(server) => server,
        Err(skip) => return skip.tell(),
    };

    check(&open(&server.url()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_rows_come_with_and_without_timescaledb_filtering() -> Result<(), ()> {
    let database = Hypertables::start().await.map_err(Skip::tell)?;

    check(&Timescale::open(database.config()).await.expect("the store opens")).await;
    Ok(())
}

async fn check(store: &dyn Store) {
    store.keep(&segment_of(spans())).await.expect("kept");
    let all = rows(store, Signal::Spans).await;

    for filter in FILTERS {
        let statement = format!("select name, duration_ns, start_time from spans where {filter} order by start_time");
        let counted = format!("select count(*) from spans where {filter}");
        assert_eq!(text(&sql(store, &statement).await), text(&in_memory(&all, &statement).await), "{filter}");
        assert_eq!(text(&sql(store, &counted).await), text(&in_memory(&all, &counted).await), "{filter}");
    }
    assert_eq!(count(&sql(store, "select name from spans limit 3").await), 3);
    assert_eq!(count(&sql(store, "select name from spans where name >= 'a' limit 2").await), 2);
    doubles(store).await;
}

/// NaN and both zeros order as they do in DataFusion.
async fn doubles(store: &dyn Store) {
    store.keep(&segment_of(points())).await.expect("kept");
    let all = rows(store, Signal::Metrics).await;

    for filter in [
        "value > 0",
        "value >= 0",
        "value < 0",
        "value <= 0",
        "value = 0",
        "value <> 0",
        "value = 'NaN'",
        "value < 5.5",
    ] {
        let statement = format!("select time, value from metrics where {filter} order by time");
        let context = context();
        let table = store.table(&tenant(), Signal::Metrics).expect("a table").table;
        context.register_table("metrics", table).expect("a free name");
        let read = context.sql(&statement).await.expect("a statement").collect().await.expect("rows");
        assert_eq!(text(&read), text(&in_memory_as("metrics", &all, &statement).await), "{filter}");
    }
}

async fn in_memory(all: &[RecordBatch], statement: &str) -> Vec<RecordBatch> {
    in_memory_as("spans", all, statement).await
}

async fn in_memory_as(name: &str, all: &[RecordBatch], statement: &str) -> Vec<RecordBatch> {
    let context = context();
    let table = MemTable::try_new(all[0].schema(), vec![all.to_vec()]).expect("a table");
    context.register_table(name, Arc::new(table)).expect("a free name");
    context.sql(statement).await.expect("a statement").collect().await.expect("rows")
}

fn count(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

fn text(batches: &[RecordBatch]) -> String {
    pretty_format_batches(batches).expect("printable").to_string()
}

fn spans() -> Batch {
    let names = ["a", "b", "Z", "ä", "a\0", "\u{1}", "ab", "a_", "a%", "", "b", "z"];
    let count = names.len();
    let times: Vec<i64> = (0..count as i64).map(|row| TIME + row).collect();
    let base =
        store::conformance::spans(&tenant(), store::WriterId(uuid::Uuid::nil()), (1, 1), &times).batches.remove(0);
    let table = Table::of(Signal::Spans);
    let mut columns: Vec<_> = (0..table.columns.len()).map(|place| base.said(place).cloned()).collect();
    let numbers = (0..count as i64).map(|row| if row == 4 { -5 } else { row });
    let messages = (0..count).map(|row| [None, Some("x"), Some("")][row % 3]);
    let ids = (0..count as i64).map(|row| row.to_be_bytes().repeat(2));
    columns[table.index("name")] = Some(array(StringViewArray::from(names.to_vec())));
    columns[table.index("duration_ns")] = Some(array(Int64Array::from_iter_values(numbers)));
    columns[table.index("status_message")] = Some(array(StringViewArray::from_iter(messages)));
    columns[table.index("flags")] =
        Some(array(arrow::array::UInt32Array::from_iter_values((0..count as u32).map(|row| row % 3))));
    columns[table.index("trace_id")] =
        Some(array(arrow::array::FixedSizeBinaryArray::try_from_iter(ids).expect("ids of one width")));
    Batch::new(Signal::Spans, count, columns).expect("columns of the signal")
}

fn points() -> Batch {
    let values = [0.0, -0.0, 1.5, -1.5, f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 5.5];
    let table = Table::of(Signal::Metrics);
    let mut columns = vec![None; table.columns.len()];
    let times = (0..values.len() as i64).map(|row| TIME + row);
    columns[0] = Some(array(TimestampNanosecondArray::from_iter_values(times).with_timezone("UTC")));
    for name in ["name", "type"] {
        columns[table.index(name)] = Some(array(StringViewArray::from(vec!["x"; values.len()])));
    }
    columns[table.index("series_id")] = Some(array(Int64Array::from(vec![1; values.len()])));
    columns[table.index("value")] = Some(array(Float64Array::from(values.to_vec())));
    Batch::new(Signal::Metrics, values.len(), columns).expect("columns of the signal")
}
