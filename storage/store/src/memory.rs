//! A store in memory, for tests and for planes that need not outlive their process.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::TimestampNanosecondType;
use async_trait::async_trait;
use datafusion::datasource::MemTable;
use model::{Dataset, Defaults, Signal, Table, Tenant, TimeRange, Timestamp};
use parking_lot::Mutex;

use crate::{
    Amount, Condition, Examine, Job, Maintained, Outcome, Pace, Part, Segment, SegmentId, Store, StoreError, Stored,
    Task, Work, WriterId,
};

/// A table of more batches than this has them joined.
const BATCHES_MAX: usize = 64;

/// Keeps segments in memory, without a limit of its own.
#[derive(Debug, Default)]
pub struct MemoryStore {
    tables: Mutex<HashMap<(Tenant, Signal), Kept>>,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    parts: Vec<KeptPart>,
    watermarks: HashMap<WriterId, u64>,
}

#[derive(Clone, Debug)]
struct KeptPart {
    id: SegmentId,
    rows: RecordBatch,
    level: u8,
}

impl KeptPart {
    fn new(rows: RecordBatch, level: u8) -> Self {
        Self { id: SegmentId::new(), rows, level }
    }

    fn times(&self) -> TimeRange {
        TimeRange::of(self.rows.column(0).as_primitive::<TimestampNanosecondType>().values())
    }

    fn amount(parts: &[Self]) -> Amount {
        parts.iter().fold(Amount::default(), |sum, part| Amount {
            parts: sum.parts + 1,
            rows: sum.rows + part.rows.num_rows() as u64,
            bytes: sum.bytes + part.rows.get_array_memory_size() as u64,
        })
    }

    fn describe(&self, tenant: &Tenant, signal: Signal) -> Part {
        let Amount { rows, bytes, .. } = Self::amount(std::slice::from_ref(self));
        Part {
            tenant: tenant.clone(),
            dataset: signal.into(),
            name: self.id.to_string(),
            rows,
            bytes,
            times: self.times(),
            level: self.level,
            created_millis: self.id.created_millis(),
            condition: Condition::Kept,
        }
    }
}

impl Kept {
    /// One batch for all.
    fn join(&mut self, signal: Signal) -> Result<(), StoreError> {
        let batches = self.parts.iter().map(|part| &part.rows);
        let rows = concat_batches(&Table::of(signal).schema, batches);
        let rows = rows.map_err(|cause| StoreError::unwritable("arrow", cause))?;
        let level = self.parts.iter().map(|part| part.level).max().unwrap_or(0).saturating_add(1);
        self.parts = vec![KeptPart::new(rows, level)];
        Ok(())
    }
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
            let rows = rows.map_err(|cause| StoreError::unwritable("arrow", cause))?;
            kept.parts.push(KeptPart::new(rows, 0));
        }
        *watermark = segment.origin.through;
        Ok(())
    }

    fn table(&self, tenant: &Tenant, signal: Signal) -> Result<Stored, StoreError> {
        let kept = self.tables.lock().get(&(tenant.clone(), signal)).cloned().unwrap_or_default();
        let schema = Arc::clone(&Table::of(signal).schema);
        let rows = kept.parts.into_iter().map(|part| part.rows).collect();
        let table = MemTable::try_new(schema, vec![rows])
            .map_err(|cause| StoreError::damaged(format!("{tenant}.{signal}"), cause))?;
        Ok(Stored {
            table: Arc::new(table),
            watermarks: Arc::new(kept.watermarks),
            unreadable: Vec::new(),
            examine: Examine::default(),
        })
    }

    async fn expire(&self, tenant: &Tenant, dataset: Dataset, horizon: Timestamp) -> Result<Option<Work>, StoreError> {
        let Dataset::Signal(signal) = dataset else { return Ok(None) };
        let mut tables = self.tables.lock();
        let Some(kept) = tables.get_mut(&(tenant.clone(), signal)) else { return Ok(None) };
        let (old, young) = std::mem::take(&mut kept.parts).into_iter().partition(|part| part.times().max < horizon);
        kept.parts = young;
        let read = KeptPart::amount(&old);
        let target = format!("before {}", horizon.0);
        let task = Task { job: Job::Expire, tenant: Some(tenant.clone()), dataset: Some(dataset), target };
        Ok((read.parts > 0).then(|| Work { task, read, written: Amount::default(), outcome: Outcome::Done }))
    }

    async fn maintain(&self, _pace: &Pace) -> Maintained {
        let mut tables = self.tables.lock();
        let Some(((tenant, signal), kept)) = tables.iter_mut().find(|(_, kept)| kept.parts.len() > BATCHES_MAX) else {
            return Maintained::default();
        };
        let read = KeptPart::amount(&kept.parts);
        let outcome = kept.join(*signal).map_or_else(Outcome::Failed, |()| Outcome::Done);
        let written = KeptPart::amount(&kept.parts);
        let (tenant, dataset) = (Some(tenant.clone()), Some((*signal).into()));
        let task = Task { job: Job::Compact, tenant, dataset, target: "all batches".to_owned() };
        Maintained { done: Some(Work { task, read, written, outcome }), waiting: Vec::new() }
    }

    async fn inventory(&self, tenant: Option<&Tenant>) -> Result<Vec<Part>, StoreError> {
        let tables = self.tables.lock();
        let asked = tables.iter().filter(|((of, _), _)| tenant.is_none_or(|tenant| tenant == of));
        Ok(asked.flat_map(|((of, signal), kept)| kept.parts.iter().map(|part| part.describe(of, *signal))).collect())
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
