//! What notifications work with, in one place.

use std::sync::Arc;

use plugin::PluginContext;
use plugin::hub::Clock;
use plugin::hub::outgoing::Outgoing;
use plugin::hub::sealing::Keyring;
use plugin::model::Timestamp;
use plugin::records::Records;

/// Records to write in, calls to make, keys to open secrets with, and the time. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) records: Records,
    pub(crate) outgoing: Arc<Outgoing>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) clock: Clock,
}

impl Desk {
    pub(crate) fn new(context: &PluginContext, keyring: Arc<Keyring>, clock: Clock) -> Self {
        let (records, outgoing) = (context.records.clone(), Arc::clone(&context.outgoing));
        Self { records, outgoing, keyring, clock }
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("records", &self.records).finish_non_exhaustive()
    }
}
