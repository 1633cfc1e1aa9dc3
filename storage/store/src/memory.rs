//! A store in memory, for tests and for planes that need not outlive their process.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::TimestampNanosecondType;
use async_trait::async_trait;
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use model::{Dataset, Defaults, Rollup, Signal, Table, Tenant, TimeRange, Timestamp};
use parking_lot::Mutex;

use crate::rollup::{self, Folded, Partial, StoredRollup};
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
    partials: Vec<Partial>,
    watermarks: HashMap<WriterId, u64>,
    /// Time of the latest row of spans that expired, and of sums that did.
    gone: Gone,
}

#[derive(Clone, Copy, Debug, Default)]
struct Gone {
    spans: Option<Timestamp>,
    sums: Option<Timestamp>,
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

    fn describe(&self, tenant: &Tenant, signal: Signal) -> Part {
        let Amount { rows, bytes, .. } = amount([&self.rows]);
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

fn amount<'a>(batches: impl IntoIterator<Item = &'a RecordBatch>) -> Amount {
    batches.into_iter().fold(Amount::default(), |sum, rows| Amount {
        parts: sum.parts + 1,
        rows: sum.rows + rows.num_rows() as u64,
        bytes: sum.bytes + rows.get_array_memory_size() as u64,
    })
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

    /// Takes out parts of rows that are all too old; says what there was in them.
    fn expire_rows(&mut self, horizon: Timestamp) -> Amount {
        let (old, young): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.parts).into_iter().partition(|part| part.times().max < horizon);
        self.parts = young;
        self.gone.spans = self.gone.spans.max(old.iter().map(|part| part.times().max).max());
        amount(old.iter().map(|part| &part.rows))
    }

    /// The same for the sums of one rollup.
    fn expire_sums(&mut self, rollup: Rollup, horizon: Timestamp) -> Amount {
        let is_old = |partial: &Partial| partial.rollup == rollup && partial.times().max < horizon;
        let (old, young): (Vec<_>, Vec<_>) = std::mem::take(&mut self.partials).into_iter().partition(is_old);
        self.partials = young;
        let latest = old.iter().map(|partial| partial.times().max.0.saturating_add(rollup.period_nanos() - 1)).max();
        self.gone.sums = self.gone.sums.max(latest.map(Timestamp));
        amount(old.iter().map(|partial| &partial.rows))
    }

    fn stored_rollup(&self, rollup: Rollup) -> Result<StoredRollup, StoreError> {
        let of_it = || self.partials.iter().filter(|partial| partial.rollup == rollup);
        let folded = of_it().fold(Folded::NOTHING, |folded, partial| folded.union(&partial.folded));
        let table = mem_table(rollup.into(), of_it().map(|partial| partial.rows.clone()).collect())?;
        let gone = self.gone.spans.max(self.gone.sums);
        let same_from = Timestamp(gone.map_or(i64::MIN, |gone| gone.0.saturating_add(1)));
        Ok(StoredRollup { rollup, table, same_from, folded })
    }
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
            kept.parts.extend(rows.into_iter().map(|rows| KeptPart::new(rows, 0)));
            kept.partials.extend(partials);
        }
        Ok(())
    }

    fn table(&self, tenant: &Tenant, signal: Signal) -> Result<Stored, StoreError> {
        let kept = self.tables.lock().get(&(tenant.clone(), signal)).cloned().unwrap_or_default();
        let rollups = if signal == Signal::Spans { Rollup::ALL.as_slice() } else { &[] };
        let rollups: Result<Vec<StoredRollup>, StoreError> =
            rollups.iter().map(|rollup| kept.stored_rollup(*rollup)).collect();
        let table = mem_table(signal.into(), kept.parts.into_iter().map(|part| part.rows).collect())?;
        Ok(Stored {
            table,
            watermarks: Arc::new(kept.watermarks),
            rollups: rollups?,
            unreadable: Vec::new(),
            examine: Examine::default(),
        })
    }

    async fn expire(&self, tenant: &Tenant, dataset: Dataset, horizon: Timestamp) -> Result<Option<Work>, StoreError> {
        let signal = match dataset {
            Dataset::Signal(signal) => signal,
            Dataset::Rollup(_) => Signal::Spans,
        };
        let mut tables = self.tables.lock();
        let Some(kept) = tables.get_mut(&(tenant.clone(), signal)) else { return Ok(None) };
        let read = match dataset {
            Dataset::Signal(_) => kept.expire_rows(horizon),
            Dataset::Rollup(rollup) => kept.expire_sums(rollup, horizon),
        };
        let target = format!("before {}", horizon.0);
        let task = Task { job: Job::Expire, tenant: Some(tenant.clone()), dataset: Some(dataset), target };
        let work = Work { task, read, written: Amount::default(), outcome: Outcome::Done };
        Ok((read.parts > 0).then_some(work))
    }

    async fn maintain(&self, _pace: &Pace) -> Maintained {
        let mut tables = self.tables.lock();
        let Some(((tenant, signal), kept)) = tables.iter_mut().find(|(_, kept)| kept.parts.len() > BATCHES_MAX) else {
            return Maintained::default();
        };
        let read = amount(kept.parts.iter().map(|part| &part.rows));
        let outcome = kept.join(*signal).map_or_else(Outcome::Failed, |()| Outcome::Done);
        let written = amount(kept.parts.iter().map(|part| &part.rows));
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
