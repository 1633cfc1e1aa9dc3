//! What every rollup sums, and its columns.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, BinaryViewBuilder, Decimal128Array, Decimal128Builder, Int64Array,
    Int64Builder, RecordBatch,
};
use arrow::datatypes::{Decimal128Type, Int64Type};
use model::{Sketch, SketchError};

/// Columns at the end of every rollup's table that are summed; those before are its key.
pub(super) const SUM_COLUMNS: usize = 6;
/// What `Decimal128(38, 0)` holds is more than 2^63 spans of 2^63 ns.
const DECIMAL_DIGITS: u8 = 38;

/// Sums of some spans.
#[derive(Debug, Default)]
pub(super) struct Sums {
    count: i64,
    errors: i64,
    duration_sum: i128,
    duration_range: Option<(i64, i64)>,
    sketch: Sketch,
}

impl Sums {
    pub(super) fn add(&mut self, duration: i64, is_error: bool) {
        self.count += 1;
        self.errors += i64::from(is_error);
        self.duration_sum += i128::from(duration);
        self.widen(duration, duration);
        self.sketch.add(duration);
    }

    fn widen(&mut self, min: i64, max: i64) {
        let (least, most) = self.duration_range.unwrap_or((min, max));
        self.duration_range = Some((least.min(min), most.max(max)));
    }
}

/// The summed columns of rows that are read.
pub(super) struct SumArrays<'a> {
    count: &'a Int64Array,
    errors: &'a Int64Array,
    duration_sum: &'a Decimal128Array,
    duration_min: &'a Int64Array,
    duration_max: &'a Int64Array,
    sketch: &'a BinaryViewArray,
}

impl<'a> SumArrays<'a> {
    pub(super) fn of(rows: &'a RecordBatch) -> Self {
        let [count, errors, sum, min, max, sketch] = &rows.columns()[rows.num_columns() - SUM_COLUMNS..] else {
            unreachable!("the slice has as many columns")
        };
        Self {
            count: count.as_primitive::<Int64Type>(),
            errors: errors.as_primitive::<Int64Type>(),
            duration_sum: sum.as_primitive::<Decimal128Type>(),
            duration_min: min.as_primitive::<Int64Type>(),
            duration_max: max.as_primitive::<Int64Type>(),
            sketch: sketch.as_binary_view(),
        }
    }

    /// Adds what the row says.
    pub(super) fn add_to(&self, sums: &mut Sums, row: usize) -> Result<(), SketchError> {
        sums.count += self.count.value(row);
        sums.errors += self.errors.value(row);
        sums.duration_sum += self.duration_sum.value(row);
        if self.duration_min.is_valid(row) && self.duration_max.is_valid(row) {
            sums.widen(self.duration_min.value(row), self.duration_max.value(row));
        }
        sums.sketch.merge_encoded(self.sketch.value(row))
    }
}

/// The summed columns of rows that are written.
#[derive(Debug)]
pub(super) struct SumBuilders {
    count: Int64Builder,
    errors: Int64Builder,
    duration_sum: Decimal128Builder,
    duration_min: Int64Builder,
    duration_max: Int64Builder,
    sketch: BinaryViewBuilder,
    encoded: Vec<u8>,
}

impl SumBuilders {
    pub(super) fn with_capacity(rows: usize) -> Self {
        let sums = Decimal128Builder::with_capacity(rows).with_precision_and_scale(DECIMAL_DIGITS, 0);
        Self {
            count: Int64Builder::with_capacity(rows),
            errors: Int64Builder::with_capacity(rows),
            duration_sum: sums.expect("a decimal has 38 digits"),
            duration_min: Int64Builder::with_capacity(rows),
            duration_max: Int64Builder::with_capacity(rows),
            sketch: BinaryViewBuilder::with_capacity(rows),
            encoded: Vec::new(),
        }
    }

    pub(super) fn append(&mut self, sums: &Sums) {
        self.count.append_value(sums.count);
        self.errors.append_value(sums.errors);
        self.duration_sum.append_value(sums.duration_sum);
        self.duration_min.append_option(sums.duration_range.map(|(min, _)| min));
        self.duration_max.append_option(sums.duration_range.map(|(_, max)| max));
        self.encoded.clear();
        sums.sketch.encode_into(&mut self.encoded);
        self.sketch.append_value(&self.encoded);
    }

    pub(super) fn finish(mut self) -> [ArrayRef; SUM_COLUMNS] {
        [
            Arc::new(self.count.finish()),
            Arc::new(self.errors.finish()),
            Arc::new(self.duration_sum.finish()),
            Arc::new(self.duration_min.finish()),
            Arc::new(self.duration_max.finish()),
            Arc::new(self.sketch.finish()),
        ]
    }
}
