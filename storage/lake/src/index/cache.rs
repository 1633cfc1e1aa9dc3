//! Parts of indexes in memory, within a budget of bytes: what was not used for longest goes first.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use parquet::bloom_filter::Sbbf;
use store::SegmentId;

use super::format::Contents;
use super::terms::Section;

/// Counted for each part beside its own bytes.
const PART_BYTES: u64 = 160;

/// Names a part of one file's index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Name {
    Contents,
    Shelf(Section, u64),
    TraceFilter,
}

/// A part as it is used. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// With the whole object, when it is small.
    Contents(Arc<Contents>, Option<Bytes>),
    Shelf(Bytes),
    TraceFilter(Arc<Sbbf>),
}

impl Part {
    fn bytes(&self) -> u64 {
        let own = match self {
            Self::Contents(contents, whole) => contents.byte_size() + whole.as_ref().map_or(0, Bytes::len),
            Self::Shelf(shelf) => shelf.len(),
            Self::TraceFilter(filter) => filter.num_blocks() * 32,
        };
        own as u64 + PART_BYTES
    }
}

/// What indexes have cost and spared since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IndexFigures {
    /// Memory of the parts that are kept.
    pub(crate) cached_bytes: u64,
    /// Parts asked for that were in memory.
    pub(crate) hits: u64,
    /// Parts asked for that had to be read.
    pub(crate) misses: u64,
}

/// The parts in memory.
#[derive(Debug)]
pub(super) struct Cache {
    bytes_max: u64,
    parts: Mutex<Parts>,
    hits: AtomicU64,
    misses: AtomicU64,
}

#[derive(Debug, Default)]
struct Parts {
    by_name: HashMap<(SegmentId, Name), Kept>,
    /// Times of last use, each one part's own.
    by_age: BTreeMap<u64, (SegmentId, Name)>,
    now: u64,
    bytes: u64,
}

#[derive(Debug)]
struct Kept {
    part: Part,
    used: u64,
}

impl Cache {
    pub(super) fn new(bytes_max: u64) -> Self {
        Self { bytes_max, parts: Mutex::default(), hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    pub(super) fn get(&self, file: SegmentId, name: Name) -> Option<Part> {
        let part = self.parts.lock().get((file, name));
        let counter = if part.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        part
    }

    /// Keeps a part, unless it alone is over the budget.
    pub(super) fn put(&self, file: SegmentId, name: Name, part: Part) {
        if part.bytes() <= self.bytes_max {
            let mut parts = self.parts.lock();
            parts.put((file, name), part);
            parts.shrink(self.bytes_max);
        }
    }

    pub(super) fn figures(&self) -> IndexFigures {
        IndexFigures {
            cached_bytes: self.parts.lock().bytes,
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
        }
    }
}

impl Parts {
    fn get(&mut self, key: (SegmentId, Name)) -> Option<Part> {
        let kept = self.by_name.get_mut(&key)?;
        self.now += 1;
        self.by_age.remove(&kept.used);
        self.by_age.insert(self.now, key);
        kept.used = self.now;
        Some(kept.part.clone())
    }

    fn put(&mut self, key: (SegmentId, Name), part: Part) {
        self.now += 1;
        self.bytes += part.bytes();
        self.by_age.insert(self.now, key);
        if let Some(before) = self.by_name.insert(key, Kept { part, used: self.now }) {
            self.bytes -= before.part.bytes();
            self.by_age.remove(&before.used);
        }
    }

    fn shrink(&mut self, bytes_max: u64) {
        while self.bytes > bytes_max
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            let kept = self.by_name.remove(&oldest).expect("every age is of a part");
            self.bytes -= kept.part.bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelf(bytes: usize) -> Part {
        Part::Shelf(vec![0; bytes].into())
    }

    #[test]
    fn what_was_used_last_stays_within_the_budget() {
        let cache = Cache::new(10 * (1000 + PART_BYTES));
        let file = SegmentId::new();
        let name = |number| Name::Shelf(Section::Words, number);

        for number in 0..10 {
            cache.put(file, name(number), shelf(1000));
        }
        assert!(cache.get(file, name(0)).is_some());
        cache.put(file, name(10), shelf(1000));
        cache.put(file, name(10), shelf(900));

        assert!(cache.get(file, name(0)).is_some());
        assert!(cache.get(file, name(1)).is_none());
        for number in 0..1000 {
            cache.put(file, name(number), shelf(number as usize));
            assert!(cache.figures().cached_bytes <= 10 * (1000 + PART_BYTES));
        }
        cache.put(file, name(5000), shelf(1 << 20));
        assert!(cache.get(file, name(5000)).is_none());
        assert_eq!((cache.figures().hits, cache.figures().misses), (2, 2));
    }
}
