//! What a listing asks for, and the SQL it becomes.

use std::fmt;
use std::str::FromStr;

use model::Tenant;
use serde::{Deserialize, Serialize};

use crate::collection::record;
use crate::document::{Document, Record, RecordId};
use crate::error::Error;
use crate::key::{self, KeyValue, Slot};
use crate::statement::{Row, Statement, Value};

/// Documents, entries or events that are read at once.
pub const PAGE_MAX: usize = 1000;
/// Bytes after which a page ends, whatever its limit.
pub const PAGE_BYTES_MAX: usize = Row::BYTES_MAX;
/// Conditions of one listing.
const CONDITIONS_MAX: usize = 16;

/// Which documents, in which order, how many.
#[derive(Clone, Debug)]
pub struct List {
    conditions: Vec<(String, &'static str, KeyValue)>,
    order: Order,
    is_descending: bool,
    limit: usize,
    after: Option<Cursor>,
}

/// What documents are ordered by; those that are equal in it by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// By id, which is by age where ids are [`RecordId::unique`].
    Id,
    /// By the time they were made.
    Created,
    /// By the value of a key; documents without it come first.
    Key(String),
}

/// Some documents of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// At most as many as were asked for, and about [`PAGE_BYTES_MAX`] at most.
    pub records: Vec<Record<T>>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
}

/// A place in a listing, as a text for addresses. It means something to the same order only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cursor(Place);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    order: String,
    value: Option<At>,
    tenant: Tenant,
    id: RecordId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum At {
    Number(i64),
    Text(String),
}

impl Default for List {
    fn default() -> Self {
        Self { conditions: Vec::new(), order: Order::Id, is_descending: false, limit: 100, after: None }
    }
}

impl List {
    /// All of them, by id, the first hundred.
    pub fn all() -> Self {
        Self::default()
    }

    /// Those whose key has the value.
    #[must_use]
    pub fn equal(self, key: impl Into<String>, value: impl Into<KeyValue>) -> Self {
        self.with(key, "=", value)
    }

    /// Those whose key has the value or a greater one.
    #[must_use]
    pub fn at_least(self, key: impl Into<String>, value: impl Into<KeyValue>) -> Self {
        self.with(key, ">=", value)
    }

    /// Those whose key has a smaller value, or none.
    #[must_use]
    pub fn below(self, key: impl Into<String>, value: impl Into<KeyValue>) -> Self {
        self.with(key, "<", value)
    }

    fn with(mut self, key: impl Into<String>, comparison: &'static str, value: impl Into<KeyValue>) -> Self {
        self.conditions.push((key.into(), comparison, value.into()));
        self
    }

    /// In this order.
    #[must_use]
    pub fn by(self, order: Order) -> Self {
        Self { order, ..self }
    }

    /// The other way round.
    #[must_use]
    pub fn descending(self) -> Self {
        Self { is_descending: true, ..self }
    }

    /// At most so many, 1 to [`PAGE_MAX`].
    #[must_use]
    pub fn limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// Those behind the place, which [`Page::next`] has told.
    #[must_use]
    pub fn after(self, after: impl Into<Option<Cursor>>) -> Self {
        Self { after: after.into(), ..self }
    }

    /// The SQL, for one tenant or all; it asks for one document more than the page has room for.
    pub(crate) fn statement<T: Document>(&self, tenant: Option<&Tenant>) -> Result<Statement, Error> {
        if self.limit == 0 || self.limit > PAGE_MAX {
            return Err(Error::TooLarge { what: "a page in documents".into(), size: self.limit, limit: PAGE_MAX });
        }
        if self.conditions.len() > CONDITIONS_MAX {
            let size = self.conditions.len();
            return Err(Error::TooLarge { what: "a listing in conditions".into(), size, limit: CONDITIONS_MAX });
        }
        let order = self.order_column::<T>()?;
        let columns = columns(order, tenant.is_none());
        let mut list = Statement::read("").with(T::COLLECTION);
        let mut wanted = vec!["collection = $1".to_owned()];
        if let Some(tenant) = tenant {
            wanted.push(format!("tenant = ${}", list.push(tenant.as_str())));
        }
        for (key, comparison, value) in &self.conditions {
            let slot = slot::<T>(key)?;
            wanted.push(format!("{} {comparison} ${}", slot.column, list.push(slot.encoded(value)?)));
        }
        if matches!(self.order, Order::Key(_)) {
            // True of all documents; it allows for the index, which has only those of which it is true.
            wanted.push(format!("{order} IS NOT NULL"));
        }
        if let Some(Cursor(after)) = &self.after {
            wanted.push(self.behind(after, &columns, &mut list)?);
        }
        let direction = if self.is_descending { "DESC" } else { "ASC" };
        let ordered: Vec<String> = columns.iter().map(|column| format!("{column} {direction}")).collect();
        list.sql = format!(
            "SELECT id, version, tenant, created_at, updated_at, body, {order} FROM documents \
             WHERE {} ORDER BY {} LIMIT ${}",
            wanted.join(" AND "),
            ordered.join(", "),
            list.push(self.limit as u64 + 1),
        )
        .into();
        Ok(list)
    }

    /// The condition for documents behind the place.
    fn behind(&self, after: &Place, columns: &[&'static str], list: &mut Statement) -> Result<String, Error> {
        let order = self.order.to_string();
        let is_of_order = match (&self.order, &after.value) {
            (Order::Id, None) | (Order::Created, Some(At::Number(_))) | (Order::Key(_), Some(At::Text(_))) => true,
            _ => false,
        };
        if !is_of_order || after.order != order {
            return Err(Error::Invalid(format!("the place is one in the order by {}, not by {order}", after.order)));
        }
        let place = |column: &&'static str| match *column {
            "id" => list.push(after.id.as_str()),
            "tenant" => list.push(after.tenant.as_str()),
            _ => list.push(after.value.clone()),
        };
        let places: Vec<String> = columns.iter().map(place).map(|place| format!("${place}")).collect();
        let comparison = if self.is_descending { "<" } else { ">" };
        Ok(format!("({}) {comparison} ({})", columns.join(", "), places.join(", ")))
    }

    /// The page that the rows are, and where the next one begins.
    pub(crate) fn page<T: Document>(&self, rows: Vec<Row>) -> Result<Page<T>, Error> {
        let is_cut = rows.len() > self.limit || rows.iter().map(Row::bytes).sum::<usize>() >= PAGE_BYTES_MAX;
        let (mut records, mut last) = (Vec::with_capacity(rows.len()), None);
        for mut row in rows.into_iter().take(self.limit) {
            records.push(record(&mut row)?);
            last = match self.order {
                Order::Id => None,
                Order::Created => Some(At::Number(row.number()?)),
                Order::Key(_) => Some(At::Text(row.text()?)),
            };
        }
        let next = records.last().filter(|_| is_cut).map(|at: &Record<T>| {
            let (tenant, id) = (at.tenant.clone(), at.id.clone());
            Cursor(Place { order: self.order.to_string(), value: last, tenant, id })
        });
        Ok(Page { records, next })
    }

    fn order_column<T: Document>(&self) -> Result<&'static str, Error> {
        match &self.order {
            Order::Id => Ok("id"),
            Order::Created => Ok("created_at"),
            Order::Key(key) => Ok(slot::<T>(key)?.column),
        }
    }
}

/// The columns that order a listing, in which each document has a place of its own.
fn columns(order: &'static str, is_everywhere: bool) -> Vec<&'static str> {
    let mut columns = vec![order];
    if is_everywhere {
        columns.push("tenant");
    }
    if order != "id" {
        columns.push("id");
    }
    columns
}

/// Where the key lies.
pub(crate) fn slot<T: Document>(key: &str) -> Result<Slot, Error> {
    key::slot(T::KEYS, key).ok_or_else(|| Error::Invalid(format!("{} has no key '{key}'", T::COLLECTION)))
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id => f.write_str("id"),
            Self::Created => f.write_str("time of creation"),
            Self::Key(key) => write!(f, "key {key}"),
        }
    }
}

impl From<At> for Value {
    fn from(at: At) -> Self {
        match at {
            At::Number(number) => Self::Number(number),
            At::Text(text) => Self::Text(text),
        }
    }
}

impl fmt::Display for Cursor {
    /// Hexadecimal, so that it stands in an address as it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_string(&self.0).expect("texts and numbers are JSON");
        json.bytes().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let digits = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(digits).collect();
        let place = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        place.map(Self).ok_or_else(|| Error::Invalid("this is no place in a listing".to_owned()))
    }
}

impl TryFrom<String> for Cursor {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        cursor.to_string()
    }
}
