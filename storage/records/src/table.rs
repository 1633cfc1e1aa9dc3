//! Collections and logs as tables: each document or entry a row, each member of its body a column.
//!
//! Numbers, booleans, texts and lists of them have columns of their type; times have the type of times. Everything else is JSON
//! text, which SQL takes apart as it does attributes: `settings->>'colour'`.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use model::{Tenant, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_arrow::schema::{SchemaLike, TracingOptions};
use serde_json::{Map, Value};

use crate::collection::Collection;
use crate::document::{Document, Entry};
use crate::error::Error;
use crate::list::{Cursor, List, PAGE_MAX};
use crate::log::{Log, Sequence};
use crate::records::Records;

/// Before the name of a member that is called like a column which every table has.
const MEMBER: &str = "body_";

/// A collection or a log as SQL sees it.
#[derive(Clone)]
pub struct Table {
    name: &'static str,
    schema: SchemaRef,
    rows: Arc<dyn Rows>,
}

impl Records {
    /// The collection as a table with the columns `id`, `version`, `created_at`, `updated_at`, then the members of the body.
    ///
    /// Refused when the columns cannot be told from the type or its example.
    pub fn table<T: Document>(&self) -> Result<Table, Error> {
        let head =
            [("id", DataType::Utf8), ("version", DataType::Int64), ("created_at", time()), ("updated_at", time())];
        let columns = Columns::new::<T>(T::COLLECTION, head, T::example(), (T::TIMES, T::HIDDEN))?;
        let schema = Arc::clone(&columns.schema);
        let rows = Documents { collection: self.collection::<T>(), columns };
        Ok(Table { name: T::COLLECTION, schema, rows: Arc::new(rows) })
    }

    /// The log as a table with the columns `sequence` and `at`, then the members of the entry.
    pub fn log_table<T: Entry>(&self) -> Result<Table, Error> {
        let head = [("sequence", DataType::Int64), ("at", time())];
        let columns = Columns::new::<T>(T::LOG, head, T::example(), (T::TIMES, T::HIDDEN))?;
        let schema = Arc::clone(&columns.schema);
        let rows = Entries { log: self.log::<T>(), columns };
        Ok(Table { name: T::LOG, schema, rows: Arc::new(rows) })
    }
}

impl Table {
    /// Product and collection or log, as in `hub.users`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its columns.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The tenant's rows by id or sequence, a page of them at a time. What changes meanwhile may or may not show.
    pub fn rows(&self, tenant: &Tenant) -> BoxStream<'static, Result<RecordBatch, Error>> {
        let (rows, tenant) = (Arc::clone(&self.rows), tenant.clone());
        let pages = stream::try_unfold(Some(Place::Start), move |place| {
            let (rows, tenant) = (Arc::clone(&rows), tenant.clone());
            async move {
                let Some(place) = place else { return Ok(None) };
                rows.page(&tenant, place).await.map(Some)
            }
        });
        pages.boxed()
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("name", &self.name).field("schema", &self.schema).finish()
    }
}

/// Where a page of rows begins.
enum Place {
    Start,
    Behind(Cursor),
    After(Sequence),
}

/// The rows of a table, whatever their type.
#[async_trait]
trait Rows: Send + Sync {
    /// Some of them, and where the next ones begin.
    async fn page(&self, tenant: &Tenant, place: Place) -> Result<(RecordBatch, Option<Place>), Error>;
}

struct Documents<T> {
    collection: Collection<T>,
    columns: Columns,
}

#[async_trait]
impl<T: Document> Rows for Documents<T> {
    async fn page(&self, tenant: &Tenant, place: Place) -> Result<(RecordBatch, Option<Place>), Error> {
        let after = if let Place::Behind(cursor) = place { Some(cursor) } else { None };
        let page = self.collection.list(tenant, &List::all().limit(PAGE_MAX).after(after)).await?;
        let records = &page.records;
        let ids = StringArray::from_iter_values(records.iter().map(|record| record.id.as_str()));
        let versions = Int64Array::from_iter_values(records.iter().map(|record| record.version.cast_signed()));
        let created_at = times(records.iter().map(|record| record.created_at));
        let updated_at = times(records.iter().map(|record| record.updated_at));
        let head: Vec<ArrayRef> = vec![Arc::new(ids), Arc::new(versions), created_at, updated_at];
        let batch = self.columns.batch(head, records.iter().map(|record| &record.body))?;
        Ok((batch, page.next.map(Place::Behind)))
    }
}

struct Entries<T> {
    log: Log<T>,
    columns: Columns,
}

#[async_trait]
impl<T: Entry> Rows for Entries<T> {
    async fn page(&self, tenant: &Tenant, place: Place) -> Result<(RecordBatch, Option<Place>), Error> {
        let after = if let Place::After(sequence) = place { sequence } else { Sequence(0) };
        let entries = self.log.read(tenant, after, PAGE_MAX).await?;
        let sequences = Int64Array::from_iter_values(entries.iter().map(|entry| entry.sequence.0.cast_signed()));
        let head: Vec<ArrayRef> = vec![Arc::new(sequences), times(entries.iter().map(|entry| entry.at))];
        let batch = self.columns.batch(head, entries.iter().map(|entry| &entry.body))?;
        Ok((batch, entries.last().map(|last| Place::After(last.sequence))))
    }
}

/// The columns of a table, and what the members of a body become in them.
struct Columns {
    name: &'static str,
    schema: SchemaRef,
    /// Those of the members, under the members' names.
    members: Vec<FieldRef>,
    /// Of each member.
    forms: Vec<Form>,
}

/// What a member becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Plain,
    Json,
    Time,
}

impl Columns {
    fn new<T: Serialize + DeserializeOwned>(
        name: &'static str,
        head: impl IntoIterator<Item = (&'static str, DataType)>,
        example: Option<T>,
        (times, hidden): (&[&str], &[&str]),
    ) -> Result<Self, Error> {
        let traced = traced(name, example)?;
        for named in times.iter().chain(hidden) {
            if !traced.iter().any(|field| field.name() == named) {
                return Err(Error::Invalid(format!("{name} has no member '{named}'")));
            }
        }
        let mut fields: Vec<Field> =
            head.into_iter().map(|(name, data_type)| Field::new(name, data_type, false)).collect();
        let (mut members, mut forms) = (Vec::new(), Vec::new());
        for field in traced.iter().filter(|field| !hidden.contains(&field.name().as_str())) {
            let (form, built, shown) = match plain(field.data_type()) {
                _ if times.contains(&field.name().as_str()) => (Form::Time, DataType::Int64, time()),
                Some(plain) => (Form::Plain, plain.clone(), plain),
                None => (Form::Json, DataType::Utf8, DataType::Utf8),
            };
            members.push(Arc::new(Field::new(field.name(), built, true)));
            forms.push(form);
            let is_taken = fields.iter().any(|other| other.name() == field.name());
            let shown_name = format!("{}{}", if is_taken { MEMBER } else { "" }, field.name());
            fields.push(Field::new(shown_name, shown, true));
        }
        Ok(Self { name, schema: Arc::new(Schema::new(fields)), members, forms })
    }

    /// Rows of which the first columns are there.
    fn batch<'a, T: Serialize + 'a>(
        &self,
        mut columns: Vec<ArrayRef>,
        bodies: impl Iterator<Item = &'a T>,
    ) -> Result<RecordBatch, Error> {
        let wrong = |cause: Box<dyn std::error::Error + Send + Sync>| {
            Error::unreadable(format!("{} as a table", self.name), std::io::Error::other(cause))
        };
        let rows =
            bodies.map(|body| self.row(body)).collect::<Result<Vec<_>, _>>().map_err(|cause| wrong(cause.into()))?;
        let members = serde_arrow::to_arrow(&self.members, &rows).map_err(|cause| wrong(cause.into()))?;
        let shown = &self.schema.fields()[columns.len()..];
        for (member, shown) in members.iter().zip(shown) {
            columns.push(cast(member, shown.data_type()).map_err(|cause| wrong(cause.into()))?);
        }
        RecordBatch::try_new(Arc::clone(&self.schema), columns).map_err(|cause| wrong(cause.into()))
    }

    /// The members that have columns.
    fn row<T: Serialize>(&self, body: &T) -> Result<Map<String, Value>, serde_json::Error> {
        let Value::Object(mut body) = serde_json::to_value(body)? else { return Ok(Map::new()) };
        let member = |(field, form): (&FieldRef, &Form)| {
            let value = match (body.remove(field.name()).unwrap_or_default(), form) {
                (Value::Null, _) => Value::Null,
                (value, Form::Json) => Value::String(value.to_string()),
                (value, _) => value,
            };
            (field.name().clone(), value)
        };
        Ok(self.members.iter().zip(&self.forms).map(member).collect())
    }
}

/// The members as serde tells them, of the example if there is one.
fn traced<T: Serialize + DeserializeOwned>(name: &str, example: Option<T>) -> Result<Vec<FieldRef>, Error> {
    let options = TracingOptions::default()
        .allow_null_fields(true)
        .enums_without_data_as_strings(true)
        .map_as_struct(false)
        .strings_as_large_utf8(false)
        .sequence_as_large_list(false);
    let traced = match example {
        Some(example) => Vec::<FieldRef>::from_samples(&[example], options),
        None => Vec::<FieldRef>::from_type::<T>(options),
    };
    traced.map_err(|cause| {
        Error::Invalid(format!("{name} has no columns, give it an example with every member: {cause}"))
    })
}

/// The type of a column that holds such values as they are.
fn plain(traced: &DataType) -> Option<DataType> {
    match traced {
        DataType::Boolean => Some(DataType::Boolean),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Some(DataType::Int64),
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => Some(DataType::Int64),
        DataType::UInt64 => Some(DataType::UInt64),
        DataType::Float32 | DataType::Float64 => Some(DataType::Float64),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Dictionary(..) => Some(DataType::Utf8),
        DataType::List(item) | DataType::LargeList(item) if !item.data_type().is_nested() => {
            plain(item.data_type()).map(|item| DataType::List(Arc::new(Field::new_list_field(item, true))))
        }
        _ => None,
    }
}

fn time() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}

fn times(times: impl Iterator<Item = Timestamp>) -> ArrayRef {
    Arc::new(TimestampNanosecondArray::from_iter_values(times.map(|time| time.0)).with_timezone("UTC"))
}
