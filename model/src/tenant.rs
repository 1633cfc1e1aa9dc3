//! Whose rows they are.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Name of a tenant: 1 to 64 of `a-z 0-9 - _`, beginning with a letter or digit, so that it is safe as a folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tenant(Arc<str>);

/// The name is not one a tenant can have.
#[derive(Debug, Clone, thiserror::Error)]
#[error("'{0}' is not a tenant name: use 1 to 64 of a-z, 0-9, '-' and '_', beginning with a letter or digit")]
pub struct InvalidTenant(String);

impl Tenant {
    /// Longest name, in bytes.
    pub const NAME_BYTES_MAX: usize = 64;

    /// Checks the name.
    pub fn new(name: &str) -> Result<Self, InvalidTenant> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
        let starts_well = name.bytes().next().is_some_and(|first| first != b'-' && first != b'_');
        if starts_well && name.len() <= Self::NAME_BYTES_MAX && name.bytes().all(allowed) {
            Ok(Self(name.into()))
        } else {
            Err(InvalidTenant(name.chars().take(80).collect()))
        }
    }

    /// Tenant of everybody while no API key is configured.
    pub fn default_tenant() -> Self {
        Self("default".into())
    }

    /// Tenant of the platform's own telemetry.
    pub fn system() -> Self {
        Self("system".into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Tenant {
    type Error = InvalidTenant;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::new(&name)
    }
}

impl From<Tenant> for String {
    fn from(tenant: Tenant) -> Self {
        tenant.0.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_leave_its_folder_is_refused() {
        for name in ["", "..", "../x", "a/b", "A", "-a", "_x", "a b", "é", &"a".repeat(65)] {
            assert!(Tenant::new(name).is_err(), "{name}");
        }
        for name in ["a", "acme", "acme-eu_1", "0", &"a".repeat(64)] {
            assert!(Tenant::new(name).is_ok(), "{name}");
        }
    }
}
