//! API keys: for programs. The key is shown once; what is kept is its SHA-256, which says nothing of 256 random bits.

use std::fmt;

use ipnet::IpNet;
use model::Timestamp;
use records::{Document, Expected, Key, KeyValue, List, Record, RecordId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Hub;
use crate::access::Asking;
use crate::audit::{Deed, Hash};
use crate::change::{Change, What};
use crate::clock::{HOUR, after, until};
use crate::error::Error;
use crate::passwords::{Secret, random};
use crate::people::check_name;
use crate::roles::RoleName;

/// Keys of one tenant that are not revoked.
pub(crate) const KEYS_MAX: usize = 1000;
/// Longest name of a key, person or group, in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 200;
/// Longest time for which a key and its successor both work, in hours: 30 days.
pub(crate) const OVERLAP_HOURS_MAX: u32 = 720;
/// Begins every key, so that people and scanners of source code know one when they see it.
const PREFIX: &str = "obs_";
const ID_CHARACTERS: usize = 12;
/// 256 bits.
const SECRET_CHARACTERS: usize = 43;

/// What a key is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    pub roles: Vec<RoleName>,
    /// After which it is worth nothing.
    pub expires_at: Option<Timestamp>,
    /// Networks it is taken from; from everywhere when there are none.
    pub allowed_from: Vec<IpNet>,
    /// Who made it.
    pub made_by: String,
    /// When it was last used, within a minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was made worthless.
    pub revoked_at: Option<Timestamp>,
    /// The key that was made to take its place.
    #[serde(default)]
    pub replaced_by: Option<RecordId>,
}

impl Document for ApiKey {
    const COLLECTION: &'static str = "hub.keys";
    const KEYS: &'static [Key] = &[Key::lookup("revoked_at")];
    const TIMES: &'static [&'static str] = &["expires_at", "last_used_at", "revoked_at"];

    fn example() -> Option<Self> {
        let time = Some(Timestamp(1));
        Some(Self {
            name: "collector".to_owned(),
            roles: vec![RoleName::exporter()],
            expires_at: time,
            allowed_from: vec![IpNet::from(std::net::IpAddr::from([10, 0, 0, 1]))],
            made_by: "ada@example.org".to_owned(),
            last_used_at: time,
            revoked_at: time,
            replaced_by: Some(RecordId::unique()),
        })
    }
}

/// The hash of a key; its id is the key's. No table shows it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct KeyHash {
    pub(crate) hash: Hash,
}

impl Document for KeyHash {
    const COLLECTION: &'static str = "hub.key_hashes";
}

/// A new key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct NewKey {
    pub(crate) id: RecordId,
    pub(crate) text: Secret,
}

impl NewKey {
    /// `obs_<id>_<secret><checksum>`.
    fn draw() -> Self {
        let id = random(ID_CHARACTERS);
        let stem = format!("{PREFIX}{id}_{}", random(SECRET_CHARACTERS));
        let text = Secret::new(format!("{stem}{}", checksum(&stem)));
        Self { id: RecordId::new(id).expect("letters and digits are an id"), text }
    }
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What has become of a key that was rotated.
#[derive(Debug)]
pub(crate) struct Rotated {
    pub(crate) successor: NewKey,
    /// When the key that it replaces is worth nothing any more.
    pub(crate) old_expires_at: Timestamp,
}

fn checksum(stem: &str) -> String {
    format!("{:08x}", crc32fast::hash(stem.as_bytes()))
}

/// Whether this was a key of ours before somebody mistyped it.
pub(crate) fn is_mistyped(text: &str) -> bool {
    let stem = text.len().checked_sub(8).and_then(|end| text.split_at_checked(end));
    text.starts_with(PREFIX) && stem.is_none_or(|(stem, sum)| checksum(stem) != sum)
}

impl Hub {
    /// Makes a key that may do what its maker may, or less; its text is told once.
    pub(crate) async fn make_key(&self, asking: &Asking, key: &ApiKey) -> Result<NewKey, Error> {
        check_name(&key.name)?;
        if key.name.is_empty() || key.roles.is_empty() {
            return Err(Error::Invalid("a key has a name and a role".to_owned()));
        }
        let made = NewKey::draw();
        let new = &made;
        self.changes.make(|change| async move { self.add_key(&change, asking, new, key).await }).await?;
        Ok(made)
    }

    /// Makes a key that is for the same as another, which is worth nothing any more after the overlap.
    pub(crate) async fn rotate_key(
        &self,
        asking: &Asking,
        id: &RecordId,
        overlap_hours: u32,
    ) -> Result<Rotated, Error> {
        if overlap_hours > OVERLAP_HOURS_MAX {
            return Err(Error::Invalid(format!("two keys overlap by at most {OVERLAP_HOURS_MAX} hours")));
        }
        let (tenant, successor) = (asking.tenant(), NewKey::draw());
        let new = &successor;
        let old_expires_at = self
            .changes
            .make(|change| async move {
                let keys = change.collection::<ApiKey>();
                let old = keys.get(tenant, id).await?.ok_or_else(|| Error::not_found("key", id.as_str()))?;
                check_rotatable(&old.body, change.now)?;
                self.add_key(&change, asking, new, &successor_of(&old, asking, change.now)).await?;
                let end = after(change.now, HOUR * overlap_hours);
                let expires_at = old.body.expires_at.map_or(end, |before| before.min(end));
                let details = json!({"name": old.body.name, "replaced_by": new.id, "expires_at": expires_at});
                let replaced_by = Some(new.id.clone());
                let replaced = ApiKey { expires_at: Some(expires_at), replaced_by, ..old.body };
                keys.put(tenant, id, &replaced, Expected::Version(old.version)).await?;
                let deed = Deed { action: "key.rotated", subject: ("key", id.as_str()), details };
                change.audit(tenant, asking.by(), deed).await?;
                change.changed(tenant, What::Key(id.clone()));
                Ok(expires_at)
            })
            .await?;
        Ok(Rotated { successor, old_expires_at })
    }

    /// Writes a new key with its hash, if the asking one may do all that it may, and the tenant has room for it.
    async fn add_key(&self, change: &Change, asking: &Asking, new: &NewKey, key: &ApiKey) -> Result<(), Error> {
        self.check_roles(asking, &key.roles)?;
        let (tenant, id, keys) = (asking.tenant(), &new.id, change.collection::<ApiKey>());
        let good = List::all().equal("revoked_at", KeyValue::Absent).limit(KEYS_MAX);
        if keys.list(tenant, &good).await?.records.len() >= KEYS_MAX {
            return Err(Error::Conflict(format!("a tenant has at most {KEYS_MAX} keys: revoke some")));
        }
        keys.put(tenant, id, key, Expected::Absent).await?;
        let hash = KeyHash { hash: Hash::of(new.text.reveal().as_bytes()) };
        change.collection::<KeyHash>().put(tenant, id, &hash, Expected::Absent).await?;
        let ApiKey { name, roles, expires_at, allowed_from, .. } = key;
        let details = json!({"name": name, "roles": roles, "expires_at": expires_at, "allowed_from": allowed_from});
        change.audit(tenant, asking.by(), Deed { action: "key.made", subject: ("key", id.as_str()), details }).await?;
        change.changed(tenant, What::Key(id.clone()));
        Ok(())
    }

    /// Makes a key worthless; what it was for stays to be read.
    pub(crate) async fn revoke_key(&self, asking: &Asking, id: &RecordId) -> Result<(), Error> {
        let tenant = asking.tenant();
        self.changes
            .make(|change| async move {
                let keys = change.collection::<ApiKey>();
                let key = keys.get(tenant, id).await?.ok_or_else(|| Error::not_found("key", id.as_str()))?;
                if key.body.revoked_at.is_some() {
                    return Ok(());
                }
                let details = json!({"name": key.body.name});
                let revoked = ApiKey { revoked_at: Some(change.now), ..key.body };
                keys.put(tenant, id, &revoked, Expected::Version(key.version)).await?;
                change.collection::<KeyHash>().delete(tenant, id, Expected::Any).await?;
                let deed = Deed { action: "key.revoked", subject: ("key", id.as_str()), details };
                change.audit(tenant, asking.by(), deed).await?;
                change.changed(tenant, What::Key(id.clone()));
                Ok(())
            })
            .await
    }
}

/// Refuses what nobody comes in with any more, and what has a successor already: that one is the newest.
fn check_rotatable(key: &ApiKey, now: Timestamp) -> Result<(), Error> {
    let conflict = |reason: String| Err(Error::Conflict(reason));
    match key {
        ApiKey { revoked_at: Some(_), .. } => conflict("the key is revoked: make a new one".to_owned()),
        ApiKey { expires_at: Some(end), .. } if *end <= now => {
            conflict("the key has expired: make a new one".to_owned())
        }
        ApiKey { replaced_by: Some(successor), .. } => {
            conflict(format!("the key was rotated before: rotate its successor {successor}"))
        }
        _ => Ok(()),
    }
}

/// For the same, and for as long as the old one was made for.
fn successor_of(old: &Record<ApiKey>, asking: &Asking, now: Timestamp) -> ApiKey {
    ApiKey {
        expires_at: old.body.expires_at.map(|end| after(now, until(old.created_at, end))),
        made_by: asking.by().who.name().to_owned(),
        last_used_at: None,
        ..old.body.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_key_is_told_from_an_unknown_one() {
        let key = NewKey::draw();
        let text = key.text.reveal();

        assert!(!is_mistyped(text), "{text}");
        assert!(!is_mistyped("some-configured-key"), "not ours, so nothing is known of it");
        for place in PREFIX.len()..text.len() {
            let mut typed = text.to_owned().into_bytes();
            typed[place] = if typed[place] == b'x' { b'y' } else { b'x' };
            let typed = String::from_utf8(typed).expect("ASCII");
            assert!(is_mistyped(&typed), "{typed}");
        }
        assert!(is_mistyped(&text[..text.len() - 1]) && is_mistyped("obs_"));
    }

    #[test]
    fn keys_have_the_form_that_scanners_look_for() {
        let key = NewKey::draw();
        let parts: Vec<&str> = key.text.reveal().split('_').collect();

        assert_eq!(parts[0], "obs");
        assert_eq!(parts[1], key.id.as_str());
        assert_eq!((parts[1].len(), parts[2].len()), (12, 43 + 8));
        assert!(parts[1..].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_alphanumeric())));
        assert!(!format!("{key:?}").contains(parts[2]));
    }
}
