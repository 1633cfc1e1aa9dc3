//! Columns whose values are lists: events, links, exemplars, buckets, quantiles.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, FixedSizeBinaryBuilder, Float64Array, Float64Builder, Int64Builder, ListArray, StringViewBuilder,
    StructArray, TimestampNanosecondArray, UInt32Array, UInt64Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Fields};

use super::DecodeError;
use super::attributes::write_object;
use super::ids;
use super::refusals::{Reason, Refusals};
use super::wire::fields;

/// Text of nested values is collected in small blocks: most requests have few.
const BLOCK_BYTES: u32 = 4 * 1024;

/// Where the lists of rows begin and end; rows before the first list are NULL.
#[derive(Debug, Default)]
struct Offsets {
    ends: Vec<i32>,
}

impl Offsets {
    /// The current row's list ends at `length`; rows in between, and it, if it is empty, are NULL.
    fn end(&mut self, row: usize, length: usize) {
        let before = self.ends.last().copied().unwrap_or(0);
        self.ends.resize(row, before);
        self.ends.push(i32::try_from(length).expect("a request has fewer than 2^31 nested values"));
    }

    fn finish(mut self, rows: usize, items: ArrayRef) -> Option<ArrayRef> {
        let last = self.ends.last().copied()?;
        self.ends.resize(rows, last);
        let valid: NullBuffer = self
            .ends
            .iter()
            .scan(0, |before, end| Some(*end > std::mem::replace(before, *end)))
            .collect::<Vec<_>>()
            .into();
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        offsets.append(&mut self.ends);
        let field = Arc::new(Field::new_list_field(items.data_type().clone(), true));
        Some(Arc::new(ListArray::new(field, OffsetBuffer::new(ScalarBuffer::from(offsets)), items, Some(valid))))
    }
}

fn texts() -> StringViewBuilder {
    StringViewBuilder::new().with_fixed_block_size(BLOCK_BYTES)
}

fn append_said(builder: &mut StringViewBuilder, text: &str) {
    if text.is_empty() {
        builder.append_null();
    } else {
        builder.append_value(text);
    }
}

fn append_id<const N: usize>(builder: &mut FixedSizeBinaryBuilder, id: &[u8]) {
    match ids::valid::<N>(id) {
        Some(id) => builder.append_value(id).expect("the width of the builder"),
        None => builder.append_null(),
    }
}

fn structs(fields: Fields, columns: Vec<ArrayRef>) -> ArrayRef {
    Arc::new(StructArray::new(fields, columns, None))
}

fn times(values: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampNanosecondArray::from(values).with_timezone("UTC"))
}

/// Attributes of one nested value, as JSON.
#[derive(Debug)]
struct NestedAttributes<'a> {
    column: StringViewBuilder,
    json: String,
    key_values: Vec<&'a [u8]>,
}

impl<'a> NestedAttributes<'a> {
    fn new() -> Self {
        Self { column: texts(), json: String::new(), key_values: Vec::new() }
    }

    fn end(&mut self) -> Result<(), DecodeError> {
        self.json.clear();
        write_object(&mut self.json, &self.key_values)?;
        append_said(&mut self.column, &self.json);
        self.key_values.clear();
        Ok(())
    }
}

/// `spans.events`.
#[derive(Debug)]
pub(crate) struct Events<'a> {
    offsets: Offsets,
    times: Vec<i64>,
    names: StringViewBuilder,
    attributes: NestedAttributes<'a>,
    dropped: Vec<u32>,
}

impl<'a> Events<'a> {
    pub(crate) fn new() -> Self {
        Self {
            offsets: Offsets::default(),
            times: Vec::new(),
            names: texts(),
            attributes: NestedAttributes::new(),
            dropped: Vec::new(),
        }
    }

    /// Adds the row's events. A time beyond 2262 is told to `overflow` with the event's number.
    pub(crate) fn row(
        &mut self,
        row: usize,
        messages: &[&'a [u8]],
        mut overflow: impl FnMut(usize, u64),
    ) -> Result<(), DecodeError> {
        for (number, message) in messages.iter().enumerate() {
            let (mut time, mut name, mut dropped) = (0, "", 0);
            for field in fields(message) {
                match field? {
                    (1, value) => time = value.fixed64()?,
                    (2, value) => name = value.text()?,
                    (3, value) => self.attributes.key_values.push(value.bytes()?),
                    (4, value) => dropped = value.uint32()?,
                    _ => {}
                }
            }
            if i64::try_from(time).is_err() {
                overflow(number, time);
            }
            self.times.push(i64::try_from(time).unwrap_or(i64::MAX));
            self.names.append_value(name);
            self.attributes.end()?;
            self.dropped.push(dropped);
        }
        if !messages.is_empty() {
            self.offsets.end(row, self.times.len());
        }
        Ok(())
    }

    pub(crate) fn finish(mut self, rows: usize) -> Option<ArrayRef> {
        let columns: Vec<ArrayRef> = vec![
            times(self.times),
            Arc::new(self.names.finish()),
            Arc::new(self.attributes.column.finish()),
            Arc::new(UInt32Array::from(self.dropped)),
        ];
        self.offsets.finish(rows, structs(model::event_fields(), columns))
    }
}

/// `spans.links`.
#[derive(Debug)]
pub(crate) struct Links<'a> {
    offsets: Offsets,
    trace_ids: FixedSizeBinaryBuilder,
    span_ids: FixedSizeBinaryBuilder,
    trace_states: StringViewBuilder,
    attributes: NestedAttributes<'a>,
    dropped: Vec<u32>,
    flags: Vec<u32>,
}

impl<'a> Links<'a> {
    pub(crate) fn new() -> Self {
        Self {
            offsets: Offsets::default(),
            trace_ids: FixedSizeBinaryBuilder::new(16),
            span_ids: FixedSizeBinaryBuilder::new(8),
            trace_states: texts(),
            attributes: NestedAttributes::new(),
            dropped: Vec::new(),
            flags: Vec::new(),
        }
    }

    pub(crate) fn row(
        &mut self,
        row: usize,
        messages: &[&'a [u8]],
        refusals: &mut Refusals,
    ) -> Result<(), DecodeError> {
        for message in messages {
            let (mut trace_id, mut span_id, mut trace_state, mut dropped, mut flags): (&[u8], &[u8], _, _, _) =
                (&[], &[], "", 0, 0);
            for field in fields(message) {
                match field? {
                    (1, value) => trace_id = value.bytes()?,
                    (2, value) => span_id = value.bytes()?,
                    (3, value) => trace_state = value.text()?,
                    (4, value) => self.attributes.key_values.push(value.bytes()?),
                    (5, value) => dropped = value.uint32()?,
                    (6, value) => flags = value.fixed32()?,
                    _ => {}
                }
            }
            append_id::<16>(&mut self.trace_ids, trace_id);
            append_id::<8>(&mut self.span_ids, span_id);
            if ids::is_wrong::<16>(trace_id) || ids::is_wrong::<8>(span_id) {
                refusals.add(Reason::IdCleared);
            }
            append_said(&mut self.trace_states, trace_state);
            self.attributes.end()?;
            self.dropped.push(dropped);
            self.flags.push(flags);
        }
        if !messages.is_empty() {
            self.offsets.end(row, self.flags.len());
        }
        Ok(())
    }

    pub(crate) fn finish(mut self, rows: usize) -> Option<ArrayRef> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.trace_ids.finish()),
            Arc::new(self.span_ids.finish()),
            Arc::new(self.trace_states.finish()),
            Arc::new(self.attributes.column.finish()),
            Arc::new(UInt32Array::from(self.dropped)),
            Arc::new(UInt32Array::from(self.flags)),
        ];
        self.offsets.finish(rows, structs(model::link_fields(), columns))
    }
}

/// `exemplars` of points.
#[derive(Debug)]
pub(crate) struct Exemplars<'a> {
    offsets: Offsets,
    times: Vec<i64>,
    values: Float64Builder,
    integers: Int64Builder,
    trace_ids: FixedSizeBinaryBuilder,
    span_ids: FixedSizeBinaryBuilder,
    attributes: NestedAttributes<'a>,
}

impl<'a> Exemplars<'a> {
    pub(crate) fn new() -> Self {
        Self {
            offsets: Offsets::default(),
            times: Vec::new(),
            values: Float64Builder::new(),
            integers: Int64Builder::new(),
            trace_ids: FixedSizeBinaryBuilder::new(16),
            span_ids: FixedSizeBinaryBuilder::new(8),
            attributes: NestedAttributes::new(),
        }
    }

    /// Adds the row's exemplars. A time beyond 2262 is told to `overflow` with the exemplar's number.
    pub(crate) fn row(
        &mut self,
        row: usize,
        messages: &[&'a [u8]],
        refusals: &mut Refusals,
        mut overflow: impl FnMut(usize, u64),
    ) -> Result<(), DecodeError> {
        for (number, message) in messages.iter().enumerate() {
            let (mut time, mut double, mut integer): (u64, Option<f64>, Option<i64>) = (0, None, None);
            let (mut trace_id, mut span_id): (&[u8], &[u8]) = (&[], &[]);
            for field in fields(message) {
                match field? {
                    (2, value) => time = value.fixed64()?,
                    (3, value) => (double, integer) = (Some(value.double()?), None),
                    (4, value) => span_id = value.bytes()?,
                    (5, value) => trace_id = value.bytes()?,
                    (6, value) => (double, integer) = (None, Some(value.fixed64()? as i64)),
                    (7, value) => self.attributes.key_values.push(value.bytes()?),
                    _ => {}
                }
            }
            if i64::try_from(time).is_err() {
                overflow(number, time);
            }
            self.times.push(i64::try_from(time).unwrap_or(i64::MAX));
            self.values.append_option(double.or(integer.map(|integer| integer as f64)));
            self.integers.append_option(integer);
            append_id::<16>(&mut self.trace_ids, trace_id);
            append_id::<8>(&mut self.span_ids, span_id);
            if ids::is_wrong::<16>(trace_id) || ids::is_wrong::<8>(span_id) {
                refusals.add(Reason::IdCleared);
            }
            self.attributes.end()?;
        }
        if !messages.is_empty() {
            self.offsets.end(row, self.times.len());
        }
        Ok(())
    }

    pub(crate) fn finish(mut self, rows: usize) -> Option<ArrayRef> {
        let columns: Vec<ArrayRef> = vec![
            times(self.times),
            Arc::new(self.values.finish()),
            Arc::new(self.integers.finish()),
            Arc::new(self.trace_ids.finish()),
            Arc::new(self.span_ids.finish()),
            Arc::new(self.attributes.column.finish()),
        ];
        self.offsets.finish(rows, structs(model::exemplar_fields(), columns))
    }
}

/// `histograms.quantiles`.
#[derive(Debug, Default)]
pub(crate) struct Quantiles {
    offsets: Offsets,
    quantiles: Vec<f64>,
    values: Vec<f64>,
}

impl Quantiles {
    pub(crate) fn row(&mut self, row: usize, messages: &[&[u8]]) -> Result<(), DecodeError> {
        for message in messages {
            let (mut quantile, mut at) = (0.0, 0.0);
            for field in fields(message) {
                match field? {
                    (1, value) => quantile = value.double()?,
                    (2, value) => at = value.double()?,
                    _ => {}
                }
            }
            self.quantiles.push(quantile);
            self.values.push(at);
        }
        if !messages.is_empty() {
            self.offsets.end(row, self.values.len());
        }
        Ok(())
    }

    pub(crate) fn finish(self, rows: usize) -> Option<ArrayRef> {
        let columns: Vec<ArrayRef> =
            vec![Arc::new(Float64Array::from(self.quantiles)), Arc::new(Float64Array::from(self.values))];
        self.offsets.finish(rows, structs(model::quantile_fields(), columns))
    }
}

/// A list of numbers, kept as their 64 bits.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    offsets: Offsets,
    bits: Vec<u64>,
}

impl Numbers {
    /// Adds the row's list.
    pub(crate) fn row(&mut self, row: usize, bits: &[u64]) {
        if !bits.is_empty() {
            self.bits.extend_from_slice(bits);
            self.offsets.end(row, self.bits.len());
        }
    }

    /// As lists of `UInt64` or `Float64`.
    pub(crate) fn finish(self, rows: usize, item: &DataType) -> Option<ArrayRef> {
        let items: ArrayRef = match item {
            DataType::Float64 => {
                Arc::new(self.bits.iter().map(|bits| Some(f64::from_bits(*bits))).collect::<Float64Array>())
            }
            _ => Arc::new(UInt64Array::from(self.bits)),
        };
        self.offsets.finish(rows, items)
    }
}
