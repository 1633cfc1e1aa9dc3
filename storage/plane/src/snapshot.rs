//! What a query sees of one table.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use model::{Batch, Signal};
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
}
