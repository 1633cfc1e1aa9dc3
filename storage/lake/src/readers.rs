//! Which versions of the manifest queries of this process are reading, so that no file goes while they do.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// The versions being read.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    /// Number of pins by version.
    pins: Mutex<BTreeMap<u64, usize>>,
}

/// Held by a table, by its plans and by the streams of these: files of its version stay on the medium.
#[derive(Debug)]
pub(crate) struct Pin {
    readers: Arc<Readers>,
    version: u64,
}

impl Readers {
    pub(crate) fn pin(self: &Arc<Self>, version: u64) -> Pin {
        *self.pins.lock().entry(version).or_default() += 1;
        Pin { readers: Arc::clone(self), version }
    }

    /// True when nobody here reads a version before this one: files that it took out can go.
    pub(crate) fn are_past(&self, version: u64) -> bool {
        self.pins.lock().first_key_value().is_none_or(|(oldest, _)| *oldest >= version)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pins = self.readers.pins.lock();
        if let Some(count) = pins.get_mut(&self.version) {
            *count -= 1;
            if *count == 0 {
                pins.remove(&self.version);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_pin_holds_what_later_versions_took_out() {
        let readers = Arc::new(Readers::default());
        let (old, old_too, new) = (readers.pin(3), readers.pin(3), readers.pin(7));

        assert!(readers.are_past(3) && !readers.are_past(4));
        drop(old);
        assert!(!readers.are_past(4), "another one reads it");
        drop(old_too);
        assert!(readers.are_past(7) && !readers.are_past(8));
        drop(new);
        assert!(readers.are_past(u64::MAX));
    }
}
