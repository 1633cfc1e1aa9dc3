//! A store in memory, for tests and for planes that need not outlive their process.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use datafusion::datasource::MemTable;
use model::{Defaults, Signal, Table, Tenant};
use parking_lot::Mutex;

use crate::{Segment, Store, StoreError, Stored, WriterId};

/// Keeps segments in memory, without a limit of its own.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: Mutex<HashMap<(Tenant, Signal), Kept>>,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    rows: Vec<RecordBatch>,
    watermarks: HashMap<WriterId, u64>,
}

#[async_trait]
impl Store for MemoryStore {
    async fn keep(&self, segment: &Segment) -> Result<(), StoreError> {
        let mut defaults = Defaults::new(segment.signal);
        let mut tables = self.tables.lock();
        let kept = tables.entry((segment.tenant.clone(), segment.signal)).or_default();
        let watermark = kept.watermarks.entry(segment.origin.writer).or_default();
        if segment.origin.through <= *watermark {
            return Ok(());
        }
        for batch in &segment.batches {
            let rows = batch.to_record_batch(&mut defaults);
            kept.rows.push(rows.map_err(|cause| StoreError::unwritable("arrow", cause))?);
        }
        *watermark = segment.origin.through;
        Ok(())
    }

    fn table(&self, tenant: &Tenant, signal: Signal) -> Result<Stored, StoreError> {
        let kept = self.tables.lock().get(&(tenant.clone(), signal)).cloned().unwrap_or_default();
        let schema = Arc::clone(&Table::of(signal).schema);
        let table = MemTable::try_new(schema, vec![kept.rows])
            .map_err(|cause| StoreError::damaged(format!("{tenant}.{signal}"), cause))?;
        Ok(Stored { table: Arc::new(table), watermarks: Arc::new(kept.watermarks) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_memory_store_conforms() {
        crate::conformance::check(&MemoryStore::default()).await;
    }
}
