//! Every type the model has, with the values at its edges, comes back as it went.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, FixedSizeBinaryArray, Float64Array, Int32Array, Int64Array, ListArray, RecordBatch,
    StringViewArray, StructArray, TimestampNanosecondArray, UInt32Array, UInt64Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{concat_batches, sort_to_indices, take_record_batch};
use arrow::datatypes::{DataType, Field};
use model::{Batch, Defaults, Signal, Table};
use store::Store;
use testkit::Skip;
use timescale::Timescale;

use crate::support::{Hypertables, array, now, open, postgres, rows, segment_of};

const ROWS: usize = 24;
const TEXTS: [&str; 7] = [
    "",
    "GET /cart",
    "a\0b",
    "\0",
    "\u{1}\u{1}\u{2}",
    "ein längerer Text als zwölf Byte, mit \0 darin",
    "'; DROP TABLE x; --\\",
];
const JSON: [&str; 4] = [
    r#"{"b":1.0,"a":1,"b":2,"big":123456789012345678901234567890}"#,
    r#"{"nul":"\u0000","escaped":"\"\\\n","double":1e300,"d":{"$double":"NaN"},"n":null}"#,
    r#"{ "spaced" : [ true , {"$bytes":"AAEC"} ] }"#,
    "{}",
];
const DOUBLES: [u64; 8] = [
    0,
    0x8000_0000_0000_0000,
    0x3FF0_0000_0000_0000,
    0x7FF8_0000_0000_0000,
    0x7FF8_0000_0000_0001,
    0xFFF0_0000_0000_0000,
    0x7FEF_FFFF_FFFF_FFFF,
    1,
];

#[tokio::test(flavor = "multi_thread")]
async fn every_value_comes_back_from_postgresql_as_it_went() {
    let server = match postgres().await {
        Ok(server) => server,
        Err(skip) => return skip.tell(),
    };

    check(&open(&server.url()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_value_comes_back_from_timescaledb_as_it_went() -> Result<(), ()> {
    let database = Hypertables::start().await.map_err(Skip::tell)?;

    check(&Timescale::open(database.config()).await.expect("the store opens")).await;
    Ok(())
}

async fn check(store: &dyn Store) {
    for signal in Signal::ALL {
        let mut expected = Vec::new();
        // In a chunk, over an hour's border with a stray, and at both ends of time.
        let hour = 3_600_000_000_000;
        for (first, step) in [(now(), 1_000_001), (now() - hour, hour / 7), (i64::MIN, 999), (i64::MAX - 100_000, 1)] {
            let batch = batch(signal, first, step);
            expected.push(batch.to_record_batch(&mut Defaults::new(signal)).expect("all columns"));
            store.keep(&segment_of(batch)).await.unwrap_or_else(|cause| panic!("{signal}: {cause:?}"));
        }

        let read = rows(store, signal).await;

        let (read, expected) = (by_time(signal, &read), by_time(signal, &expected));
        for (name, (read, expected)) in Table::of(signal)
            .columns
            .iter()
            .map(|column| column.name)
            .zip(read.columns().iter().zip(expected.columns()))
        {
            assert_eq!(read.to_data(), expected.to_data(), "{signal}.{name}");
        }
    }
}

fn by_time(signal: Signal, batches: &[RecordBatch]) -> RecordBatch {
    let all = concat_batches(&Table::of(signal).schema, batches).expect("one schema");
    let order = sort_to_indices(all.column(0), None, None).expect("times sort");
    take_record_batch(&all, &order).expect("rows")
}

/// Rows whose values run through the edges of their types, at different paces.
fn batch(signal: Signal, first: i64, step: i64) -> Batch {
    let table = Table::of(signal);
    let columns = table.columns.iter().enumerate().map(|(place, column)| {
        if place == 0 {
            let times = (0..ROWS as i64).map(|row| first + row * step);
            return Some(array(TimestampNanosecondArray::from_iter_values(times).with_timezone("UTC")));
        }
        // Some columns say nothing.
        if place % 7 == 3 && column.has_default() {
            return None;
        }
        Some(values(column.name, &column.data_type, ROWS, column.is_nullable(), place))
    });
    Batch::new(signal, ROWS, columns.collect()).expect("columns of the signal")
}

fn values(name: &str, data_type: &DataType, rows: usize, nullable: bool, seed: usize) -> ArrayRef {
    let is_null = |row: usize| nullable && (row + seed).is_multiple_of(5);
    let pick = |row: usize, count: usize| (row * 3 + seed) % count;
    let nulls: NullBuffer = (0..rows).map(|row| !is_null(row)).collect();
    let nulls = nullable.then_some(nulls);
    match data_type {
        DataType::Timestamp(..) => {
            let edges = [i64::MIN, -1, 0, 1_790_000_000_123_456_789, i64::MAX];
            let values = (0..rows).map(|row| edges[pick(row, 5)]).collect::<Vec<_>>();
            array(TimestampNanosecondArray::new(values.into(), nulls).with_timezone("UTC"))
        }
        DataType::Int64 => {
            array(Int64Array::new((0..rows).map(|row| [i64::MIN, -1, 0, i64::MAX][pick(row, 4)]).collect(), nulls))
        }
        DataType::Int32 => {
            array(Int32Array::new((0..rows).map(|row| [i32::MIN, -1, 0, i32::MAX][pick(row, 4)]).collect(), nulls))
        }
        DataType::UInt32 => {
            array(UInt32Array::new((0..rows).map(|row| [0, 1, u32::MAX][pick(row, 3)]).collect(), nulls))
        }
        DataType::UInt64 => {
            let edges = [0, 1, 9_999, 10_000, 1 << 63, u64::MAX, 100_000_000];
            array(UInt64Array::new((0..rows).map(|row| edges[pick(row, 7)]).collect(), nulls))
        }
        DataType::Float64 => {
            let values = (0..rows).map(|row| f64::from_bits(DOUBLES[pick(row, 8)]));
            array(Float64Array::new(values.collect(), nulls))
        }
        DataType::Boolean => array(BooleanArray::new((0..rows).map(|row| pick(row, 2) == 0).collect(), nulls)),
        DataType::Utf8View => {
            let is_json = ["attributes", "metadata", "otlp_residue"].iter().any(|suffix| name.ends_with(suffix));
            let text = |row: usize| if is_json { JSON[pick(row, 4)] } else { TEXTS[pick(row, 7)] };
            array(StringViewArray::from_iter((0..rows).map(|row| (!is_null(row)).then(|| text(row)))))
        }
        DataType::FixedSizeBinary(width) => {
            let id = |row: usize| vec![[0, 0xFF, b'a'][pick(row, 3)]; usize::try_from(*width).expect("a size")];
            let ids = (0..rows).map(|row| (!is_null(row)).then(|| id(row)));
            array(FixedSizeBinaryArray::try_from_sparse_iter_with_size(ids, *width).expect("ids of one width"))
        }
        DataType::List(item) => list(item, rows, nulls, seed),
        other => panic!("{other} is new in the model"),
    }
}

fn list(item: &Arc<Field>, rows: usize, nulls: Option<NullBuffer>, seed: usize) -> ArrayRef {
    let lengths: Vec<usize> = (0..rows)
        .map(|row| if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) { 0 } else { (row + seed) % 4 })
        .collect();
    let total = lengths.iter().sum();
    let items = match item.data_type() {
        DataType::Struct(fields) => {
            let children = fields
                .iter()
                .map(|field| values(field.name(), field.data_type(), total, field.is_nullable(), seed))
                .collect();
            array(StructArray::try_new(fields.clone(), children, None).expect("fields of the struct"))
        }
        data_type => values("item", data_type, total, true, seed),
    };
    array(ListArray::try_new(Arc::clone(item), OffsetBuffer::from_lengths(lengths), items, nulls).expect("a list"))
}
