//! Arrow rows as binary COPY, in one pass: the form of each column is settled before the first row.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, BooleanArray, FixedSizeBinaryArray, ListArray, RecordBatch,
    StringViewArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    Decimal128Type, Float64Type, Int32Type, Int64Type, TimestampNanosecondType, UInt32Type, UInt64Type,
};
use model::{Dataset, Table};

use crate::columns::{Kind, head};
use crate::json::write_structs;
use crate::text::escaped;

/// What begins a stream of rows.
pub(crate) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What ends it.
pub(crate) const TRAILER: &[u8] = &(-1_i16).to_be_bytes();
/// Seconds from 1970 to 2000, where PostgreSQL's times begin, in microseconds.
pub(crate) const EPOCH_MICROS: i64 = 946_684_800_000_000;

const NULL: [u8; 4] = (-1_i32).to_be_bytes();
const NUMERIC_OID: u32 = 1700;
const DOUBLE_OID: u32 = 701;

/// Which segment brought a row, or in which round it was added up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) writer: i32,
    pub(crate) through: i64,
    /// Of sums: 0 as their segment brought them.
    pub(crate) round: i64,
}

/// What every row begins with.
#[derive(Clone, Debug)]
pub(crate) struct Head(Vec<u8>);

impl Head {
    /// Of rows with values for these places of the schema.
    pub(crate) fn new(dataset: Dataset, places: &[usize], tenant: &str, mark: Mark) -> Self {
        let columns = &Table::of(dataset).columns;
        let times = places.iter().filter(|place| Kind::of(&columns[**place]) == Kind::Time).count();
        let fields = head(dataset).len() + places.len() + times;
        let mut head = Vec::new();
        head.extend(i16::try_from(fields).expect("a table has at most 1600 columns").to_be_bytes());
        put(&mut head, tenant.as_bytes());
        put(&mut head, &mark.writer.to_be_bytes());
        put(&mut head, &mark.through.to_be_bytes());
        if let Dataset::Rollup(_) = dataset {
            put(&mut head, &mark.round.to_be_bytes());
        }
        Self(head)
    }
}

/// Appends rows of the batch, which has all columns of the dataset, with the values at `places`.
pub(crate) fn rows(
    batch: &RecordBatch,
    dataset: Dataset,
    places: &[usize],
    head: &Head,
    rows: &[usize],
    out: &mut Vec<u8>,
) {
    let columns = &Table::of(dataset).columns;
    let cells: Vec<Cells> =
        places.iter().map(|place| Cells::of(batch.column(*place), Kind::of(&columns[*place]))).collect();
    for row in rows {
        out.extend_from_slice(&head.0);
        for cells in &cells {
            cells.write(*row, out);
        }
    }
}

/// The values of one column, ready to be written row by row.
struct Cells<'a> {
    nulls: Option<&'a NullBuffer>,
    values: Values<'a>,
}

enum Values<'a> {
    Times(&'a [i64]),
    Bigints(&'a [i64]),
    Integers(&'a [i32]),
    Unsigned(&'a [u32]),
    Numerics(&'a [u64]),
    Decimals(&'a [i128]),
    Doubles(&'a [f64]),
    Booleans(&'a BooleanArray),
    Json(&'a StringViewArray),
    Texts(&'a StringViewArray),
    Bytes(&'a FixedSizeBinaryArray),
    Blobs(&'a BinaryViewArray),
    NumericLists(&'a ListArray),
    DoubleLists(&'a ListArray),
    StructLists(&'a ListArray),
}

impl<'a> Cells<'a> {
    fn of(array: &'a ArrayRef, kind: Kind) -> Self {
        let values = match kind {
            Kind::Time => Values::Times(array.as_primitive::<TimestampNanosecondType>().values()),
            Kind::Bigint => Values::Bigints(array.as_primitive::<Int64Type>().values()),
            Kind::Integer => Values::Integers(array.as_primitive::<Int32Type>().values()),
            Kind::Unsigned => Values::Unsigned(array.as_primitive::<UInt32Type>().values()),
            Kind::Numeric => Values::Numerics(array.as_primitive::<UInt64Type>().values()),
            Kind::Decimal => Values::Decimals(array.as_primitive::<Decimal128Type>().values()),
            Kind::Double => Values::Doubles(array.as_primitive::<Float64Type>().values()),
            Kind::Boolean => Values::Booleans(array.as_boolean()),
            // JSON writes control characters as escapes of its own.
            Kind::Json => Values::Json(array.as_string_view()),
            Kind::Text => Values::Texts(array.as_string_view()),
            Kind::Bytes(_) => Values::Bytes(array.as_fixed_size_binary()),
            Kind::Blob => Values::Blobs(array.as_binary_view()),
            Kind::Numerics => Values::NumericLists(array.as_list()),
            Kind::Doubles => Values::DoubleLists(array.as_list()),
            Kind::Structs => Values::StructLists(array.as_list()),
            Kind::Sum | Kind::UnsignedSum => unreachable!("no column is a sum"),
        };
        Self { nulls: array.nulls(), values }
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            out.extend_from_slice(&NULL);
            if let Values::Times(_) = self.values {
                out.extend_from_slice(&NULL);
            }
            return;
        }
        match self.values {
            Values::Times(times) => put_time(out, times[row]),
            Values::Bigints(values) => put(out, &values[row].to_be_bytes()),
            Values::Integers(values) => put(out, &values[row].to_be_bytes()),
            Values::Unsigned(values) => put(out, &i64::from(values[row]).to_be_bytes()),
            Values::Numerics(values) => put_with(out, |out| numeric(out, values[row].into())),
            Values::Decimals(values) => put_with(out, |out| numeric(out, values[row])),
            Values::Doubles(values) => put(out, &values[row].to_bits().to_be_bytes()),
            Values::Booleans(values) => put(out, &[u8::from(values.value(row))]),
            Values::Json(texts) => put(out, texts.value(row).as_bytes()),
            Values::Texts(texts) => put(out, escaped(texts.value(row)).as_bytes()),
            Values::Bytes(values) => put(out, values.value(row)),
            Values::Blobs(values) => put(out, values.value(row)),
            Values::NumericLists(lists) => put_with(out, |out| {
                let list = lists.value(row);
                let values = list.as_primitive::<UInt64Type>();
                array(out, NUMERIC_OID, values, |out, item| numeric(out, values.value(item).into()));
            }),
            Values::DoubleLists(lists) => put_with(out, |out| {
                let list = lists.value(row);
                let values = list.as_primitive::<Float64Type>();
                array(out, DOUBLE_OID, values, |out, item| out.extend(values.value(item).to_bits().to_be_bytes()));
            }),
            Values::StructLists(lists) => put_with(out, |out| write_structs(lists.value(row).as_struct(), out)),
        }
    }
}

fn put(out: &mut Vec<u8>, value: &[u8]) {
    let length = i32::try_from(value.len()).expect("a value came in a request of less than 2 GiB");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(value);
}

/// Writes a value whose length shows afterwards.
fn put_with(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let length = i32::try_from(out.len() - start - 4).expect("a value came in a request of less than 2 GiB");
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

fn put_time(out: &mut Vec<u8>, nanos: i64) {
    let micros = nanos.div_euclid(1000) - EPOCH_MICROS;
    let rest = i16::try_from(nanos.rem_euclid(1000)).expect("a remainder of 1000");
    put(out, &micros.to_be_bytes());
    put(out, &rest.to_be_bytes());
}

/// PostgreSQL's numeric: digits to the base of 10 000, the highest first.
fn numeric(out: &mut Vec<u8>, value: i128) {
    const NEGATIVE: i16 = 0x4000;
    let mut digits = [0_i16; 10];
    let (mut rest, mut count) = (value.unsigned_abs(), 0);
    while rest > 0 {
        digits[count] = i16::try_from(rest % 10_000).expect("a remainder of 10 000");
        rest /= 10_000;
        count += 1;
    }
    let words = i16::try_from(count).expect("at most ten");
    let (weight, scale) = (words.saturating_sub(1).max(0), 0_i16);
    let sign = if value < 0 { NEGATIVE } else { 0 };
    for word in [words, weight, sign, scale] {
        out.extend_from_slice(&word.to_be_bytes());
    }
    for digit in digits[..count].iter().rev() {
        out.extend_from_slice(&digit.to_be_bytes());
    }
}

fn array(out: &mut Vec<u8>, element: u32, values: &dyn Array, mut write: impl FnMut(&mut Vec<u8>, usize)) {
    let dimensions = i32::from(!values.is_empty());
    out.extend_from_slice(&dimensions.to_be_bytes());
    out.extend_from_slice(&i32::from(values.null_count() > 0).to_be_bytes());
    out.extend_from_slice(&element.to_be_bytes());
    if values.is_empty() {
        return;
    }
    let (length, first) = (i32::try_from(values.len()).expect("lists have 32-bit offsets"), 1_i32);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&first.to_be_bytes());
    for item in 0..values.len() {
        match values.is_null(item) {
            true => out.extend_from_slice(&NULL),
            false => put_with(out, |out| write(out, item)),
        }
    }
}
