//! What notifications work with, in one place.

use std::sync::Arc;

use plugin::PluginContext;
use plugin::hub::Clock;
use plugin::hub::audit::Trail;
use plugin::hub::outgoing::Outgoing;
use plugin::hub::sealing::Keyring;
use plugin::model::Timestamp;
use plugin::records::Records;

use super::nowhere::Nowhere;
use crate::telemetry::Counters;

/// Records to write in, calls to make, keys to open secrets with, the time, what is counted, and what was told in the log. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) records: Records,
    pub(crate) audit: Trail,
    pub(crate) outgoing: Arc<Outgoing>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) clock: Clock,
    pub(crate) counters: Arc<Counters>,
    pub(crate) nowhere: Arc<Nowhere>,
}

impl Desk {
    pub(crate) fn new(context: &PluginContext, clock: Clock, counters: Arc<Counters>) -> Self {
        let PluginContext { records, audit, outgoing, keyring, .. } = context.clone();
        Self { records, audit, outgoing, keyring, clock, counters, nowhere: Arc::default() }
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
