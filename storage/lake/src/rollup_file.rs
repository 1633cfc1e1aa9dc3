//! The rollups of a segment of spans as Parquet files of their own, small ones.

use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use model::{Rollup, Signal, Table};
use parquet::arrow::ArrowWriter;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use store::rollup::{self, Partial};
use store::{Segment, SegmentId, StoreError};

use crate::encodings;
use crate::manifest::FileEntry;
use crate::parquet_file::{self, Encoded, PAGE_ROWS};

/// A file for each rollup; none for a segment that has no rollups.
pub(crate) fn encode(segment: &Segment) -> Result<Vec<Encoded>, StoreError> {
    if segment.signal != Signal::Spans {
        return Ok(Vec::new());
    }
    let partials = rollup::of(&segment.batches);
    partials.iter().map(|partial| encode_one(segment, partial)).collect()
}

fn encode_one(segment: &Segment, partial: &Partial) -> Result<Encoded, StoreError> {
    let file = write(partial.rollup, &partial.rows).map_err(|cause| StoreError::unwritable("parquet", cause))?;
    // Its own: files leave the lake by their names.
    let id = SegmentId::new();
    let entry = FileEntry {
        id,
        tenant: segment.tenant.clone(),
        dataset: partial.rollup.into(),
        path: parquet_file::path(&segment.tenant, partial.rollup.into(), partial.times(), id),
        bytes: file.len() as u64,
        rows: partial.rows.num_rows() as u64,
        times: partial.times(),
        sort_keys: None,
        origin: Some(segment.origin),
        trace_filter_bytes: None,
        index: None,
        rolled_up: false,
        folded: partial.folded,
        level: 0,
    };
    Ok(Encoded { file, index: None, entry })
}

/// The file of these sums.
pub(crate) fn write(rollup: Rollup, rows: &RecordBatch) -> Result<Bytes, ParquetError> {
    let properties = parquet_file::described(WriterProperties::builder())
        .set_compression(encodings::compression())
        .set_data_page_row_count_limit(PAGE_ROWS)
        .build();
    let schema = Arc::clone(&Table::of(rollup).schema);
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))?;
    writer.write(rows)?;
    Ok(writer.into_inner()?.into())
}
