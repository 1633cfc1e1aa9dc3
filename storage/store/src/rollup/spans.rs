//! The columns of spans that rollups read.

use arrow::array::{AsArray, FixedSizeBinaryArray, Int64Array};
use arrow::datatypes::{Int64Type, TimestampNanosecondType};
use model::{Batch, Rollup, Signal, Table};

use super::texts::TextColumn;

/// Columns of a batch of spans by name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns<'a> {
    spans: &'a Batch,
    table: &'static Table,
}

impl<'a> Columns<'a> {
    pub(super) fn of(spans: &'a Batch) -> Self {
        Self { spans, table: Table::of(Signal::Spans) }
    }

    pub(super) fn times(&self) -> &'a [i64] {
        let times = self.spans.said(0).expect("the time is required");
        times.as_primitive::<TimestampNanosecondType>().values()
    }

    pub(super) fn texts(&self, name: &str) -> TextColumn<'a> {
        TextColumn::new(self.spans.said(self.table.index(name)).map(|texts| texts.as_string_view()))
    }

    pub(super) fn ids(&self, name: &str) -> Option<&'a FixedSizeBinaryArray> {
        self.spans.said(self.table.index(name)).map(|ids| ids.as_fixed_size_binary())
    }

    /// `None` where every row is NULL.
    pub(super) fn integers(&self, name: &str) -> Option<&'a Int64Array> {
        self.spans.said(self.table.index(name)).map(|integers| integers.as_primitive::<Int64Type>())
    }
}

/// Periods of times; a time in the same period as the last costs no division.
#[derive(Debug)]
pub(super) struct Periods {
    rollup: Rollup,
    last: i64,
    end: i64,
}

impl Periods {
    pub(super) fn new(rollup: Rollup) -> Self {
        Self { rollup, last: 0, end: 0 }
    }

    pub(super) fn of(&mut self, time: i64) -> i64 {
        if !(self.last..self.end).contains(&time) {
            self.last = self.rollup.period_of(time);
            self.end = self.last.saturating_add(self.rollup.period_nanos());
        }
        self.last
    }
}
