//! What a query sees of one table.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::catalog::TableProvider;
use model::{Batch, Rollup, Signal};
use store::rollup::{Folded, StoredRollup, Summed};
use store::{Examine, Unreadable};

/// The rows of one tenant and signal at one instant: live and stored, each exactly once.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Which table.
    pub signal: Signal,
    /// Rows not yet in the store, shared with the plane.
    pub live: Vec<Batch>,
    /// Rows in the store.
    pub stored: Arc<dyn TableProvider>,
    /// Parts of the store that cannot be read, whose rows are missing: whoever shows the others must say so.
    pub unreadable: Vec<Unreadable>,
    /// To be asked when reading stored rows has failed.
    pub examine: Examine,
    /// Sums of exactly these rows; of spans only.
    pub rollups: Vec<SnapshotRollup>,
}

/// One rollup at the same instant as the spans of its snapshot: partial rows, of which several may have one key.
#[derive(Clone, Debug)]
pub struct SnapshotRollup {
    live: Arc<[Arc<Summed>]>,
    stored: StoredRollup,
}

impl SnapshotRollup {
    pub(crate) fn new(live: Arc<[Arc<Summed>]>, stored: StoredRollup) -> Self {
        Self { live, stored }
    }

    /// Which rollup.
    pub fn rollup(&self) -> Rollup {
        self.stored.rollup
    }

    /// Sums of rows not yet in the store. What nobody has asked for yet is summed now.
    pub fn live(&self) -> Vec<RecordBatch> {
        let partials = self.live.iter().flat_map(|summed| summed.partials());
        partials.filter(|partial| partial.rollup == self.rollup()).map(|partial| partial.rows.clone()).collect()
    }

    /// Sums in the store, and from when on they are those of the spans there.
    pub fn stored(&self) -> &StoredRollup {
        &self.stored
    }

    /// When keys were too many, so that some are under `(other)`.
    pub fn folded(&self) -> Folded {
        let partials = self.live.iter().flat_map(|summed| summed.partials());
        let live = partials.filter(|partial| partial.rollup == self.rollup());
        live.fold(self.stored.folded, |folded, partial| folded.union(&partial.folded))
    }
}
