//! People: each belongs to exactly one tenant, and to another one as another person.

use model::Tenant;
use records::{Document, Expected, Key, List, PAGE_MAX, Record, RecordId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::Hub;
use crate::access::Asking;
use crate::audit::{By, Deed};
use crate::change::{Change, What};
use crate::clock::after;
use crate::email::Email;
use crate::error::Error;
use crate::groups::Group;
use crate::keys::NAME_BYTES_MAX;
use crate::lockout::Attempts;
use crate::passwords::{Password, Secret, Verdict, one_time};
use crate::permissions::Permissions;
use crate::roles::RoleName;
use crate::sessions;

/// Roles one person, key or group may have.
pub(crate) const ROLES_MAX: usize = 50;

/// Somebody who can sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// By which they sign in; nobody else of the tenant has it.
    pub email: Email,
    /// What they are called.
    pub name: String,
    /// Roles of their own, beside those of their groups.
    pub roles: Vec<RoleName>,
    /// Whether they can come in.
    pub status: Status,
    /// Counts up when everything that is open must close: tokens of an earlier one are worth nothing.
    pub generation: u64,
    /// Who they are at the identity provider: `<provider>/<subject>`.
    pub identity: Option<String>,
    /// What the system that provisions them calls them.
    pub external_id: Option<String>,
}

impl Document for Person {
    const COLLECTION: &'static str = "hub.people";
    const KEYS: &'static [Key] = &[Key::unique("email"), Key::unique("identity"), Key::unique("external_id")];

    fn example() -> Option<Self> {
        Some(Self {
            email: Email::new("ada@example.org").ok()?,
            name: "Ada King".to_owned(),
            roles: vec![RoleName::owner()],
            status: Status::Active,
            generation: 1,
            identity: Some("company/1".to_owned()),
            external_id: Some("1".to_owned()),
        })
    }
}

/// Whether a person can come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Has not signed in yet.
    Invited,
    /// Has signed in before.
    Active,
    /// Cannot sign in, and what they had open is closed.
    Suspended,
}

/// Somebody who is to be made.
#[derive(Clone, Debug)]
pub(crate) struct NewPerson {
    pub(crate) email: Email,
    pub(crate) name: String,
    pub(crate) roles: Vec<RoleName>,
}

/// What is to be different; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct PersonEdit {
    pub(crate) name: Option<String>,
    pub(crate) roles: Option<Vec<RoleName>>,
    pub(crate) is_suspended: Option<bool>,
}

impl Hub {
    /// Makes a person, and a password that they replace when they sign in first.
    pub(crate) async fn invite(&self, asking: &Asking, new: &NewPerson) -> Result<(RecordId, Secret), Error> {
        let tenant = asking.tenant();
        check_name(&new.name)?;
        self.check_roles(asking, &new.roles)?;
        let (id, secret) = (&RecordId::unique(), one_time());
        let hash = &self.passwords.hash(&secret).await?;
        self.changes
            .make(|change| async move {
                let person = Person {
                    email: new.email.clone(),
                    name: new.name.clone(),
                    roles: new.roles.clone(),
                    status: Status::Invited,
                    generation: 1,
                    identity: None,
                    external_id: None,
                };
                self.add(&change, tenant, asking.by(), id, &person, "person.invited").await?;
                let expires_at = Some(after(change.now, self.config.one_time()));
                let password = Password { hash: hash.clone(), is_one_time: true, expires_at };
                change.collection::<Password>().put(tenant, id, &password, Expected::Any).await?;
                Ok(())
            })
            .await?;
        Ok((id.clone(), secret))
    }

    /// Writes a new person, if the licence has room for one more.
    pub(crate) async fn add(
        &self,
        change: &Change,
        tenant: &Tenant,
        by: &By,
        id: &RecordId,
        person: &Person,
        action: &'static str,
    ) -> Result<(), Error> {
        let people = change.collection::<Person>();
        let count = self.directory.people_who_can_sign_in();
        if let Some(users_max) = self.directory.licences.users_max().filter(|users_max| count >= *users_max) {
            return Err(Error::NotLicensed(format!("the licence is for {users_max} people, and there are {count}")));
        }
        people.put(tenant, id, person, Expected::Absent).await.map_err(taken)?;
        let details = json!({"email": person.email, "name": person.name, "roles": person.roles});
        change.audit(tenant, by, Deed { action, subject: ("person", id.as_str()), details }).await?;
        change.changed(tenant, What::Person(id.clone()));
        Ok(())
    }

    /// Changes a person whom the asking one is not below.
    pub(crate) async fn edit_person(
        &self,
        asking: &Asking,
        id: &RecordId,
        edit: &PersonEdit,
    ) -> Result<Record<Person>, Error> {
        let tenant = asking.tenant();
        if let Some(name) = &edit.name {
            check_name(name)?;
        }
        if let Some(roles) = &edit.roles {
            self.check_roles(asking, roles)?;
        }
        self.changes
            .make(|change| async move {
                let before = self.within_reach(&change, asking, id).await?;
                let mut person = before.body.clone();
                person.name = edit.name.clone().unwrap_or(person.name);
                person.roles = edit.roles.clone().unwrap_or(person.roles);
                person.status = match edit.is_suspended {
                    Some(true) => Status::Suspended,
                    Some(false) if person.status == Status::Suspended => Status::Active,
                    _ => person.status,
                };
                self.write(&change, tenant, asking.by(), &before, person).await
            })
            .await
    }

    /// Writes what has become of a person, and says in the trail what that is.
    pub(crate) async fn write(
        &self,
        change: &Change,
        tenant: &Tenant,
        by: &By,
        before: &Record<Person>,
        mut person: Person,
    ) -> Result<Record<Person>, Error> {
        let details = difference(&before.body, &person);
        if details.is_empty() {
            return Ok(before.clone());
        }
        if person.status == Status::Suspended && before.body.status != Status::Suspended {
            person.generation += 1;
            sessions::end_all(change, tenant, &before.id, "the person was suspended").await?;
        }
        let people = change.collection::<Person>();
        let written =
            people.put(tenant, &before.id, &person, Expected::Version(before.version)).await.map_err(taken)?;
        keep_an_owner(change, tenant, &before.body).await?;
        let deed = Deed { action: "person.changed", subject: ("person", before.id.as_str()), details: details.into() };
        change.audit(tenant, by, deed).await?;
        change.changed(tenant, What::Person(before.id.clone()));
        Ok(Record { version: written.version, updated_at: written.updated_at, body: person, ..before.clone() })
    }

    /// Removes a person with all that is theirs; the audit trail keeps their name.
    pub(crate) async fn remove_person(&self, asking: &Asking, id: &RecordId) -> Result<(), Error> {
        self.changes
            .make(|change| async move {
                let person = self.within_reach(&change, asking, id).await?;
                self.remove(&change, asking.tenant(), asking.by(), &person).await
            })
            .await
    }

    /// The part of a removal that does not ask who may.
    pub(crate) async fn remove(
        &self,
        change: &Change,
        tenant: &Tenant,
        by: &By,
        person: &Record<Person>,
    ) -> Result<(), Error> {
        let id = &person.id;
        sessions::end_all(change, tenant, id, "the person was removed").await?;
        change.collection::<Person>().delete(tenant, id, Expected::Version(person.version)).await?;
        change.collection::<Password>().delete(tenant, id, Expected::Any).await?;
        keep_an_owner(change, tenant, &person.body).await?;
        for group in change.collection::<Group>().list(tenant, &List::all().limit(PAGE_MAX)).await?.records {
            if group.body.members.contains(id) {
                let mut without = group.body.clone();
                without.members.remove(id);
                change.collection::<Group>().put(tenant, &group.id, &without, Expected::Version(group.version)).await?;
                change.changed(tenant, What::Group(group.id));
            }
        }
        let details = json!({"email": person.body.email});
        change.audit(tenant, by, Deed { action: "person.removed", subject: ("person", id.as_str()), details }).await?;
        change.changed(tenant, What::Person(id.clone()));
        Ok(())
    }

    /// Gives a person a new one-time password, and closes what they have open; also ends a lock.
    pub(crate) async fn reset_password(&self, asking: &Asking, id: &RecordId) -> Result<Secret, Error> {
        let (tenant, secret) = (asking.tenant(), one_time());
        let hash = &self.passwords.hash(&secret).await?;
        self.changes
            .make(|change| async move {
                let person = self.within_reach(&change, asking, id).await?;
                let expires_at = Some(after(change.now, self.config.one_time()));
                let password = Password { hash: hash.clone(), is_one_time: true, expires_at };
                set_password(&change, tenant, asking.by(), person, &password, "password.reset").await
            })
            .await?;
        Ok(secret)
    }

    /// Replaces one's own password, and closes everything but the session it is done in.
    pub(crate) async fn change_password(&self, asking: &Asking, current: &Secret, new: &Secret) -> Result<(), Error> {
        let (id, tenant) = (asking.person()?, asking.home());
        let people = self.records.collection::<Person>();
        let person = &people.get(tenant, id).await?.ok_or_else(|| Error::not_found("person", id.as_str()))?;
        let attempts = self.check_attempts(&person.body.email, asking.by().origin.address).await?;
        let password = self.records.collection::<Password>().get(tenant, id).await?;
        let verdict =
            self.passwords.verify(current, password.as_ref().map(|password| password.body.hash.as_str())).await?;
        if verdict == Verdict::Wrong {
            self.count_failure(&person.body.email, &attempts, Some((tenant, id)), asking.by()).await?;
            return Err(Error::Invalid("the current password is another one".to_owned()));
        }
        self.passwords.check_new(new, &person.body.email)?;
        let hash = &self.passwords.hash(new).await?;
        self.changes
            .make(|change| async move {
                let password = Password { hash: hash.clone(), is_one_time: false, expires_at: None };
                set_password(&change, tenant, asking.by(), person.clone(), &password, "password.changed").await
            })
            .await
    }

    /// Refuses roles that there are not, and those that allow more than the asking one may.
    pub(crate) fn check_roles(&self, asking: &Asking, roles: &[RoleName]) -> Result<(), Error> {
        if roles.len() > ROLES_MAX {
            return Err(Error::Invalid(format!("at most {ROLES_MAX} roles at once")));
        }
        let tenant = asking.tenant();
        if let Some(unknown) = roles.iter().find(|role| !self.directory.has_role(tenant, role)) {
            return Err(Error::Invalid(format!("there is no role '{unknown}'")));
        }
        check_cover(asking, &self.directory.permissions(tenant, roles))
    }

    /// The person, if the asking one may do all that they may.
    async fn within_reach(&self, change: &Change, asking: &Asking, id: &RecordId) -> Result<Record<Person>, Error> {
        let tenant = asking.tenant();
        let person = change.collection::<Person>().get(tenant, id).await?;
        let person = person.ok_or_else(|| Error::not_found("person", id.as_str()))?;
        if let Some((_, permissions)) = self.directory.person(tenant, id) {
            check_cover(asking, &permissions)?;
        }
        Ok(person)
    }
}

pub(crate) fn check_cover(asking: &Asking, permissions: &Permissions) -> Result<(), Error> {
    match asking.caller.permissions.cover(permissions) {
        true => Ok(()),
        false => Err(Error::forbidden("this would allow somebody more than you may do yourself")),
    }
}

pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    match name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control) {
        true => Ok(()),
        false => Err(Error::Invalid(format!("a name has at most {NAME_BYTES_MAX} bytes, and no control characters"))),
    }
}

/// A tenant that has an owner keeps one: nobody else could manage it.
async fn keep_an_owner(change: &Change, tenant: &Tenant, before: &Person) -> Result<(), Error> {
    let is_able = |person: &Person| person.status != Status::Suspended && person.roles.contains(&RoleName::owner());
    if !is_able(before) {
        return Ok(());
    }
    let (people, mut next) = (change.collection::<Person>(), None);
    loop {
        let page = people.list(tenant, &List::all().limit(PAGE_MAX).after(next)).await?;
        if page.records.iter().any(|person| is_able(&person.body)) {
            return Ok(());
        }
        next = page.next;
        if next.is_none() {
            return Err(Error::Conflict("the tenant would have no owner: make somebody else one first".to_owned()));
        }
    }
}

async fn set_password(
    change: &Change,
    tenant: &Tenant,
    by: &By,
    person: Record<Person>,
    password: &Password,
    action: &'static str,
) -> Result<(), Error> {
    let (id, version) = (&person.id, person.version);
    let mut person = person.body;
    person.generation += 1;
    sessions::end_all(change, tenant, id, "the password was replaced").await?;
    change.collection::<Password>().put(tenant, id, password, Expected::Any).await?;
    change.collection::<Person>().put(tenant, id, &person, Expected::Version(version)).await?;
    change.collection::<Attempts>().delete(&Tenant::system(), &Attempts::id(&person.email), Expected::Any).await?;
    change.audit(tenant, by, Deed { action, subject: ("person", id.as_str()), details: json!({}) }).await?;
    change.changed(tenant, What::Person(id.clone()));
    Ok(())
}

/// The members that differ, each as `[before, after]`.
fn difference(before: &Person, after: &Person) -> serde_json::Map<String, Value> {
    let members = |person: &Person| match serde_json::to_value(person) {
        Ok(Value::Object(members)) => members,
        _ => serde_json::Map::new(),
    };
    let before = members(before);
    let changed = members(after).into_iter().filter(|(name, value)| before.get(name) != Some(value));
    changed.map(|(name, value)| (name.clone(), json!([before.get(&name), value]))).collect()
}

pub(crate) fn taken(cause: records::Error) -> Error {
    match cause {
        records::Error::Taken { key, .. } => Error::Conflict(format!("somebody else of the tenant has this {key}")),
        cause => cause.into(),
    }
}
