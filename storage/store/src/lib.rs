//! Where sealed segments rest.
//!
//! A segment is kept whole or not at all, and only once: what `keep` has answered `Ok` is durable, and the
//! next `table` shows it. The rollups of a segment of spans are kept with it, as a part of it.

pub mod conformance;
mod error;
mod examine;
mod memory;
pub mod rollup;
mod segment;
mod sort;
mod upkeep;

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::TableProvider;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use model::{Dataset, Signal, Tenant, Timestamp};

pub use error::StoreError;
pub use examine::{Examine, Unreadable};
pub use memory::MemoryStore;
use rollup::StoredRollup;
pub use segment::{Origin, Segment, SegmentId, WriterId};
pub use sort::{sort_columns, sort_key, sorted};
pub use upkeep::{Amount, Closing, Condition, Gate, Job, Maintained, Outcome, Pace, Part, Task, Work};

/// Keeps segments and gives them back as tables.
#[async_trait]
pub trait Store: Debug + Send + Sync {
    /// Keeps a segment, and the rollups of spans with it: durable and visible when this returns. A segment whose origin lies at or below what is
    /// already kept of its writer and table is kept already, and nothing happens.
    ///
    /// Segments of one writer and table come in the order of their origins, one after the other.
    async fn keep(&self, segment: &Segment) -> Result<(), StoreError>;

    /// Segments of different tables that are kept faster side by side than one after the other.
    fn keeps_at_once(&self) -> usize {
        1
    }

    /// The rows of one tenant and signal as of this call. What is kept later does not show.
    fn table(&self, tenant: &Tenant, signal: Signal) -> Result<Stored, StoreError>;

    /// The rules by which plans over its tables are made better: those of DataFusion, and between them the store's own.
    fn optimizer_rules(&self) -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
        PhysicalOptimizer::new().rules
    }

    /// Takes out what has only rows older than the horizon: whole parts (files, chunks), so that some older rows stay
    /// until the youngest of their part is old too. Queries that have begun still see them. `None` when there is nothing.
    async fn expire(&self, tenant: &Tenant, dataset: Dataset, horizon: Timestamp) -> Result<Option<Work>, StoreError>;

    /// Does one bounded piece of upkeep, if there is any, and says what it was; a failure is the outcome of the piece.
    ///
    /// It may compute for milliseconds without giving way and belongs on a runtime of its own. It may be called by several
    /// processes that share the store: what one does, the others leave alone.
    async fn maintain(&self, pace: &Pace) -> Maintained;

    /// The parts that the store is made of, of one tenant or of all.
    async fn inventory(&self, tenant: Option<&Tenant>) -> Result<Vec<Part>, StoreError>;
}

/// A table as of one moment, and how far into each writer's log it reaches.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The rows.
    pub table: Arc<dyn TableProvider>,
    /// Highest position kept of each writer.
    pub watermarks: Arc<HashMap<WriterId, u64>>,
    /// Parts whose rows are not in the table, because they cannot be read: whoever shows rows of it must say so.
    pub unreadable: Vec<Unreadable>,
    /// To be asked when reading the table has failed.
    pub examine: Examine,
    /// Every rollup as of the same moment, if the rows are spans.
    pub rollups: Vec<StoredRollup>,
}

impl Stored {
    /// Rows of the writer at or below this position are in the table; 0 when there are none.
    pub fn kept_through(&self, writer: WriterId) -> u64 {
        self.watermarks.get(&writer).copied().unwrap_or(0)
    }
}
