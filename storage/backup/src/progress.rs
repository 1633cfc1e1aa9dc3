//! How far a long copy is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Told again and again while objects are copied or read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What is done now, as in "copying".
    pub step: &'static str,
    /// Objects done.
    pub objects: u64,
    /// Objects in all.
    pub objects_all: u64,
    /// Bytes done.
    pub bytes: u64,
    /// Bytes in all.
    pub bytes_all: u64,
}

/// Is told of progress, from several tasks.
pub type Watch = Arc<dyn Fn(Progress) + Send + Sync>;

/// Counts what is done of one step.
pub(crate) struct Steps {
    step: &'static str,
    objects: AtomicU64,
    bytes: AtomicU64,
    objects_all: u64,
    bytes_all: u64,
    watch: Watch,
}

impl Steps {
    pub(crate) fn new(step: &'static str, sizes: impl Iterator<Item = u64>, watch: &Watch) -> Self {
        let (objects_all, bytes_all) = sizes.fold((0, 0), |(objects, bytes), size| (objects + 1, bytes + size));
        let steps = Self {
            step,
            objects: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            objects_all,
            bytes_all,
            watch: Arc::clone(watch),
        };
        steps.tell();
        steps
    }

    pub(crate) fn bytes(&self, more: u64) {
        self.bytes.fetch_add(more, Ordering::Relaxed);
        self.tell();
    }

    pub(crate) fn object(&self) {
        self.objects.fetch_add(1, Ordering::Relaxed);
        self.tell();
    }

    fn tell(&self) {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (self.watch)(Progress {
            step: self.step,
            objects: count(&self.objects),
            objects_all: self.objects_all,
            bytes: count(&self.bytes),
            bytes_all: self.bytes_all,
        });
    }
}
