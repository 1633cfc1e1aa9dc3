//! A store in memory, for tests and for planes that need not outlive their process.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use model::{Dataset, Defaults, Rollup, Signal, Table, Tenant, Timestamp};
use parking_lot::Mutex;

use crate::rollup::{self, Folded, Partial, StoredRollup};
use crate::{Segment, Store, StoreError, Stored, WriterId};

/// Keeps segments in memory, without a limit of its own.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: Mutex<HashMap<(Tenant, Signal), Kept>>,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    rows: Vec<RecordBatch>,
    partials: Vec<Partial>,
    watermarks: HashMap<WriterId, u64>,
}

#[async_trait]
impl Store for MemoryStore {
    async fn keep(&self, segment: &Segment) -> Result<(), StoreError> {
        let mut defaults = Defaults::new(segment.signal);
        let rows: Result<Vec<RecordBatch>, _> =
            segment.batches.iter().map(|batch| batch.to_record_batch(&mut defaults)).collect();
        let rows = rows.map_err(|cause| StoreError::unwritable("arrow", cause))?;
        let partials = if segment.signal == Signal::Spans { rollup::of(&segment.batches) } else { Vec::new() };

        let mut tables = self.tables.lock();
        let kept = tables.entry((segment.tenant.clone(), segment.signal)).or_default();
        let watermark = kept.watermarks.entry(segment.origin.writer).or_default();
        if segment.origin.through > *watermark {
            *watermark = segment.origin.through;
            kept.rows.extend(rows);
            kept.partials.extend(partials);
        }
        Ok(())
    }

    fn table(&self, tenant: &Tenant, signal: Signal) -> Result<Stored, StoreError> {
        let kept = self.tables.lock().get(&(tenant.clone(), signal)).cloned().unwrap_or_default();
        let table = mem_table(signal.into(), kept.rows)?;
        let rollups = if signal == Signal::Spans { Rollup::ALL.as_slice() } else { &[] };
        let rollups: Result<Vec<StoredRollup>, StoreError> =
            rollups.iter().map(|rollup| stored_rollup(*rollup, &kept.partials)).collect();
        Ok(Stored { table, watermarks: Arc::new(kept.watermarks), rollups: rollups? })
    }
}

/// Nothing expires here, so rollups sum all spans there ever were.
fn stored_rollup(rollup: Rollup, partials: &[Partial]) -> Result<StoredRollup, StoreError> {
    let of_it = || partials.iter().filter(|partial| partial.rollup == rollup);
    let folded = of_it().fold(Folded::NOTHING, |folded, partial| folded.union(&partial.folded));
    let table = mem_table(rollup.into(), of_it().map(|partial| partial.rows.clone()).collect())?;
    Ok(StoredRollup { rollup, table, same_from: Timestamp(i64::MIN), folded })
}

fn mem_table(dataset: Dataset, rows: Vec<RecordBatch>) -> Result<Arc<dyn TableProvider>, StoreError> {
    let table = MemTable::try_new(Arc::clone(&Table::of(dataset).schema), vec![rows]);
    Ok(Arc::new(table.map_err(|cause| StoreError::damaged(dataset.table_name(), cause))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_memory_store_conforms() {
        crate::conformance::check(&MemoryStore::default()).await;
    }
}
