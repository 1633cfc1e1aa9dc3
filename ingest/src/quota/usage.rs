//! How much of a quota is used, for people and for the next start.

use model::Tenant;
use serde::{Deserialize, Serialize};

/// One limit of one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Whose.
    pub tenant: Tenant,
    /// Which: `bytes_per_day`, `active_series` or `attribute_keys`.
    pub quota: &'static str,
    /// Used now.
    pub used: u64,
    /// At most.
    pub limit: u64,
    /// Requests (of bytes) or rows (of the others) refused since the start.
    pub refused: u64,
}

/// Bytes of one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayUsage {
    /// Whose.
    pub tenant: Tenant,
    /// Days since 1970, UTC.
    pub day: i64,
    /// Bytes taken on it.
    pub bytes: u64,
}
