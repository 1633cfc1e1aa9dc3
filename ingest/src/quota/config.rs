//! Settings of quotas.

use std::collections::BTreeMap;

use model::Tenant;
use serde::{Deserialize, Serialize};

/// Quotas by tenant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuotaConfig {
    /// For tenants that are not listed. Default: no limits.
    pub default: Limits,
    /// For these tenants, instead of the default.
    pub tenants: BTreeMap<Tenant, Limits>,
}

/// What one tenant may send. What is not set has no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of requests after decompression in a day, UTC.
    pub bytes_per_day_max: Option<u64>,
    /// Series of metrics and histograms with a point in the last one to two hours.
    pub active_series_max: Option<usize>,
    /// Different attribute keys beside the promoted ones, in the last one to two days.
    pub attribute_keys_max: Option<usize>,
}

impl Limits {
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl QuotaConfig {
    /// Says what is wrong with the settings, if anything is.
    pub fn check(&self) -> Result<(), String> {
        let named = self.tenants.iter().map(|(tenant, limits)| (tenant.as_str(), limits));
        for (name, limits) in named.chain([("default", &self.default)]) {
            let zero = limits.bytes_per_day_max == Some(0)
                || limits.active_series_max == Some(0)
                || limits.attribute_keys_max == Some(0);
            if zero {
                return Err(format!("a quota of {name} is 0, which refuses everything; leave it out for no limit"));
            }
        }
        Ok(())
    }

    pub(crate) fn of(&self, tenant: &Tenant) -> Limits {
        self.tenants.get(tenant).copied().unwrap_or(self.default)
    }
}
