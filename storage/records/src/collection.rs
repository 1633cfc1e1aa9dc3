//! The documents of one type: each found by tenant and id, and by its keys.

use std::fmt;
use std::marker::PhantomData;

use model::{Tenant, Timestamp};

use crate::backend::Failure;
use crate::document::{Document, Record, RecordId, check_document, decode, encode};
use crate::error::Error;
use crate::key::{self, Columns, KeyValue};
use crate::layout;
use crate::list::{List, PAGE_MAX, Page};
use crate::session::Session;
use crate::statement::{Row, Statement, Value};

/// The documents of one type, of all tenants.
pub struct Collection<T> {
    pub(crate) session: Session,
    documents: PhantomData<fn() -> T>,
}

/// What must be there for a change to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Nothing: the document is new.
    Absent,
    /// The version that was read.
    Version(u64),
    /// Whatever there is; the last one wins.
    Any,
}

/// What a change has made of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its version now.
    pub version: u64,
    /// When it was first put.
    pub created_at: Timestamp,
    /// When it was last put: now.
    pub updated_at: Timestamp,
}

/// Makes a document of the 18 parameters of [`Collection::writing`].
macro_rules! inserted {
    () => {
        "INSERT INTO documents (collection, tenant, id, version, created_at, updated_at, body, \
             unique1, unique2, unique3, unique4, key1, key2, key3, key4, key5, key6, key7, key8, due) \
         VALUES ($1, $2, $3, 1, $4, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
    };
}
/// What becomes of a document by the same parameters.
macro_rules! changed {
    () => {
        "version = version + 1, updated_at = $4, body = $5, \
         unique1 = $6, unique2 = $7, unique3 = $8, unique4 = $9, key1 = $10, key2 = $11, key3 = $12, key4 = $13, \
         key5 = $14, key6 = $15, key7 = $16, key8 = $17, due = $18"
    };
}
pub(crate) use changed;

const GET: &str = "SELECT id, version, tenant, created_at, updated_at, body FROM documents \
                   WHERE collection = $1 AND tenant = $2 AND id = $3";
const VERSION: &str = "SELECT version FROM documents WHERE collection = $1 AND tenant = $2 AND id = $3";
const DELETE: &str = "DELETE FROM documents WHERE collection = $1 AND tenant = $2 AND id = $3 RETURNING version";
const DELETE_VERSION: &str = "DELETE FROM documents WHERE collection = $1 AND tenant = $2 AND id = $3 AND version = $4 \
                              RETURNING version";
const INSERT: &str =
    concat!(inserted!(), " ON CONFLICT (collection, tenant, id) DO NOTHING RETURNING version, created_at, updated_at");
const UPSERT: &str = concat!(
    inserted!(),
    " ON CONFLICT (collection, tenant, id) DO UPDATE SET version = documents.version + 1, \
         updated_at = excluded.updated_at, body = excluded.body, \
         unique1 = excluded.unique1, unique2 = excluded.unique2, unique3 = excluded.unique3, unique4 = excluded.unique4, \
         key1 = excluded.key1, key2 = excluded.key2, key3 = excluded.key3, key4 = excluded.key4, \
         key5 = excluded.key5, key6 = excluded.key6, key7 = excluded.key7, key8 = excluded.key8, due = excluded.due \
     RETURNING version, created_at, updated_at"
);
const UPDATE: &str = concat!(
    "UPDATE documents SET ",
    changed!(),
    " WHERE collection = $1 AND tenant = $2 AND id = $3 AND version = $19 RETURNING version, created_at, updated_at"
);

impl<T: Document> Collection<T> {
    pub(crate) fn new(session: Session) -> Self {
        const { check_document::<T>() };
        Self { session, documents: PhantomData }
    }

    /// The document, if it is there.
    pub async fn get(&self, tenant: &Tenant, id: &RecordId) -> Result<Option<Record<T>>, Error> {
        let get = Self::naming(Statement::read(GET), tenant, id);
        self.session.query_row(get).await?.map(|mut row| record(&mut row)).transpose()
    }

    /// The document of the tenant that has the value of a unique key.
    pub async fn find(
        &self,
        tenant: &Tenant,
        key: &str,
        value: impl Into<KeyValue>,
    ) -> Result<Option<Record<T>>, Error> {
        if !T::KEYS.iter().any(|unique| unique.is_unique() && unique.name() == key) {
            return Err(Error::Invalid(format!("{} has no unique key '{key}'", T::COLLECTION)));
        }
        let found = self.list(tenant, &List::all().equal(key, value).limit(1)).await?;
        Ok(found.records.into_iter().next())
    }

    /// Documents of **all tenants** that have the value of a key; for signing in, when the tenant is not known yet.
    pub async fn find_everywhere(&self, key: &str, value: impl Into<KeyValue>) -> Result<Vec<Record<T>>, Error> {
        let list = List::all().equal(key, value).limit(PAGE_MAX);
        Ok(self.list_everywhere(&list).await?.records)
    }

    /// Some documents of the tenant.
    pub async fn list(&self, tenant: &Tenant, list: &List) -> Result<Page<T>, Error> {
        self.page(Some(tenant), list).await
    }

    /// Some documents of **all tenants**; for those who run the platform.
    pub async fn list_everywhere(&self, list: &List) -> Result<Page<T>, Error> {
        self.page(None, list).await
    }

    async fn page(&self, tenant: Option<&Tenant>, list: &List) -> Result<Page<T>, Error> {
        layout::ensure::<T>(&self.session).await?;
        list.page(self.session.query(list.statement::<T>(tenant)?).await?)
    }

    /// Makes the document or changes it, if what is there is what was expected.
    pub async fn put(&self, tenant: &Tenant, id: &RecordId, body: &T, expected: Expected) -> Result<Written, Error> {
        layout::ensure::<T>(&self.session).await?;
        let put = match expected {
            Expected::Absent => self.writing(INSERT, tenant, id, body)?,
            Expected::Any => self.writing(UPSERT, tenant, id, body)?,
            Expected::Version(version) => self.writing(UPDATE, tenant, id, body)?.with(version),
        };
        match self.session.query_row(put).await.map_err(Self::told)? {
            Some(row) => written(row),
            None => Err(self.conflict(tenant, id).await?),
        }
    }

    /// Deletes the document, if what is there is what was expected; says whether there was one.
    pub async fn delete(&self, tenant: &Tenant, id: &RecordId, expected: Expected) -> Result<bool, Error> {
        let delete = match expected {
            Expected::Any => Self::naming(Statement::write(DELETE), tenant, id),
            Expected::Version(version) => Self::naming(Statement::write(DELETE_VERSION), tenant, id).with(version),
            Expected::Absent => Self::naming(Statement::write(VERSION), tenant, id),
        };
        let found = self.session.query_row(delete).await?.is_some();
        match expected {
            Expected::Any => Ok(found),
            Expected::Version(_) if found => Ok(true),
            Expected::Absent if !found => Ok(false),
            _ => Err(self.conflict(tenant, id).await?),
        }
    }

    /// Why a change found nothing to change.
    pub(crate) async fn conflict(&self, tenant: &Tenant, id: &RecordId) -> Result<Error, Error> {
        // Asked where writes go, so that it is what the change has seen or newer.
        let version = Self::naming(Statement::write(VERSION), tenant, id);
        let found = self.session.query_row(version).await?.map(|mut row| row.count()).transpose()?;
        Ok(Error::Conflict { collection: T::COLLECTION, id: id.to_string(), found })
    }

    /// The statement with the document's name as its first three parameters.
    pub(crate) fn naming(statement: Statement, tenant: &Tenant, id: &RecordId) -> Statement {
        statement.with(T::COLLECTION).with(tenant.as_str()).with(id.as_str())
    }

    /// The statement with all that is stored of a document as its parameters, the first 18.
    pub(crate) fn writing(
        &self,
        sql: &'static str,
        tenant: &Tenant,
        id: &RecordId,
        body: &T,
    ) -> Result<Statement, Error> {
        let json = encode("a document", body, self.session.shared.limits.document_bytes_max)?;
        let columns = key::columns(T::KEYS, id.as_str(), &json)?;
        let statement = Self::naming(Statement::write(sql), tenant, id).with(self.session.now().0).with(json);
        Ok(with_columns(statement, columns))
    }

    /// The failure in the words of the document.
    pub(crate) fn told(failure: Failure) -> Error {
        match failure {
            Failure::Taken { column } => match key::unique_in(T::KEYS, &column) {
                Some(key) => Error::Taken { collection: T::COLLECTION, key },
                None => Failure::Taken { column }.into(),
            },
            failure => failure.into(),
        }
    }
}

pub(crate) fn with_columns(statement: Statement, columns: Columns) -> Statement {
    let Columns { texts, due } = columns;
    texts.into_iter().fold(statement, Statement::with).with(due.map(Value::Number))
}

pub(crate) fn written(mut row: Row) -> Result<Written, Error> {
    let (version, created_at, updated_at) = (row.count()?, Timestamp(row.number()?), Timestamp(row.number()?));
    Ok(Written { version, created_at, updated_at })
}

/// The document in the row's first six cells.
pub(crate) fn record<T: Document>(row: &mut Row) -> Result<Record<T>, Error> {
    let (id, version, tenant) = (row.text()?, row.count()?, row.text()?);
    let what = || format!("{} '{id}' of {tenant}", T::COLLECTION);
    let tenant = Tenant::new(&tenant).map_err(|cause| Error::unreadable(what(), cause))?;
    let (created_at, updated_at) = (Timestamp(row.number()?), Timestamp(row.number()?));
    let body = decode(what, &row.text()?)?;
    Ok(Record { id: RecordId::new(id)?, version, tenant, created_at, updated_at, body })
}

impl<T> Clone for Collection<T> {
    fn clone(&self) -> Self {
        Self { session: self.session.clone(), documents: PhantomData }
    }
}

impl<T> fmt::Debug for Collection<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collection").field("session", &self.session).finish()
    }
}
