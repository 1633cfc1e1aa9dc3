//! Where sealed segments rest.
//!
//! A segment is kept whole or not at all, and only once: what `keep` has answered `Ok` is durable, and the
//! next `table` shows it. The rollups of a segment of spans are kept with it, as a part of it.

pub mod conformance;
mod error;
mod memory;
pub mod rollup;
mod segment;
mod sort;

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::TableProvider;
use model::{Signal, Tenant};

pub use error::StoreError;
pub use memory::MemoryStore;
use rollup::StoredRollup;
pub use segment::{Origin, Segment, SegmentId, WriterId};
pub use sort::{sort_key, sorted};

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
}

/// A table as of one moment, and how far into each writer's log it reaches.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The rows.
    pub table: Arc<dyn TableProvider>,
    /// Highest position kept of each writer.
    pub watermarks: Arc<HashMap<WriterId, u64>>,
    /// Every rollup as of the same moment, if the rows are spans.
    pub rollups: Vec<StoredRollup>,
}

impl Stored {
    /// Rows of the writer at or below this position are in the table; 0 when there are none.
    pub fn kept_through(&self, writer: WriterId) -> u64 {
        self.watermarks.get(&writer).copied().unwrap_or(0)
    }
}
