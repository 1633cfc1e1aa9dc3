//! One row group on its way into a file: each column by the writer that its plan names.

use arrow::array::RecordBatch;
use model::{Column, Signal, Table};
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::errors::Result;
use parquet::file::writer::SerializedFileWriter;

use crate::encodings::{self, Plan};
use crate::parquet_file::PAGE_ROWS;
use crate::run_column::{ChunkOptions, RunColumn};

/// Rows that are not in the file yet.
pub(crate) struct RowGroup {
    signal: Signal,
    columns: Vec<Writers>,
    pub(crate) rows: usize,
}

/// A column is one leaf of the file's schema, or several if it is nested.
enum Writers {
    Absent(Vec<RunColumn>),
    Runs(RunColumn),
    General(Vec<ArrowColumnWriter>),
}

impl RowGroup {
    pub(crate) fn begin(
        signal: Signal,
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
            });
        }
        Ok(Self { signal, columns, rows: 0 })
    }

    /// Adds rows of the signal's schema.
    pub(crate) fn append(&mut self, rows: &RecordBatch) -> Result<()> {
        let schema = rows.schema_ref();
        for ((writers, array), field) in self.columns.iter_mut().zip(rows.columns()).zip(schema.fields()) {
            match writers {
                Writers::Absent(leaves) => leaves.iter_mut().for_each(|leaf| leaf.append_nulls(rows.num_rows())),
                Writers::Runs(column) => column.append(array),
                Writers::General(leaves) => {
                    for (writer, leaf) in leaves.iter_mut().zip(compute_leaves(field, array)?) {
                        writer.write(&leaf)?;
                    }
                }
            }
        }
        self.rows += rows.num_rows();
        Ok(())
    }

    /// Writes all columns to the file.
    pub(crate) fn finish(self, file: &mut SerializedFileWriter<Vec<u8>>) -> Result<()> {
        let descriptors = file.schema_descr().columns().to_vec();
        let mut descriptors = descriptors.iter();
        let mut group = file.next_row_group()?;
        for (writers, column) in self.columns.into_iter().zip(&Table::of(self.signal).columns) {
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
            };
            for leaf in runs {
                let descriptor = descriptors.next().expect("the file has the leaves of the table");
                let (bytes, close) = leaf.finish(&options(self.signal, column, descriptor))?;
                group.append_column(&bytes, close)?;
            }
        }
        group.close().map(drop)
    }
}

fn options<'a>(
    signal: Signal,
    column: &Column,
    descriptor: &'a parquet::schema::types::ColumnDescPtr,
) -> ChunkOptions<'a> {
    ChunkOptions {
        column: descriptor,
        statistics: encodings::statistics(signal, column),
        page_rows: PAGE_ROWS,
        compression: encodings::compression(),
    }
}
