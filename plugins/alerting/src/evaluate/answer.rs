//! The rows of an answer, column by column, as rules read them.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float64Type, Int64Type, SchemaRef};
use futures::TryStreamExt;
use plugin::model::Sketch;
use plugin::query::{QueryError, Rows};

use super::Unevaluated;

/// Largest answer to a question of a rule: its memory is not that of a query any more.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// All rows of an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    rows: RecordBatch,
}

impl Answer {
    /// All rows, when they are not too large.
    pub(crate) async fn read(mut rows: Rows) -> Result<Self, Unevaluated> {
        let schema = SchemaRef::clone(rows.schema());
        let (mut batches, mut bytes): (Vec<RecordBatch>, usize) = (Vec::new(), 0);
        while let Some(batch) = rows.try_next().await? {
            bytes += bytes_of(&batch);
            if bytes > ANSWER_BYTES_MAX {
                return Err(Unevaluated(format!(
                    "the answer has more than {ANSWER_BYTES_MAX} bytes; select fewer rows, or less of long texts"
                )));
            }
            batches.push(batch);
        }
        let rows = concat_batches(&schema, &batches).map_err(|cause| QueryError::Internal(Box::new(cause)))?;
        Ok(Self { rows })
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.num_rows()
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    /// The column as texts, whatever its type; NULL is `None`, and so is what has no text.
    pub(crate) fn texts(&self, place: usize) -> Vec<Option<String>> {
        if let Some(ids) = self.rows.column(place).as_fixed_size_binary_opt() {
            return ids.iter().map(|id| id.map(hex)).collect();
        }
        let texts = self.as_type(place, &DataType::Utf8);
        texts.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
    }

    /// The column as numbers.
    pub(crate) fn numbers(&self, place: usize) -> Vec<Option<f64>> {
        self.as_type(place, &DataType::Float64).as_primitive::<Float64Type>().iter().collect()
    }

    /// The column as numbers of things; NULL is none.
    pub(crate) fn counts(&self, place: usize) -> Vec<u64> {
        let counts = self.as_type(place, &DataType::Int64);
        let counts = counts.as_primitive::<Int64Type>().iter();
        counts.map(|count| count.and_then(|count| u64::try_from(count).ok()).unwrap_or_default()).collect()
    }

    /// The column of sketches.
    pub(crate) fn sketches(&self, place: usize) -> Vec<Sketch> {
        let sketch = |bytes: Option<&[u8]>| {
            bytes.map_or_else(Sketch::default, |bytes| Sketch::decode(bytes).expect("the engine writes whole sketches"))
        };
        self.rows.column(place).as_binary_view().iter().map(sketch).collect()
    }

    /// The column as it is.
    pub(crate) fn column(&self, place: usize) -> &ArrayRef {
        self.rows.column(place)
    }

    /// What cannot be seen as this type is NULL.
    fn as_type(&self, place: usize, data_type: &DataType) -> ArrayRef {
        let column = self.rows.column(place);
        cast(column, data_type).unwrap_or_else(|_| arrow::array::new_null_array(data_type, column.len()))
    }
}

/// Bytes of the values of a batch.
pub(crate) fn bytes_of(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(size).sum()
}

/// Bytes of the values themselves: slices of one buffer would count it once each.
fn size(column: &ArrayRef) -> usize {
    let views = column.len() * size_of::<u128>();
    match column.data_type() {
        DataType::Utf8View => views + column.as_string_view().lengths().map(|length| length as usize).sum::<usize>(),
        DataType::BinaryView => views + column.as_binary_view().lengths().map(|length| length as usize).sum::<usize>(),
        _ => column.to_data().get_slice_memory_size().unwrap_or_default(),
    }
}

/// An id as people see it.
fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}
