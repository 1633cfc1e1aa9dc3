//! One row group on its way into a file: each column by the writer that its plan names.

use arrow::array::{Array, ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::{Field, Fields};
use model::Signal;
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::Result;
use parquet::file::writer::SerializedFileWriter;

use crate::encodings::{self, Plan};
use crate::parquet_file::PAGE_ROWS;
use crate::run_column::{ChunkOptions, RunColumn};

/// Rows that are not in the file yet.
pub(crate) struct RowGroup {
    signal: Signal,
    fields: Fields,
    columns: Vec<Writers>,
    pub(crate) rows: usize,
}

/// A column is one leaf of the file's schema, or several if it is nested.
enum Writers {
    Absent(Vec<RunColumn>),
    Runs(RunColumn),
    General(Vec<ArrowColumnWriter>),
    /// So many rows have said nothing so far.
    Undecided(Vec<ArrowColumnWriter>, usize),
}

impl RowGroup {
    pub(crate) fn begin(
        signal: Signal,
        fields: &Fields,
        plans: &[Plan],
        file: &SerializedFileWriter<Vec<u8>>,
        general: &ArrowRowGroupWriterFactory,
    ) -> Result<Self> {
        let schema = file.schema_descr();
        let mut roots = (0..schema.num_columns()).map(|leaf| schema.get_column_root_idx(leaf)).peekable();
        let mut general = general.create_column_writers(file.flushed_row_groups().len())?.into_iter();
        let mut columns = Vec::with_capacity(plans.len());
        for (index, plan) in plans.iter().enumerate() {
            let mut leaves = Vec::new();
            while roots.next_if_eq(&index).is_some() {
                leaves.extend(general.next());
            }
            columns.push(match plan {
                Plan::Absent => Writers::Absent(leaves.iter().map(|_| RunColumn::default()).collect()),
                Plan::Runs => Writers::Runs(RunColumn::default()),
                Plan::General => Writers::General(leaves),
                Plan::Undecided => Writers::Undecided(leaves, 0),
            });
        }
        Ok(Self { signal, fields: fields.clone(), columns, rows: 0 })
    }

    /// Adds rows that have these fields.
    pub(crate) fn append(&mut self, rows: &RecordBatch) -> Result<()> {
        for ((writers, field), array) in self.columns.iter_mut().zip(&self.fields).zip(rows.columns()) {
            writers.append(field, array)?;
        }
        self.rows += rows.num_rows();
        Ok(())
    }

    /// Writes all columns to the file.
    pub(crate) fn finish(self, file: &mut SerializedFileWriter<Vec<u8>>) -> Result<()> {
        let descriptors = file.schema_descr().columns().to_vec();
        let mut descriptors = descriptors.iter();
        let mut group = file.next_row_group()?;
        for (writers, field) in self.columns.into_iter().zip(&self.fields) {
            let runs = match writers {
                Writers::Absent(leaves) => leaves,
                Writers::Runs(column) => vec![column],
                Writers::General(leaves) => {
                    for leaf in leaves {
                        descriptors.next();
                        leaf.close()?.append_to_row_group(&mut group)?;
                    }
                    continue;
                }
                Writers::Undecided(leaves, rows) => leaves.iter().map(|_| RunColumn::of_nulls(rows)).collect(),
            };
            for leaf in runs {
                let descriptor = descriptors.next().expect("the file has the leaves of the table");
                let (bytes, close) = leaf.finish(&options(self.signal, field, descriptor))?;
                group.append_column(&bytes, close)?;
            }
        }
        group.close().map(drop)
    }

    /// Memory held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.columns.iter().map(Writers::bytes).sum()
    }
}

impl Writers {
    fn append(&mut self, field: &Field, array: &ArrayRef) -> Result<()> {
        if let Writers::Undecided(leaves, silent) = self {
            if field.is_nullable() && array.null_count() == array.len() {
                *silent += array.len();
                return Ok(());
            }
            let (leaves, silent) = (std::mem::take(leaves), *silent);
            *self = Writers::decided(field, array, leaves, silent)?;
        }
        match self {
            Writers::Absent(leaves) => leaves.iter_mut().for_each(|leaf| leaf.append_nulls(array.len())),
            Writers::Runs(runs) => runs.append(array),
            Writers::General(leaves) => write(leaves, field, array)?,
            Writers::Undecided(..) => unreachable!("it was decided above"),
        }
        Ok(())
    }

    /// The writers of a column that begins to say something after some rows of nothing.
    fn decided(field: &Field, array: &ArrayRef, mut leaves: Vec<ArrowColumnWriter>, silent: usize) -> Result<Self> {
        if encodings::plan_for(field, std::iter::once(array)) == Plan::Runs {
            return Ok(Writers::Runs(RunColumn::of_nulls(silent)));
        }
        if silent > 0 {
            write(&mut leaves, field, &new_null_array(field.data_type(), silent))?;
        }
        Ok(Writers::General(leaves))
    }

    fn bytes(&self) -> usize {
        match self {
            Writers::Absent(_) => 0,
            Writers::Runs(runs) => runs.bytes(),
            Writers::General(leaves) | Writers::Undecided(leaves, _) => {
                leaves.iter().map(ArrowColumnWriter::memory_size).sum()
            }
        }
    }
}

fn write(leaves: &mut [ArrowColumnWriter], field: &Field, array: &ArrayRef) -> Result<()> {
    for (writer, leaf) in leaves.iter_mut().zip(compute_leaves(field, array)?) {
        writer.write(&leaf)?;
    }
    Ok(())
}

fn options<'a>(
    signal: Signal,
    field: &Field,
    descriptor: &'a parquet::schema::types::ColumnDescPtr,
) -> ChunkOptions<'a> {
    ChunkOptions {
        column: descriptor,
        statistics: encodings::statistics(signal, field),
        page_rows: PAGE_ROWS,
        compression: encodings::compression(),
    }
}
