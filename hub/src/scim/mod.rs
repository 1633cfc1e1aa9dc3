//! SCIM 2.0 (RFC 7643, 7644): another system keeps people and groups of a tenant as it has them.
//!
//! `userName` is the e-mail a person signs in with. What a group allows is not SCIM's affair: the tenant gives it roles.

mod attributes;
mod filter;

use records::{List, PAGE_MAX, Record, RecordId};
use serde_json::{Value, json};

use crate::Hub;
use crate::access::Asking;
use crate::change::Change;
use crate::clock::Moment;
use crate::error::Error;
use crate::groups::Group;
use crate::people::{Person, Status};

pub(crate) use self::attributes::{GroupAttributes, Operation, Patch, UserAttributes};
pub(crate) use self::filter::Filter;

/// Schema of a user.
pub(crate) const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// Schema of a group.
pub(crate) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// Resources of one answer.
pub(crate) const COUNT_MAX: usize = 200;

/// What to do to a resource.
pub(crate) enum Edit<A> {
    /// These are its attributes now.
    Replace(A),
    /// These operations, one after the other.
    Patch(Vec<Operation>),
}

/// Which resources: those that fit, from the place on, which counts from 1.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) filter: Option<Filter>,
    pub(crate) start: usize,
    pub(crate) count: usize,
}

impl Hub {
    /// Some users of the tenant.
    pub(crate) async fn scim_users(&self, asking: &Asking, wanted: &Wanted) -> Result<Value, Error> {
        let people = self.all::<Person>(asking).await?;
        let fits = |person: &Record<Person>| wanted.filter.as_ref().is_none_or(|filter| filter.fits_user(person));
        let fitting: Vec<_> = people.into_iter().filter(fits).collect();
        let groups = self.all::<Group>(asking).await?;
        Ok(wanted.page(&fitting, |person| self.user(person, &groups)))
    }

    /// Some groups of the tenant.
    pub(crate) async fn scim_groups(&self, asking: &Asking, wanted: &Wanted) -> Result<Value, Error> {
        let groups = self.all::<Group>(asking).await?;
        let fits = |group: &Record<Group>| wanted.filter.as_ref().is_none_or(|filter| filter.fits_group(group));
        let fitting: Vec<_> = groups.into_iter().filter(fits).collect();
        Ok(wanted.page(&fitting, |group| self.group(group)))
    }

    /// One user.
    pub(crate) async fn scim_user(&self, asking: &Asking, id: &RecordId) -> Result<Value, Error> {
        let person = self.records.collection::<Person>().get(asking.tenant(), id).await?;
        let person = person.ok_or_else(|| Error::not_found("user", id.as_str()))?;
        Ok(self.user(&person, &self.all::<Group>(asking).await?))
    }

    /// One group.
    pub(crate) async fn scim_group(&self, asking: &Asking, id: &RecordId) -> Result<Value, Error> {
        let group = self.records.collection::<Group>().get(asking.tenant(), id).await?;
        Ok(self.group(&group.ok_or_else(|| Error::not_found("group", id.as_str()))?))
    }

    /// Makes a user, who has no password: they sign in at a provider, or with one that somebody gives them.
    pub(crate) async fn make_scim_user(&self, asking: &Asking, user: UserAttributes) -> Result<Value, Error> {
        let (tenant, id) = (asking.tenant(), &RecordId::unique());
        let status = if user.is_active { Status::Invited } else { Status::Suspended };
        let UserAttributes { email, name, external_id, .. } = user;
        let person = &Person { email, name, roles: Vec::new(), status, generation: 1, identity: None, external_id };
        self.changes
            .make(
                |change| async move { self.add(&change, tenant, asking.by(), id, person, "person.provisioned").await },
            )
            .await?;
        self.scim_user(asking, id).await
    }

    /// Changes a user.
    pub(crate) async fn edit_scim_user(
        &self,
        asking: &Asking,
        id: &RecordId,
        edit: &Edit<UserAttributes>,
    ) -> Result<Value, Error> {
        let tenant = asking.tenant();
        self.changes
            .make(|change| async move {
                let before = change.collection::<Person>().get(tenant, id).await?;
                let before = before.ok_or_else(|| Error::not_found("user", id.as_str()))?;
                let mut user = UserAttributes::of(&before.body);
                match edit {
                    Edit::Replace(attributes) => user = attributes.clone(),
                    Edit::Patch(operations) => operations.iter().try_for_each(|operation| user.apply(operation))?,
                }
                let person = user.onto(before.body.clone());
                self.write(&change, tenant, asking.by(), &before, person).await
            })
            .await?;
        self.scim_user(asking, id).await
    }

    /// Removes a user.
    pub(crate) async fn remove_scim_user(&self, asking: &Asking, id: &RecordId) -> Result<(), Error> {
        let tenant = asking.tenant();
        self.changes
            .make(|change| async move {
                let person = change.collection::<Person>().get(tenant, id).await?;
                let person = person.ok_or_else(|| Error::not_found("user", id.as_str()))?;
                self.remove(&change, tenant, asking.by(), &person).await
            })
            .await
    }

    /// Makes a group, which allows nothing until the tenant gives it roles.
    pub(crate) async fn make_scim_group(&self, asking: &Asking, group: GroupAttributes) -> Result<Value, Error> {
        let (tenant, id) = (asking.tenant(), &RecordId::unique());
        let group = &group.onto(Group::default());
        let made = self
            .changes
            .make(|change| async move { self.write_group(&change, tenant, asking.by(), id, None, group.clone()).await })
            .await?;
        Ok(self.group(&made))
    }

    /// Changes a group.
    pub(crate) async fn edit_scim_group(
        &self,
        asking: &Asking,
        id: &RecordId,
        edit: &Edit<GroupAttributes>,
    ) -> Result<Value, Error> {
        let tenant = asking.tenant();
        let changed = self
            .changes
            .make(|change| async move {
                let before = self.found_group(&change, asking, id).await?;
                let mut attributes = GroupAttributes::of(&before.body);
                match edit {
                    Edit::Replace(replacing) => attributes = replacing.clone(),
                    Edit::Patch(operations) => {
                        operations.iter().try_for_each(|operation| attributes.apply(operation))?;
                    }
                }
                let group = attributes.onto(before.body.clone());
                self.write_group(&change, tenant, asking.by(), id, Some(before), group).await
            })
            .await?;
        Ok(self.group(&changed))
    }

    /// Removes a group.
    pub(crate) async fn remove_scim_group(&self, asking: &Asking, id: &RecordId) -> Result<(), Error> {
        self.changes
            .make(|change| async move {
                let group = self.found_group(&change, asking, id).await?;
                self.delete_group(&change, asking.tenant(), asking.by(), &group).await
            })
            .await
    }

    async fn found_group(&self, change: &Change, asking: &Asking, id: &RecordId) -> Result<Record<Group>, Error> {
        let group = change.collection::<Group>().get(asking.tenant(), id).await?;
        group.ok_or_else(|| Error::not_found("group", id.as_str()))
    }

    async fn all<T: records::Document>(&self, asking: &Asking) -> Result<Vec<Record<T>>, Error> {
        let (collection, mut all, mut next) = (self.records.collection::<T>(), Vec::new(), None);
        loop {
            let page = collection.list(asking.tenant(), &List::all().limit(PAGE_MAX).after(next)).await?;
            all.extend(page.records);
            next = page.next;
            if next.is_none() {
                return Ok(all);
            }
        }
    }

    fn user(&self, person: &Record<Person>, groups: &[Record<Group>]) -> Value {
        let Person { email, name, status, external_id, .. } = &person.body;
        let of_person = groups.iter().filter(|group| group.body.members.contains(&person.id));
        let groups: Vec<Value> =
            of_person.map(|group| json!({"value": group.id, "display": group.body.name})).collect();
        json!({
            "schemas": [USER],
            "id": person.id,
            "externalId": external_id,
            "userName": email,
            "displayName": name,
            "name": {"formatted": name},
            "emails": [{"value": email, "type": "work", "primary": true}],
            "active": *status != Status::Suspended,
            "groups": groups,
            "meta": self.meta("User", "Users", person),
        })
    }

    fn group(&self, group: &Record<Group>) -> Value {
        let Group { name, external_id, members, .. } = &group.body;
        let members: Vec<Value> = members.iter().map(|member| json!({"value": member, "type": "User"})).collect();
        json!({
            "schemas": [GROUP],
            "id": group.id,
            "externalId": external_id,
            "displayName": name,
            "members": members,
            "meta": self.meta("Group", "Groups", group),
        })
    }

    fn meta<T>(&self, kind: &str, folder: &str, record: &Record<T>) -> Value {
        json!({
            "resourceType": kind,
            "created": Moment(record.created_at),
            "lastModified": Moment(record.updated_at),
            "version": format!("W/\"{}\"", record.version),
            "location": format!("{}/api/v1/hub/scim/v2/{folder}/{}", self.config.public_url, record.id),
        })
    }
}

impl Wanted {
    fn page<T>(&self, fitting: &[T], shown: impl Fn(&T) -> Value) -> Value {
        let page: Vec<Value> =
            fitting.iter().skip(self.start.max(1) - 1).take(self.count.min(COUNT_MAX)).map(shown).collect();
        json!({
            "schemas": [LIST],
            "totalResults": fitting.len(),
            "startIndex": self.start.max(1),
            "itemsPerPage": page.len(),
            "Resources": page,
        })
    }
}
