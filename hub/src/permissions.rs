//! Permissions `product:resource:action`. What nobody was granted is forbidden.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

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

/// Whether it can be a part of a permission, or the name of a role.
pub(crate) fn is_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
