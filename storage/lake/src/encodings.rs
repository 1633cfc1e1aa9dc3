//! How each column of a file is encoded: by what its kind of value is known for, and by what the segment's own values show.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, Int64Type};
use model::{Column, Signal, Table};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;
use store::Segment;

/// Values looked at to see whether a column repeats itself.
const SAMPLE_VALUES: usize = 1024;

/// How a column of a segment is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Nobody says anything: NULL, or zero.
    Absent,
    /// Values repeat: runs over a dictionary.
    Runs,
    /// By the general writer.
    General,
    /// To be seen from the first rows that say something.
    Undecided,
}

/// The plan for each column of the segment.
pub(crate) fn plans(segment: &Segment) -> Vec<Plan> {
    let fields = Table::of(segment.signal).schema.fields().iter().enumerate();
    fields.map(|(index, field)| plan(segment, index, field)).collect()
}

fn plan(segment: &Segment, index: usize, field: &Field) -> Plan {
    if segment.batches.iter().all(|batch| batch.said(index).is_none()) {
        return if field.is_nullable() { Plan::Absent } else { Plan::Runs };
    }
    plan_for(field, segment.batches.iter().filter_map(|batch| batch.said(index)))
}

/// The plan for a column of which these are values; never absent.
pub(crate) fn plan_for<'a>(field: &Field, said: impl Iterator<Item = &'a ArrayRef> + Clone) -> Plan {
    let is_of_runs = match field.data_type() {
        DataType::UInt32 | DataType::Int32 => true,
        DataType::Utf8View => repeats(said, texts),
        DataType::Int64 => field.name() != "duration_ns" && repeats(said, integers),
        _ => false,
    };
    if is_of_runs { Plan::Runs } else { Plan::General }
}

/// Properties of a segment's file; the caller adds sizes and metadata.
pub(crate) fn properties(signal: Signal) -> WriterPropertiesBuilder {
    let properties = WriterProperties::builder().set_compression(compression());
    let table = Table::of(signal);
    table.columns.iter().zip(table.schema.fields()).fold(properties, |properties, (column, field)| {
        let path = ColumnPath::from(column.name);
        let properties = properties.set_column_statistics_enabled(path.clone(), statistics(signal, field));
        // Random, and each but once in the column: trying to compress it is all for nothing.
        let properties = match (signal, column.name) {
            (Signal::Spans, "span_id") => properties.set_column_compression(path.clone(), Compression::UNCOMPRESSED),
            _ => properties,
        };
        match encoding(column) {
            Some(encoding) => {
                properties.set_column_dictionary_enabled(path.clone(), false).set_column_encoding(path, encoding)
            }
            None => properties,
        }
    })
}

/// Of all columns but those that cannot be made smaller.
pub(crate) fn compression() -> Compression {
    Compression::ZSTD(ZstdLevel::try_new(1).expect("zstd has level 1"))
}

/// By page for what rows are sorted by and what is asked for in ranges; none where least and greatest say nothing.
pub(crate) fn statistics(signal: Signal, field: &Field) -> EnabledStatistics {
    let name = field.name();
    match field.data_type() {
        DataType::Timestamp(..) => EnabledStatistics::Page,
        DataType::FixedSizeBinary(_) => EnabledStatistics::None,
        _ if name == store::sort_key(signal) || name == "duration_ns" => EnabledStatistics::Page,
        DataType::Utf8View if is_of_no_attribute(signal, name) && name != "name" => EnabledStatistics::None,
        _ => EnabledStatistics::Chunk,
    }
}

fn is_of_no_attribute(signal: Signal, name: &str) -> bool {
    Table::of(signal).columns.iter().any(|column| column.name == name && column.convention.is_none())
}

/// How the general writer encodes a column, of whose values a dictionary would make nothing smaller.
fn encoding(column: &Column) -> Option<Encoding> {
    match column.data_type {
        // Neighbours differ little.
        DataType::Timestamp(..) | DataType::Int64 => Some(Encoding::DELTA_BINARY_PACKED),
        DataType::FixedSizeBinary(_) | DataType::Utf8View => Some(Encoding::PLAIN),
        DataType::Float64 => Some(Encoding::BYTE_STREAM_SPLIT),
        _ => None,
    }
}

/// True when at least half of the values were there before: fewer distinct values than that make a dictionary worth its page.
fn repeats<'a>(said: impl Iterator<Item = &'a ArrayRef> + Clone, hashes: fn(&ArrayRef, usize) -> u64) -> bool {
    let step = (said.clone().map(|array| array.len()).sum::<usize>() / SAMPLE_VALUES).max(1);
    let (mut values, mut distinct) = (0, HashSet::new());
    for array in said {
        for row in (0..array.len()).step_by(step).filter(|row| array.is_valid(*row)) {
            values += 1;
            distinct.insert(hashes(array, row));
        }
    }
    distinct.len() * 2 <= values || values == 0
}

fn texts(array: &ArrayRef, row: usize) -> u64 {
    hash(array.as_string_view().value(row).as_bytes())
}

fn integers(array: &ArrayRef, row: usize) -> u64 {
    array.as_primitive::<Int64Type>().value(row) as u64
}

fn hash(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}
