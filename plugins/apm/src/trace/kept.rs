//! Trees of traces that somebody is looking at, so that only the first page of a trace has to read all of it.
//!
//! A tree is kept for so many spans of its trace. Rows are added or expire but never change, so a trace that counts as
//! many as before is the same, and one that has grown is read anew at once.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use moka::policy::EvictionPolicy;
use plugin::Failure;
use plugin::model::Tenant;

use super::whole::Whole;

/// Memory for trees of all tenants; what was not looked at for longest goes first.
const BYTES_MAX: u64 = 128 << 20;
/// Most trees, however small.
const TREES_MAX: u64 = 1024;
/// How long a tree is kept, in seconds: while somebody turns pages.
const KEPT_SECONDS: u64 = 60;

/// Whose trace, its id, and how many spans it has.
pub(crate) type Key = (Tenant, String, u64);

/// The trees that are kept. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Trees(Cache<Key, Arc<Whole>>);

impl Trees {
    pub(crate) fn new() -> Self {
        // A small tree weighs as much as its share of the places, so that there are not more than so many.
        let weight = |_: &Key, whole: &Arc<Whole>| {
            u32::try_from((whole.bytes() as u64).max(BYTES_MAX / TREES_MAX)).unwrap_or(u32::MAX)
        };
        let trees = Cache::builder()
            .max_capacity(BYTES_MAX)
            .weigher(weight)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(Duration::from_secs(KEPT_SECONDS))
            .build();
        Self(trees)
    }

    /// The tree that is kept, or the one that is read now; who asks for the same in the meantime waits for it.
    pub(crate) async fn get(
        &self,
        key: Key,
        read: impl Future<Output = Result<Whole, Failure>>,
    ) -> Result<Arc<Whole>, Failure> {
        let tree = self.0.try_get_with(key, async { read.await.map(Arc::new) }).await;
        tree.map_err(Arc::unwrap_or_clone)
    }
}

#[cfg(test)]
mod tests {
    use super::super::read::Loaded;
    use super::super::span::samples::span;
    use super::*;

    fn whole(spans: u8) -> Whole {
        let spans = (0..spans).map(|number| span(number, None, 0, 1)).collect();
        Whole::of(Loaded { spans, is_truncated: false, text_bytes: 0 }, Vec::new())
    }

    fn key(tenant: &str, spans: u64) -> Key {
        (Tenant::new(tenant).expect("a name"), "ab".repeat(16), spans)
    }

    #[tokio::test]
    async fn a_tree_is_read_once_for_a_tenant_and_a_count_of_spans() {
        let trees = Trees::new();

        let read = trees.get(key("acme", 1), async { Ok(whole(1)) }).await.expect("a tree");
        let again = trees.get(key("acme", 1), async { Ok(whole(2)) }).await.expect("a tree");
        let grown = trees.get(key("acme", 2), async { Ok(whole(2)) }).await.expect("a tree");
        let other = trees.get(key("globex", 1), async { Ok(whole(3)) }).await.expect("a tree");

        assert!(Arc::ptr_eq(&read, &again));
        assert_eq!((grown.spans.len(), other.spans.len()), (2, 3));
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let trees = Trees::new();

        let failed = trees.get(key("acme", 1), async { Err(Failure::not_found("gone")) }).await;
        let read = trees.get(key("acme", 1), async { Ok(whole(1)) }).await;

        assert!(failed.is_err() && read.is_ok());
    }
}
