//! Rows of one signal that fit its schema.
//!
//! A batch holds only the columns that its rows say something about: of some seventy, a request uses twenty.
//! The others are given, on demand, as slices of one shared array of defaults.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, UInt32Array, new_null_array};
use arrow::compute::{concat, filter};
use arrow::datatypes::{DataType, SchemaRef, TimestampNanosecondType};
use arrow::error::ArrowError;

use crate::{Signal, Table, TimeRange};

/// Rows of one signal, cheap to clone, never changed.
#[derive(Clone, Debug)]
pub struct Batch {
    signal: Signal,
    rows: usize,
    times: TimeRange,
    bytes: usize,
    /// By place in the schema; `None` where every row has the default.
    columns: Arc<[Option<ArrayRef>]>,
}

/// Columns that do not make a batch of the signal.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// A column that each row must say is not there.
    #[error("{signal} needs column {column}")]
    Missing {
        /// Signal of the batch.
        signal: Signal,
        /// The column.
        column: &'static str,
    },
    /// A column has another type or another number of rows.
    #[error("column {column} is {got} with {rows} rows, expected {expected} with {expected_rows}")]
    Shape {
        /// The column.
        column: &'static str,
        /// Type given.
        got: DataType,
        /// Rows given.
        rows: usize,
        /// Type of the schema.
        expected: DataType,
        /// Rows of the batch.
        expected_rows: usize,
    },
    /// Arrow refused the data.
    #[error("arrow refused the batch")]
    Arrow(#[from] ArrowError),
}

impl Batch {
    /// Checks the columns, given by place in the signal's schema, against that schema.
    pub fn new(signal: Signal, rows: usize, mut columns: Vec<Option<ArrayRef>>) -> Result<Self, BatchError> {
        let table = Table::of(signal);
        columns.resize(table.columns.len(), None);
        for (column, array) in table.columns.iter().zip(&columns) {
            match array {
                None if column.has_default() => {}
                None => return Err(BatchError::Missing { signal, column: column.name }),
                Some(array) if array.data_type() == &column.data_type && array.len() == rows => {}
                Some(array) => {
                    return Err(BatchError::Shape {
                        column: column.name,
                        got: array.data_type().clone(),
                        rows: array.len(),
                        expected: column.data_type.clone(),
                        expected_rows: rows,
                    });
                }
            }
        }
        let times = columns[0].as_ref().map_or(TimeRange::EMPTY, time_range);
        let bytes = columns.iter().flatten().map(|array| array.get_array_memory_size()).sum();
        Ok(Self { signal, rows, times, bytes, columns: columns.into() })
    }

    /// The rows of a record batch with all columns of the signal's schema.
    pub fn from_record_batch(signal: Signal, rows: &RecordBatch) -> Result<Self, BatchError> {
        Self::new(signal, rows.num_rows(), rows.columns().iter().cloned().map(Some).collect())
    }

    /// All rows in one batch, in order; texts stay where they are and are shared.
    pub fn concat(signal: Signal, batches: &[Batch]) -> Result<Self, BatchError> {
        let table = Table::of(signal);
        let rows = batches.iter().map(|batch| batch.rows).sum();
        let mut defaults = Defaults::new(signal);
        let mut columns = Vec::with_capacity(table.columns.len());
        for index in 0..table.columns.len() {
            if batches.iter().all(|batch| batch.columns[index].is_none()) {
                columns.push(None);
                continue;
            }
            let parts: Vec<ArrayRef> = batches.iter().map(|batch| batch.column(index, &mut defaults)).collect();
            let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
            columns.push(Some(concat(&parts)?));
        }
        Self::new(signal, rows, columns)
    }

    /// The rows for which `kept`, of as many rows, is true.
    pub fn filter(&self, kept: &BooleanArray) -> Result<Self, BatchError> {
        let columns = self.columns.iter().map(|column| column.as_ref().map(|column| filter(column, kept)).transpose());
        Self::new(self.signal, kept.true_count(), columns.collect::<Result<_, _>>()?)
    }

    /// Which table the rows belong to.
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Memory held, in bytes.
    pub fn byte_size(&self) -> usize {
        self.bytes
    }

    /// Earliest and latest time of the rows.
    pub fn times(&self) -> TimeRange {
        self.times
    }

    /// The column at this place of the schema, where some row says something about it.
    pub fn said(&self, index: usize) -> Option<&ArrayRef> {
        self.columns[index].as_ref()
    }

    /// The column at this place of the schema; shared, not copied.
    pub fn column(&self, index: usize, defaults: &mut Defaults) -> ArrayRef {
        match &self.columns[index] {
            Some(array) => Arc::clone(array),
            None => defaults.array(index, self.rows),
        }
    }

    /// The columns at these places of the schema; `schema` must be the projection of the signal's.
    pub fn project(
        &self,
        schema: &SchemaRef,
        places: &[usize],
        defaults: &mut Defaults,
    ) -> Result<RecordBatch, ArrowError> {
        let columns = places.iter().map(|place| self.column(*place, defaults)).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
    }

    /// All columns of the schema.
    pub fn to_record_batch(&self, defaults: &mut Defaults) -> Result<RecordBatch, ArrowError> {
        let table = Table::of(self.signal);
        let places: Vec<usize> = (0..table.columns.len()).collect();
        self.project(&table.schema, &places, defaults)
    }
}

fn time_range(times: &ArrayRef) -> TimeRange {
    use arrow::array::AsArray;
    TimeRange::of(times.as_primitive::<TimestampNanosecondType>().values())
}

/// Columns nobody said anything about, one shared array each.
#[derive(Debug)]
pub struct Defaults {
    signal: Signal,
    arrays: Vec<Option<ArrayRef>>,
}

impl Defaults {
    /// Makes none yet.
    pub fn new(signal: Signal) -> Self {
        Self { signal, arrays: vec![None; Table::of(signal).columns.len()] }
    }

    /// `rows` defaults of the column at this place of the schema, which must have one.
    pub fn array(&mut self, index: usize, rows: usize) -> ArrayRef {
        if let Some(array) = &self.arrays[index]
            && array.len() >= rows
        {
            return array.slice(0, rows);
        }
        let column = &Table::of(self.signal).columns[index];
        let longer = rows.next_power_of_two();
        let array: ArrayRef = match column.data_type {
            DataType::UInt32 => Arc::new(UInt32Array::from_value(0, longer)),
            DataType::Int32 if !column.is_nullable() => Arc::new(arrow::array::Int32Array::from_value(0, longer)),
            _ => new_null_array(&column.data_type, longer),
        };
        self.arrays[index] = Some(Arc::clone(&array));
        array.slice(0, rows)
    }
}
