//! Which part is to blame when reading a table fails: decoders do not know what they decode.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use model::TimeRange;

/// A part of a table that cannot be read, and whose rows are missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its name in the store.
    pub name: String,
    /// Rows that are missing.
    pub rows: u64,
    /// Earliest and latest of them.
    pub times: TimeRange,
    /// What is wrong with it.
    pub reason: String,
}

type Look = dyn Fn() -> BoxFuture<'static, Vec<Unreadable>> + Send + Sync;

/// Looks again at what was read of a table, after that has failed. Cheap to clone.
#[derive(Clone, Default)]
pub struct Examine(Option<Arc<Look>>);

impl Examine {
    /// Looks as `look` does.
    pub fn new(look: impl Fn() -> BoxFuture<'static, Vec<Unreadable>> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(look)))
    }

    /// The parts that cannot be read; none when the store does not know, or the medium did not answer.
    pub async fn look(&self) -> Vec<Unreadable> {
        match &self.0 {
            Some(look) => look().await,
            None => Vec::new(),
        }
    }
}

impl fmt::Debug for Examine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Examine").field(&self.0.is_some()).finish()
    }
}
