//! Groups: people who have roles together; identity providers say who is in them, the tenant says what they may do.

use std::collections::BTreeSet;

use model::Tenant;
use records::{Document, Expected, Key, List, PAGE_MAX, Record, RecordId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::Hub;
use crate::access::Asking;
use crate::audit::{By, Deed};
use crate::change::{Change, What};
use crate::error::Error;
use crate::people::{check_cover, check_name, taken};
use crate::roles::RoleName;

/// Groups of one tenant.
const GROUPS_MAX: usize = PAGE_MAX;
/// People in one group.
const MEMBERS_MAX: usize = 10_000;

/// People who have roles together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// What it is called, here and at identity providers.
    pub name: String,
    /// What the system that provisions it calls it.
    pub external_id: Option<String>,
    /// What its members may do.
    pub roles: Vec<RoleName>,
    /// Who is in it.
    pub members: BTreeSet<RecordId>,
}

impl Document for Group {
    const COLLECTION: &'static str = "hub.groups";
    const KEYS: &'static [Key] = &[Key::unique("name"), Key::unique("external_id")];

    fn example() -> Option<Self> {
        Some(Self {
            name: "sre".to_owned(),
            external_id: Some("1".to_owned()),
            roles: vec![RoleName::owner()],
            members: BTreeSet::from([RecordId::unique()]),
        })
    }
}

impl Hub {
    /// Makes a group, for somebody who may do all that it allows.
    pub(crate) async fn make_group(&self, asking: &Asking, group: &Group) -> Result<Record<Group>, Error> {
        self.check_roles(asking, &group.roles)?;
        let (tenant, id) = (asking.tenant(), &RecordId::unique());
        self.changes
            .make(|change| async move { self.write_group(&change, tenant, asking.by(), id, None, group.clone()).await })
            .await
    }

    /// Changes a group, for somebody who may do all that it allowed and will allow.
    pub(crate) async fn change_group(
        &self,
        asking: &Asking,
        id: &RecordId,
        group: &Group,
    ) -> Result<Record<Group>, Error> {
        self.check_roles(asking, &group.roles)?;
        let tenant = asking.tenant();
        self.changes
            .make(|change| async move {
                let before = change.collection::<Group>().get(tenant, id).await?;
                let before = before.ok_or_else(|| Error::not_found("group", id.as_str()))?;
                check_cover(asking, &self.directory.permissions(tenant, &before.body.roles))?;
                self.write_group(&change, tenant, asking.by(), id, Some(before), group.clone()).await
            })
            .await
    }

    /// The part that does not ask who may.
    pub(crate) async fn write_group(
        &self,
        change: &Change,
        tenant: &Tenant,
        by: &By,
        id: &RecordId,
        before: Option<Record<Group>>,
        group: Group,
    ) -> Result<Record<Group>, Error> {
        check_name(&group.name)?;
        if group.name.is_empty() || group.members.len() > MEMBERS_MAX {
            return Err(Error::Invalid(format!("a group has a name, and at most {MEMBERS_MAX} members")));
        }
        let groups = change.collection::<Group>();
        let known = before.as_ref().map(|before| before.body.clone()).unwrap_or_default();
        for member in group.members.difference(&known.members) {
            let person = change.collection::<crate::people::Person>().get(tenant, member).await?;
            person.ok_or_else(|| Error::Invalid(format!("there is no person '{member}' to be a member")))?;
        }
        if before.is_none() && groups.list(tenant, &List::all().limit(GROUPS_MAX)).await?.records.len() >= GROUPS_MAX {
            return Err(Error::Conflict(format!("a tenant has at most {GROUPS_MAX} groups")));
        }
        let expected = before.as_ref().map_or(Expected::Absent, |before| Expected::Version(before.version));
        let written = groups.put(tenant, id, &group, expected).await.map_err(taken)?;
        let details = json!({
            "name": group.name,
            "roles": group.roles,
            "joined": group.members.difference(&known.members).collect::<Vec<_>>(),
            "left": known.members.difference(&group.members).collect::<Vec<_>>(),
        });
        let action = if before.is_some() { "group.changed" } else { "group.made" };
        change.audit(tenant, by, Deed { action, subject: ("group", id.as_str()), details }).await?;
        change.changed(tenant, What::Group(id.clone()));
        let (version, created_at, updated_at) = (written.version, written.created_at, written.updated_at);
        Ok(Record { id: id.clone(), version, tenant: tenant.clone(), created_at, updated_at, body: group })
    }

    /// Removes a group; what it allowed, its members may no longer do.
    pub(crate) async fn remove_group(&self, asking: &Asking, id: &RecordId) -> Result<(), Error> {
        let tenant = asking.tenant();
        self.changes
            .make(|change| async move {
                let group = change.collection::<Group>().get(tenant, id).await?;
                let group = group.ok_or_else(|| Error::not_found("group", id.as_str()))?;
                check_cover(asking, &self.directory.permissions(tenant, &group.body.roles))?;
                self.delete_group(&change, tenant, asking.by(), &group).await
            })
            .await
    }

    /// The part that does not ask who may.
    pub(crate) async fn delete_group(
        &self,
        change: &Change,
        tenant: &Tenant,
        by: &By,
        group: &Record<Group>,
    ) -> Result<(), Error> {
        change.collection::<Group>().delete(tenant, &group.id, Expected::Version(group.version)).await?;
        let details = json!({"name": group.body.name});
        change
            .audit(tenant, by, Deed { action: "group.removed", subject: ("group", group.id.as_str()), details })
            .await?;
        change.changed(tenant, What::Group(group.id.clone()));
        Ok(())
    }

    /// Puts a person into the groups that the identity provider names and takes them out of the others; groups that there are
    /// not are left alone.
    pub(crate) async fn join_groups(
        &self,
        change: &Change,
        tenant: &Tenant,
        by: &By,
        person: &RecordId,
        named: &[String],
    ) -> Result<(), Error> {
        let groups = change.collection::<Group>().list(tenant, &List::all().limit(GROUPS_MAX)).await?;
        for group in groups.records {
            let (is_in, should_be) = (group.body.members.contains(person), named.contains(&group.body.name));
            if is_in == should_be {
                continue;
            }
            let (id, mut changed) = (group.id.clone(), group.body.clone());
            match should_be {
                true => changed.members.insert(person.clone()),
                false => changed.members.remove(person),
            };
            self.write_group(change, tenant, by, &id, Some(group), changed).await?;
        }
        Ok(())
    }
}
