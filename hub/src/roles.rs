//! Roles: sets of permissions `product:resource:action`. What no role allows is forbidden.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
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

/// Something that can be done, as in `hub:people:write`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Permission {
    product: Cow<'static, str>,
    resource: Cow<'static, str>,
    action: Cow<'static, str>,
}

/// Permissions of this product concern all tenants; only people of the tenant `system` have them.
const SERVER: &str = "server";

impl Permission {
    /// To write telemetry.
    pub const INGEST: Self = Self::new("telemetry", "rows", "write");
    /// To read telemetry and all tables of one's tenant.
    pub const QUERY: Self = Self::new("telemetry", "rows", "read");

    /// A permission whose three parts are known to be names.
    pub const fn new(product: &'static str, resource: &'static str, action: &'static str) -> Self {
        Self { product: Cow::Borrowed(product), resource: Cow::Borrowed(resource), action: Cow::Borrowed(action) }
    }

    /// Whether it concerns all tenants.
    pub(crate) fn is_of_server(&self) -> bool {
        self.product == SERVER
    }

    /// Whether nothing is changed by it.
    pub(crate) fn is_read(&self) -> bool {
        self.action == "read"
    }

    /// The product it is about.
    pub(crate) fn product(&self) -> &str {
        &self.product
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.product, self.resource, self.action)
    }
}

impl FromStr for Permission {
    type Err = InvalidGrant;

    fn from_str(text: &str) -> Result<Self, InvalidGrant> {
        let Grant([product, resource, action]) = text.parse()?;
        let name = |part: Part| part.0.map(|name| Cow::Owned(name.into())).ok_or_else(|| InvalidGrant(text.to_owned()));
        Ok(Self { product: name(product)?, resource: name(resource)?, action: name(action)? })
    }
}

/// One or many permissions: each part is a name, or `*` for all, as in `telemetry:*:read`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Grant([Part; 3]);

/// A name, or all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part(Option<Box<str>>);

/// The text is not a grant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not product:resource:action, each of a-z, 0-9, '-' and '_', or '*'")]
pub struct InvalidGrant(String);

impl Grant {
    /// Whether the permission is one of these.
    pub fn allows(&self, permission: &Permission) -> bool {
        let parts = [&permission.product, &permission.resource, &permission.action];
        self.0.iter().zip(parts).all(|(part, name)| part.0.as_deref().is_none_or(|own| own == &**name))
    }

    /// Whether all permissions of the other are among these.
    pub fn covers(&self, other: &Grant) -> bool {
        self.0.iter().zip(&other.0).all(|(own, other)| own.0.is_none() || own == other)
    }
}

impl FromStr for Grant {
    type Err = InvalidGrant;

    fn from_str(text: &str) -> Result<Self, InvalidGrant> {
        let part = |part: &str| match part {
            "*" => Some(Part(None)),
            name => is_name(name).then(|| Part(Some(name.into()))),
        };
        let parts: Option<Vec<Part>> = text.split(':').map(part).collect();
        let parts: Option<[Part; 3]> = parts.and_then(|parts| parts.try_into().ok());
        parts.map(Self).ok_or_else(|| InvalidGrant(text.chars().take(200).collect()))
    }
}

impl TryFrom<String> for Grant {
    type Error = InvalidGrant;

    fn try_from(text: String) -> Result<Self, InvalidGrant> {
        text.parse()
    }
}

impl From<Grant> for String {
    fn from(grant: Grant) -> Self {
        grant.to_string()
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [product, resource, action] = self.0.each_ref().map(|part| part.0.as_deref().unwrap_or("*"));
        write!(f, "{product}:{resource}:{action}")
    }
}

/// What somebody may do: the grants of all their roles.
#[derive(Clone, Debug, Default)]
pub struct Permissions(Vec<Arc<[Grant]>>);

impl Permissions {
    /// Whether this may be done.
    pub fn allow(&self, permission: &Permission) -> bool {
        self.grants().any(|grant| grant.allows(permission))
    }

    /// Whether all of the others may be done: nobody gives away what they do not have.
    pub fn cover(&self, others: &Permissions) -> bool {
        others.grants().all(|other| self.grants().any(|grant| grant.covers(other)))
    }

    /// Every grant, as often as a role has it.
    pub fn grants(&self) -> impl Iterator<Item = &Grant> {
        self.0.iter().flat_map(|grants| grants.iter())
    }
}

impl FromIterator<Arc<[Grant]>> for Permissions {
    fn from_iter<I: IntoIterator<Item = Arc<[Grant]>>>(roles: I) -> Self {
        Self(roles.into_iter().collect())
    }
}

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

fn is_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(is_allowed)
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

    fn of(name: &str) -> Permissions {
        BUILT_IN.iter().filter(|role| role.name == name).map(BuiltIn::grants).collect()
    }

    #[test]
    fn what_no_grant_names_is_forbidden() {
        for (grant, permission, expected) in [
            ("*:*:*", "hub:people:write", true),
            ("hub:*:read", "hub:people:read", true),
            ("hub:*:read", "hub:people:write", false),
            ("hub:people:*", "hub:keys:read", false),
            ("telemetry:rows:write", "telemetry:rows:write", true),
            ("telemetry:rows:write", "telemetry:rows:read", false),
        ] {
            let (grant, permission): (Grant, Permission) =
                (grant.parse().expect("a grant"), permission.parse().expect("a permission"));
            assert_eq!(grant.allows(&permission), expected, "{grant} {permission}");
        }
        assert!(!Permissions::default().allow(&Permission::QUERY));
    }

    #[test]
    fn a_text_that_is_no_grant_is_refused() {
        for text in ["", "a", "a:b", "a:b:c:d", "a::c", "A:b:c", "a:b:*c", "a:b: c", &format!("{}:b:c", "a".repeat(65))]
        {
            assert!(text.parse::<Grant>().is_err(), "{text}");
        }
        assert!("hub:*:read".parse::<Permission>().is_err(), "a permission is one thing");
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
