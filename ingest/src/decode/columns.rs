//! Arrow builders for the columns of a signal, each made when a row first says something for it.
//!
//! A column nobody mentions costs nothing; one that was silent for a while is padded when it speaks again.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayBuilder, ArrayRef, BooleanBuilder, FixedSizeBinaryBuilder, Float64Builder, Int32Builder, Int64Builder,
    StringViewBuilder, TimestampNanosecondArray, UInt32Array, UInt64Builder,
};
use model::{Batch, Signal, Table};

/// Longest text that a view holds in itself.
const INLINE_BYTES: usize = 12;

#[derive(Debug)]
enum Slot {
    Empty,
    Text(StringViewBuilder),
    Time(Int64Builder),
    Integer(Int64Builder),
    Int32(Int32Builder),
    Unsigned(UInt64Builder),
    Double(Float64Builder),
    Bool(BooleanBuilder),
    Id(FixedSizeBinaryBuilder),
    /// Zero where nothing is said.
    Count(Vec<u32>),
    /// Built elsewhere.
    Done(ArrayRef),
}

/// Builders by place in the signal's schema.
#[derive(Debug)]
pub(crate) struct Columns {
    signal: Signal,
    slots: Vec<Slot>,
    row: usize,
    request_bytes: usize,
    /// Text is collected in blocks of this size: small requests must not hold large blocks.
    block_bytes: u32,
    /// Rows that a builder has room for from the start.
    capacity: usize,
}

/// Pads the builder with nulls up to the current row, then appends.
macro_rules! put {
    ($self:ident, $place:ident, $slot:ident, $make:expr, $value:expr) => {{
        let row = $self.row;
        let slot = &mut $self.slots[$place];
        if matches!(slot, Slot::Empty) {
            *slot = Slot::$slot($make);
        }
        let Slot::$slot(builder) = slot else { unreachable!("a place has one type") };
        if builder.len() < row {
            builder.append_nulls(row - builder.len());
        }
        builder.append_value($value);
    }};
}

impl Columns {
    /// For a request of about this many bytes.
    pub(crate) fn new(signal: Signal, request_bytes: usize) -> Self {
        let slots = Table::of(signal).columns.iter().map(|_| Slot::Empty).collect();
        let block_bytes = u32::try_from((request_bytes / 16).clamp(64, 64 * 1024)).expect("a clamped number");
        Self { signal, slots, row: 0, request_bytes, block_bytes, capacity: 0 }
    }

    /// Says that a part of the request with so many bytes brings so many rows: the whole request has as many in proportion, so
    /// builders need not grow. How much of that is believed is bounded: items may yet be refused.
    pub(crate) fn expect(&mut self, rows: usize, bytes: usize) {
        const ROWS_MAX: usize = 8 * 1024;
        let in_proportion = rows.saturating_mul(self.request_bytes) / bytes.max(1);
        self.capacity = self.capacity.max(in_proportion.min(ROWS_MAX));
    }

    /// Number of finished rows.
    pub(crate) fn rows(&self) -> usize {
        self.row
    }

    /// Goes to the next row.
    #[inline]
    pub(crate) fn end_row(&mut self) {
        self.row += 1;
    }

    #[inline]
    pub(crate) fn text(&mut self, place: usize, value: &str) {
        let row = self.row;
        let builder = self.text_builder(place);
        pad_text(builder, row);
        builder.append_value(value);
    }

    /// The same text for all rows from `from` on.
    pub(crate) fn repeat_text(&mut self, place: usize, from: usize, value: &str) {
        let rows = self.row - from;
        if rows == 0 {
            return;
        }
        let builder = self.text_builder(place);
        pad_text(builder, from);
        if value.len() <= INLINE_BYTES {
            (0..rows).for_each(|_| builder.append_value(value));
        } else {
            builder.try_append_value_n(value, rows).expect("a request is far below 4 GiB of text");
        }
    }

    pub(crate) fn repeat_integer(&mut self, place: usize, from: usize, value: i64) {
        let rows = self.row - from;
        let slot = &mut self.slots[place];
        if matches!(slot, Slot::Empty) {
            *slot = Slot::Integer(Int64Builder::with_capacity(self.capacity));
        }
        let Slot::Integer(builder) = slot else { unreachable!("a place has one type") };
        builder.append_nulls(from - builder.len());
        builder.append_value_n(value, rows);
    }

    pub(crate) fn repeat_count(&mut self, place: usize, from: usize, value: u32) {
        if value != 0 {
            let row = self.row;
            let counts = self.counts(place);
            counts.resize(from, 0);
            counts.resize(row, value);
        }
    }

    /// A count; zero is what a row that says nothing has.
    #[inline]
    pub(crate) fn count(&mut self, place: usize, value: u32) {
        if value != 0 {
            let row = self.row;
            let counts = self.counts(place);
            counts.resize(row, 0);
            counts.push(value);
        }
    }

    #[inline]
    pub(crate) fn time(&mut self, place: usize, nanos: i64) {
        put!(self, place, Time, Int64Builder::with_capacity(self.capacity), nanos);
    }

    #[inline]
    pub(crate) fn integer(&mut self, place: usize, value: i64) {
        put!(self, place, Integer, Int64Builder::with_capacity(self.capacity), value);
    }

    pub(crate) fn int32(&mut self, place: usize, value: i32) {
        put!(self, place, Int32, Int32Builder::with_capacity(self.capacity), value);
    }

    pub(crate) fn unsigned(&mut self, place: usize, value: u64) {
        put!(self, place, Unsigned, UInt64Builder::with_capacity(self.capacity), value);
    }

    #[inline]
    pub(crate) fn double(&mut self, place: usize, value: f64) {
        put!(self, place, Double, Float64Builder::with_capacity(self.capacity), value);
    }

    pub(crate) fn bool(&mut self, place: usize, value: bool) {
        let row = self.row;
        let slot = &mut self.slots[place];
        if matches!(slot, Slot::Empty) {
            *slot = Slot::Bool(BooleanBuilder::with_capacity(self.capacity));
        }
        let Slot::Bool(builder) = slot else { unreachable!("a place has one type") };
        builder.append_nulls(row - builder.len());
        builder.append_value(value);
    }

    #[inline]
    pub(crate) fn id<const N: usize>(&mut self, place: usize, id: &[u8; N]) {
        let row = self.row;
        let slot = &mut self.slots[place];
        if matches!(slot, Slot::Empty) {
            *slot = Slot::Id(FixedSizeBinaryBuilder::with_capacity(
                self.capacity,
                i32::try_from(N).expect("ids have 8 or 16 bytes"),
            ));
        }
        let Slot::Id(builder) = slot else { unreachable!("a place has one type") };
        if builder.len() < row {
            builder.append_nulls(row - builder.len());
        }
        builder.append_value(id).expect("the width of the place");
    }

    /// A column that was built elsewhere; `None` when no row said anything.
    pub(crate) fn built(&mut self, place: usize, array: Option<ArrayRef>) {
        if let Some(array) = array {
            self.slots[place] = Slot::Done(array);
        }
    }

    /// The rows, or `None` when there are none.
    pub(crate) fn finish(mut self) -> Option<Batch> {
        if self.row == 0 {
            return None;
        }
        let table = Table::of(self.signal);
        let rows = self.row;
        let slots = std::mem::take(&mut self.slots);
        let arrays = slots.into_iter().zip(&table.columns).map(|(slot, column)| {
            let zero = column.has_default() && !column.is_nullable();
            slot.finish(rows, zero)
        });
        let batch = Batch::new(self.signal, rows, arrays.collect());
        Some(batch.expect("builders have the types of the schema and are padded to its rows"))
    }

    fn text_builder(&mut self, place: usize) -> &mut StringViewBuilder {
        let Self { block_bytes, capacity, .. } = *self;
        let slot = &mut self.slots[place];
        if matches!(slot, Slot::Empty) {
            *slot = Slot::Text(StringViewBuilder::with_capacity(capacity).with_fixed_block_size(block_bytes));
        }
        let Slot::Text(builder) = slot else { unreachable!("a place has one type") };
        builder
    }

    fn counts(&mut self, place: usize) -> &mut Vec<u32> {
        let slot = &mut self.slots[place];
        if matches!(slot, Slot::Empty) {
            *slot = Slot::Count(Vec::with_capacity(self.capacity));
        }
        let Slot::Count(counts) = slot else { unreachable!("a place has one type") };
        counts
    }
}

#[inline]
fn pad_text(builder: &mut StringViewBuilder, rows: usize) {
    while builder.len() < rows {
        builder.append_null();
    }
}

impl Slot {
    fn finish(self, rows: usize, zero: bool) -> Option<ArrayRef> {
        Some(match self {
            Slot::Empty => return None,
            Slot::Text(mut builder) => {
                pad_text(&mut builder, rows);
                Arc::new(builder.finish())
            }
            Slot::Time(mut builder) => {
                builder.append_nulls(rows - builder.len());
                let (_, values, nulls) = builder.finish().into_parts();
                Arc::new(TimestampNanosecondArray::new(values, nulls).with_timezone("UTC"))
            }
            Slot::Integer(mut builder) => {
                builder.append_nulls(rows - builder.len());
                Arc::new(builder.finish())
            }
            Slot::Int32(mut builder) => {
                if zero {
                    builder.append_value_n(0, rows - builder.len());
                    let (_, values, _) = builder.finish().into_parts();
                    return Some(Arc::new(arrow::array::Int32Array::new(values, None)));
                }
                builder.append_nulls(rows - builder.len());
                Arc::new(builder.finish())
            }
            Slot::Unsigned(mut builder) => {
                builder.append_nulls(rows - builder.len());
                Arc::new(builder.finish())
            }
            Slot::Double(mut builder) => {
                builder.append_nulls(rows - builder.len());
                Arc::new(builder.finish())
            }
            Slot::Bool(mut builder) => {
                builder.append_nulls(rows - builder.len());
                Arc::new(builder.finish())
            }
            Slot::Id(mut builder) => {
                builder.append_nulls(rows - builder.len());
                Arc::new(builder.finish())
            }
            Slot::Count(mut counts) => {
                counts.resize(rows, 0);
                Arc::new(UInt32Array::from(counts))
            }
            Slot::Done(array) => {
                debug_assert_eq!(array.len(), rows);
                array
            }
        })
    }
}
