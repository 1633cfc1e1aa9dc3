//! Roles: sets of permissions, some built in and the others a tenant's own.

use std::fmt;
use std::sync::Arc;

use records::{Document, Expected, RecordId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Hub;
use crate::access::Asking;
use crate::audit::Deed;
use crate::change::What;
use crate::error::Error;
use crate::people::check_cover;
use crate::permissions::{Grant, is_name};

/// Name of a role: 1 to 64 of `a-z 0-9 - _`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RoleName(Arc<str>);

impl RoleName {
    /// Checks the name.
    pub fn new(name: &str) -> Result<Self, String> {
        match is_name(name) {
            true => Ok(Self(name.into())),
            false => Err(format!(
                "'{}' is not the name of a role: use 1 to 64 of a-z, 0-9, '-' and '_'",
                name.chars().take(80).collect::<String>()
            )),
        }
    }

    /// The role that may do everything in its tenant.
    pub fn owner() -> Self {
        Self("owner".into())
    }

    /// The role of keys that only write telemetry.
    pub fn exporter() -> Self {
        Self("exporter".into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for RoleName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::new(&name)
    }
}

impl From<RoleName> for String {
    fn from(name: RoleName) -> Self {
        name.0.as_ref().to_owned()
    }
}

/// A role that a tenant has made for itself; its id is its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// For whom it is.
    pub description: String,
    /// What it allows.
    pub grants: Vec<Grant>,
}

/// Grants of one role.
const GRANTS_MAX: usize = 100;

impl Document for Role {
    const COLLECTION: &'static str = "hub.roles";

    fn example() -> Option<Self> {
        Some(Self { description: "reads people".to_owned(), grants: vec!["hub:people:read".parse().ok()?] })
    }
}

impl Hub {
    /// Makes a role of the tenant or changes it, for somebody who may do all that it allows.
    pub(crate) async fn put_role(&self, asking: &Asking, name: &RoleName, role: &Role) -> Result<(), Error> {
        if self.directory.is_built_in(name) {
            return Err(Error::Conflict(format!("the role '{name}' is built in; give yours another name")));
        }
        if role.grants.is_empty() || role.grants.len() > GRANTS_MAX {
            return Err(Error::Invalid(format!("a role has 1 to {GRANTS_MAX} grants")));
        }
        let tenant = asking.tenant();
        check_cover(asking, &[role.grants.clone().into()].into_iter().collect())?;
        check_cover(asking, &self.directory.permissions(tenant, [name]))?;
        self.changes
            .make(|change| async move {
                let id = RecordId::new(name.as_str())?;
                change.collection::<Role>().put(tenant, &id, role, Expected::Any).await?;
                let details = json!({"grants": role.grants});
                let deed = Deed { action: "role.changed", subject: ("role", name.as_str()), details };
                change.audit(tenant, asking.by(), deed).await?;
                change.changed(tenant, What::Role(name.clone()));
                Ok(())
            })
            .await
    }

    /// Removes a role that nobody has.
    pub(crate) async fn remove_role(&self, asking: &Asking, name: &RoleName) -> Result<(), Error> {
        let tenant = asking.tenant();
        check_cover(asking, &self.directory.permissions(tenant, [name]))?;
        match self.directory.holders(tenant, name) {
            0 => {}
            holders => {
                return Err(Error::Conflict(format!(
                    "the role '{name}' has {holders} holders: take it from them first"
                )));
            }
        }
        self.changes
            .make(|change| async move {
                let id = RecordId::new(name.as_str())?;
                if !change.collection::<Role>().delete(tenant, &id, Expected::Any).await? {
                    return Err(Error::not_found("role", name.as_str()));
                }
                let deed = Deed { action: "role.removed", subject: ("role", name.as_str()), details: json!({}) };
                change.audit(tenant, asking.by(), deed).await?;
                change.changed(tenant, What::Role(name.clone()));
                Ok(())
            })
            .await
    }
}

/// A role every tenant has.
#[derive(Debug)]
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    /// For whom it is.
    pub description: &'static str,
    /// What it allows.
    pub grants: &'static [&'static str],
}

/// The roles every tenant has.
pub const BUILT_IN: [BuiltIn; 7] = [
    BuiltIn { name: "owner", description: "may do everything in the tenant", grants: &["*:*:*"] },
    BuiltIn {
        name: "admin",
        description: "manages people, keys and products; neither owners, nor how people sign in, nor the licence",
        grants: &[
            "hub:people:*",
            "hub:groups:*",
            "hub:roles:*",
            "hub:keys:*",
            "hub:sessions:*",
            "hub:events:*",
            "hub:providers:read",
            "hub:audit:read",
            "hub:licence:read",
            "telemetry:*:*",
            "dashboards:*:*",
            "apm:*:*",
            "alerting:*:*",
            "compliance:*:*",
            "catalog:*:*",
            "orchestrator:*:*",
            "insights:*:*",
        ],
    },
    BuiltIn {
        name: "operator",
        description: "runs services: alerts, incidents, dashboards, workflows",
        grants: &[
            "telemetry:*:read",
            "dashboards:*:*",
            "apm:*:*",
            "alerting:*:*",
            "compliance:*:read",
            "catalog:*:*",
            "orchestrator:*:*",
            "insights:*:*",
        ],
    },
    BuiltIn { name: "auditor", description: "reads everything, with the audit trail", grants: &["*:*:read"] },
    BuiltIn {
        name: "approver",
        description: "reads, and decides what waits for approval",
        grants: &[
            "telemetry:*:read",
            "dashboards:*:read",
            "apm:*:read",
            "alerting:*:read",
            "compliance:*:read",
            "catalog:*:read",
            "orchestrator:*:read",
            "insights:*:read",
            "compliance:approvals:write",
            "catalog:approvals:write",
            "orchestrator:approvals:write",
        ],
    },
    BuiltIn {
        name: "viewer",
        description: "reads telemetry and products",
        grants: &[
            "telemetry:*:read",
            "dashboards:*:read",
            "apm:*:read",
            "alerting:*:read",
            "compliance:*:read",
            "catalog:*:read",
            "orchestrator:*:read",
            "insights:*:read",
        ],
    },
    BuiltIn {
        name: "exporter",
        description: "for keys: writes telemetry, reads nothing",
        grants: &["telemetry:rows:write"],
    },
];

impl BuiltIn {
    /// What it allows, as values.
    pub(crate) fn grants(&self) -> Arc<[Grant]> {
        self.grants.iter().map(|grant| grant.parse().expect("built-in grants are well written")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permissions::Permissions;

    fn of(name: &str) -> Permissions {
        BUILT_IN.iter().filter(|role| role.name == name).map(BuiltIn::grants).collect()
    }

    #[test]
    fn nobody_can_give_what_they_do_not_have() {
        for (giver, given, expected) in [
            ("owner", "owner", true),
            ("owner", "auditor", true),
            ("admin", "owner", false),
            ("admin", "auditor", false),
            ("admin", "approver", true),
            ("admin", "exporter", true),
            ("operator", "viewer", true),
            ("viewer", "operator", false),
            ("exporter", "viewer", false),
        ] {
            assert_eq!(of(giver).cover(&of(given)), expected, "{giver} gives {given}");
        }
    }
}
