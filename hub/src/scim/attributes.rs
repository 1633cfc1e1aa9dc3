//! Attributes of users and groups as SCIM sends them, and what its operations make of them.
//!
//! Systems differ in how they write the same: operations in any case, booleans as texts, a path or an object. All of it is read;
//! attributes that are not kept are passed over, as RFC 7644 allows.

use std::collections::BTreeSet;

use records::RecordId;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::email::Email;
use crate::error::Error;
use crate::groups::Group;
use crate::people::{Person, Status};

/// What is kept of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UserAttributes {
    pub(crate) email: Email,
    pub(crate) name: String,
    pub(crate) external_id: Option<String>,
    pub(crate) is_active: bool,
}

/// What is kept of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupAttributes {
    pub(crate) name: String,
    pub(crate) external_id: Option<String>,
    pub(crate) members: BTreeSet<RecordId>,
}

/// Operations on one resource.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[schema(as = ScimPatch)]
pub(crate) struct Patch {
    /// One after the other.
    #[serde(rename = "Operations", alias = "operations")]
    pub(crate) operations: Vec<Operation>,
}

/// One operation.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[schema(as = ScimOperation)]
pub(crate) struct Operation {
    /// `add`, `replace` or `remove`.
    op: String,
    /// Of which attribute; without it, the value is an object of attributes.
    path: Option<String>,
    /// What it becomes.
    #[serde(default)]
    value: Value,
}

enum Kind {
    Set,
    Add,
    Remove,
}

impl Operation {
    fn kind(&self) -> Result<Kind, Error> {
        match self.op.to_ascii_lowercase().as_str() {
            "replace" => Ok(Kind::Set),
            "add" => Ok(Kind::Add),
            "remove" => Ok(Kind::Remove),
            other => Err(Error::Invalid(format!("'{other}' is not an operation: add, replace or remove"))),
        }
    }

    /// Each attribute with its value.
    fn parts(&self) -> Result<Vec<(String, &Value)>, Error> {
        match (&self.path, &self.value) {
            (Some(path), value) => Ok(vec![(path.to_ascii_lowercase(), value)]),
            (None, Value::Object(attributes)) => {
                Ok(attributes.iter().map(|(path, value)| (path.to_ascii_lowercase(), value)).collect())
            }
            (None, _) => Err(Error::Invalid("an operation without a path has an object as its value".to_owned())),
        }
    }
}

impl UserAttributes {
    pub(crate) fn of(person: &Person) -> Self {
        let Person { email, name, external_id, status, .. } = person.clone();
        Self { email, name, external_id, is_active: status != Status::Suspended }
    }

    /// Reads a whole user.
    pub(crate) fn read(user: &Map<String, Value>) -> Result<Self, Error> {
        let user_name = find(user, "username").and_then(Value::as_str);
        let user_name = user_name.ok_or_else(|| Error::Invalid("a user has a userName".to_owned()))?;
        let email = Email::new(user_name).map_err(|cause| Error::Invalid(format!("userName: {cause}")))?;
        let mut read = Self { name: email.to_string(), email, external_id: None, is_active: true };
        for (attribute, value) in user {
            read.set(&attribute.to_ascii_lowercase(), value)?;
        }
        Ok(read)
    }

    pub(crate) fn apply(&mut self, operation: &Operation) -> Result<(), Error> {
        let kind = operation.kind()?;
        for (path, value) in operation.parts()? {
            match (&kind, path.as_str()) {
                (Kind::Remove, "externalid") => self.external_id = None,
                (Kind::Remove, "active") => self.is_active = false,
                (Kind::Remove, _) => {}
                (Kind::Set | Kind::Add, path) => self.set(path, value)?,
            }
        }
        Ok(())
    }

    fn set(&mut self, path: &str, value: &Value) -> Result<(), Error> {
        match path {
            "username" => {
                let email = value.as_str().unwrap_or_default();
                self.email = Email::new(email).map_err(|cause| Error::Invalid(format!("userName: {cause}")))?;
            }
            "displayname" | "name.formatted" => self.name = text(path, value)?.unwrap_or_default(),
            "name" => {
                let part =
                    |name: &str| value.as_object().and_then(|name_of| find(name_of, name)).and_then(Value::as_str);
                let parts: Vec<&str> = [part("givenname"), part("familyname")].into_iter().flatten().collect();
                let whole = part("formatted").map(str::to_owned).unwrap_or_else(|| parts.join(" "));
                self.name = if whole.is_empty() { std::mem::take(&mut self.name) } else { whole };
            }
            "externalid" => self.external_id = text(path, value)?,
            "active" => self.is_active = boolean(path, value)?,
            _ => {}
        }
        Ok(())
    }

    /// The person with these attributes.
    pub(crate) fn onto(self, person: Person) -> Person {
        let status = match (self.is_active, person.status) {
            (false, _) => Status::Suspended,
            (true, Status::Suspended) => Status::Active,
            (true, status) => status,
        };
        Person { email: self.email, name: self.name, external_id: self.external_id, status, ..person }
    }
}

impl GroupAttributes {
    pub(crate) fn of(group: &Group) -> Self {
        let Group { name, external_id, members, .. } = group.clone();
        Self { name, external_id, members }
    }

    /// Reads a whole group.
    pub(crate) fn read(group: &Map<String, Value>) -> Result<Self, Error> {
        let mut read = Self { name: String::new(), external_id: None, members: BTreeSet::new() };
        for (attribute, value) in group {
            read.set(&attribute.to_ascii_lowercase(), value, &Kind::Set)?;
        }
        Ok(read)
    }

    pub(crate) fn apply(&mut self, operation: &Operation) -> Result<(), Error> {
        let kind = operation.kind()?;
        operation.parts()?.into_iter().try_for_each(|(path, value)| self.set(&path, value, &kind))
    }

    fn set(&mut self, path: &str, value: &Value, kind: &Kind) -> Result<(), Error> {
        match (path, kind) {
            ("displayname", Kind::Set | Kind::Add) => self.name = text(path, value)?.unwrap_or_default(),
            ("externalid", Kind::Remove) => self.external_id = None,
            ("externalid", Kind::Set | Kind::Add) => self.external_id = text(path, value)?,
            ("members", Kind::Set) => self.members = members(value)?,
            ("members", Kind::Add) => self.members.extend(members(value)?),
            ("members", Kind::Remove) if value.is_null() => self.members.clear(),
            ("members", Kind::Remove) => {
                let leaving = members(value)?;
                self.members.retain(|member| !leaving.contains(member));
            }
            (path, Kind::Remove) => {
                if let Some(leaving) = member_of(path) {
                    self.members.retain(|member| member.as_str() != leaving);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The group with these attributes.
    pub(crate) fn onto(self, group: Group) -> Group {
        Group { name: self.name, external_id: self.external_id, members: self.members, ..group }
    }
}

/// The id in `members[value eq "id"]`; ids of ours are lower case, as paths are here.
fn member_of(path: &str) -> Option<String> {
    let filter = path.strip_prefix("members[value eq ")?.strip_suffix(']')?;
    serde_json::from_str(filter.trim()).ok()
}

fn members(value: &Value) -> Result<BTreeSet<RecordId>, Error> {
    let wrong = || Error::Invalid(r#"members are as in [{"value": "<id of a user>"}]"#.to_owned());
    let list = match value {
        Value::Null => return Ok(BTreeSet::new()),
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    };
    let id = |member: &Value| {
        let id = member.get("value").unwrap_or(member).as_str().ok_or_else(wrong)?;
        RecordId::new(id).map_err(|_| wrong())
    };
    list.into_iter().map(id).collect()
}

/// The attribute, whose name has no case.
fn find<'a>(attributes: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    attributes.iter().find(|(attribute, _)| attribute.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn text(path: &str, value: &Value) -> Result<Option<String>, Error> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        _ => Err(Error::Invalid(format!("{path} is a text"))),
    }
}

fn boolean(path: &str, value: &Value) -> Result<bool, Error> {
    match value {
        Value::Bool(boolean) => Ok(*boolean),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(Error::Invalid(format!("{path} is true or false"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn operation(json: Value) -> Operation {
        serde_json::from_value(json).expect("an operation")
    }

    fn user() -> UserAttributes {
        let user =
            json!({"userName": "Ada@Example.org", "name": {"givenName": "Ada", "familyName": "King"}, "active": true});
        UserAttributes::read(user.as_object().expect("an object")).expect("a user")
    }

    #[test]
    fn the_same_change_is_read_however_it_is_written() {
        for suspending in [
            json!({"op": "replace", "path": "active", "value": false}),
            json!({"op": "Replace", "path": "active", "value": "False"}),
            json!({"op": "add", "value": {"active": false}}),
            json!({"op": "remove", "path": "active"}),
        ] {
            let mut changed = user();
            changed.apply(&operation(suspending.clone())).expect("an operation of RFC 7644");
            assert_eq!(changed, UserAttributes { is_active: false, ..user() }, "{suspending}");
        }
    }

    #[test]
    fn what_is_not_kept_is_passed_over_and_what_is_wrong_is_refused() {
        let mut changed = user();
        changed.apply(&operation(json!({"op": "add", "path": "nickName", "value": "Countess"}))).expect("passed over");

        assert_eq!(changed, user());
        assert_eq!((user().email.as_str(), user().name.as_str()), ("ada@example.org", "Ada King"));
        for wrong in [
            json!({"op": "replace", "path": "userName", "value": "nobody"}),
            json!({"op": "replace", "path": "active", "value": "perhaps"}),
            json!({"op": "replace", "value": true}),
            json!({"op": "move", "path": "active", "value": true}),
        ] {
            assert!(user().apply(&operation(wrong.clone())).is_err(), "{wrong}");
        }
    }

    #[test]
    fn members_come_and_go_one_by_one_or_all_at_once() {
        let mut group = GroupAttributes { name: "dev".to_owned(), external_id: None, members: BTreeSet::new() };
        for (change, expected) in [
            (json!({"op": "add", "path": "members", "value": [{"value": "a"}, {"value": "b"}]}), vec!["a", "b"]),
            (json!({"op": "remove", "path": "members[value eq \"a\"]"}), vec!["b"]),
            (json!({"op": "Add", "value": {"members": [{"value": "c"}]}}), vec!["b", "c"]),
            (json!({"op": "remove", "path": "members", "value": [{"value": "b"}]}), vec!["c"]),
            (json!({"op": "replace", "path": "members", "value": [{"value": "d"}]}), vec!["d"]),
            (json!({"op": "replace", "value": {"displayName": "devs", "id": "x"}}), vec!["d"]),
            (json!({"op": "remove", "path": "members"}), vec![]),
        ] {
            group.apply(&operation(change.clone())).expect("an operation of RFC 7644");
            let members: Vec<&str> = group.members.iter().map(RecordId::as_str).collect();
            assert_eq!(members, expected, "{change}");
        }
        assert_eq!(group.name, "devs");
    }
}
