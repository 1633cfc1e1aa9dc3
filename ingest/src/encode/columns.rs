//! Columns of a batch by name: a column nobody said anything about is NULL in every row.

use std::ops::Range;

use arrow::array::{Array, ArrayAccessor, ArrayRef, AsArray, ListArray};
use model::{Batch, Table};

fn said<'b>(batch: &'b Batch, name: &str) -> Option<&'b ArrayRef> {
    batch.said(Table::of(batch.signal()).index(name))
}

/// The columns of these names that some row says something about.
pub(super) fn said_columns<'n>(batch: &Batch, names: impl IntoIterator<Item = &'n str>) -> Vec<ArrayRef> {
    names.into_iter().filter_map(|name| said(batch, name).cloned()).collect()
}

/// A column, read row by row.
#[derive(Debug)]
pub(super) struct Column<'b, A>(Option<&'b A>);

impl<'b, A: Array + 'static> Column<'b, A> {
    pub(super) fn of(batch: &'b Batch, name: &str) -> Self {
        Column(said(batch, name).map(|array| downcast(array)))
    }

    /// `None` where the table has no such column, too.
    pub(super) fn find(batch: &'b Batch, name: &str) -> Self {
        let place = Table::of(batch.signal()).schema.index_of(name).ok();
        Column(place.and_then(|place| batch.said(place)).map(|array| downcast(array)))
    }
}

impl<'b, A> Column<'b, A>
where
    &'b A: ArrayAccessor,
{
    /// The value in this row; `None` for NULL.
    pub(super) fn at(&self, row: usize) -> Option<<&'b A as ArrayAccessor>::Item> {
        self.0.filter(|array| array.is_valid(row)).map(|array| array.value(row))
    }

    /// Some row says something.
    pub(super) fn is_said(&self) -> bool {
        self.0.is_some()
    }
}

fn downcast<A: Array + 'static>(array: &ArrayRef) -> &A {
    array.as_any().downcast_ref().expect("a batch has the types of its schema")
}

/// A column of lists.
#[derive(Debug)]
pub(super) struct Lists<'b>(Option<&'b ListArray>);

impl<'b> Lists<'b> {
    pub(super) fn of(batch: &'b Batch, name: &str) -> Self {
        Lists(Column::of(batch, name).0)
    }

    /// `None` where the table has no such column, too.
    pub(super) fn find(batch: &'b Batch, name: &str) -> Self {
        Lists(Column::find(batch, name).0)
    }

    /// Where the row's values are; empty for NULL.
    pub(super) fn range(&self, row: usize) -> Range<usize> {
        match self.0.filter(|lists| lists.is_valid(row)) {
            Some(lists) => lists.value_offsets()[row] as usize..lists.value_offsets()[row + 1] as usize,
            None => 0..0,
        }
    }

    /// The values, one after another.
    pub(super) fn values<A: Array + 'static>(&self) -> Column<'b, A> {
        Column(self.0.map(|lists| downcast(lists.values())))
    }

    /// A field of the values, which are structs.
    pub(super) fn field<A: Array + 'static>(&self, name: &str) -> Column<'b, A> {
        let field =
            |lists: &'b ListArray| lists.values().as_struct().column_by_name(name).expect("a field of the schema");
        Column(self.0.map(|lists| downcast(field(lists))))
    }
}
