//! Collections as tables: each document a row, each member of its body a column.
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
use model::Tenant;
use serde_arrow::schema::{SchemaLike, TracingOptions};
use serde_json::{Map, Value};

use crate::collection::Collection;
use crate::document::{Document, Record};
use crate::error::Error;
use crate::list::{Cursor, List, PAGE_MAX};
use crate::records::Records;

/// Columns that every table begins with: id, version, and the times of the first and the last put.
const HEAD: [&str; 4] = ["id", "version", "created_at", "updated_at"];
/// Before the name of a member that is called like one of them.
const MEMBER: &str = "body_";

/// A collection as SQL sees it.
#[derive(Clone)]
pub struct Table {
    name: &'static str,
    schema: SchemaRef,
    rows: Arc<dyn Rows>,
}

impl Records {
    /// The collection as a table; refused when its columns cannot be told from its type or example.
    pub fn table<T: Document>(&self) -> Result<Table, Error> {
        let columns = Columns::of::<T>()?;
        let schema = Arc::clone(&columns.schema);
        Ok(Table {
            name: T::COLLECTION,
            schema,
            rows: Arc::new(Documents { collection: self.collection::<T>(), columns }),
        })
    }
}

impl Table {
    /// Product and collection, as in `hub.users`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its columns: `id`, `version`, `created_at`, `updated_at`, then the members of the body.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The tenant's documents by id, a page of them at a time. What changes meanwhile may or may not show.
    pub fn rows(&self, tenant: &Tenant) -> BoxStream<'static, Result<RecordBatch, Error>> {
        let (rows, tenant) = (Arc::clone(&self.rows), tenant.clone());
        let pages = stream::try_unfold(Some(None), move |place| {
            let (rows, tenant) = (Arc::clone(&rows), tenant.clone());
            async move {
                let Some(after) = place else { return Ok(None) };
                let (page, next) = rows.page(&tenant, after).await?;
                Ok(Some((page, next.map(Some))))
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

/// The documents of a table, whatever their type.
#[async_trait]
trait Rows: Send + Sync {
    /// Some of them, and where the next ones begin.
    async fn page(&self, tenant: &Tenant, after: Option<Cursor>) -> Result<(RecordBatch, Option<Cursor>), Error>;
}

struct Documents<T> {
    collection: Collection<T>,
    columns: Columns,
}

#[async_trait]
impl<T: Document> Rows for Documents<T> {
    async fn page(&self, tenant: &Tenant, after: Option<Cursor>) -> Result<(RecordBatch, Option<Cursor>), Error> {
        let page = self.collection.list(tenant, &List::all().limit(PAGE_MAX).after(after)).await?;
        Ok((self.columns.batch(&page.records)?, page.next))
    }
}

/// The columns of a table, and what a document's members become in them.
struct Columns {
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
    fn of<T: Document>() -> Result<Self, Error> {
        let (mut members, mut forms) = (Vec::new(), Vec::new());
        let traced = traced::<T>()?;
        for name in T::TIMES.iter().chain(T::HIDDEN) {
            if !traced.iter().any(|field| field.name() == name) {
                return Err(Error::Invalid(format!("{} has no member '{name}'", T::COLLECTION)));
            }
        }
        for field in traced.iter().filter(|field| !T::HIDDEN.contains(&field.name().as_str())) {
            let (form, data_type) = match T::TIMES.contains(&field.name().as_str()) {
                true => (Form::Time, DataType::Int64),
                false => plain(field.data_type()).map_or((Form::Json, DataType::Utf8), |plain| (Form::Plain, plain)),
            };
            members.push(Arc::new(Field::new(field.name(), data_type, true)));
            forms.push(form);
        }
        let schema = Arc::new(schema(&members, &forms));
        Ok(Self { schema, members, forms })
    }

    fn batch<T: Document>(&self, records: &[Record<T>]) -> Result<RecordBatch, Error> {
        let wrong = |cause| Error::unreadable(format!("{} as a table", T::COLLECTION), cause);
        let ids = StringArray::from_iter_values(records.iter().map(|record| record.id.as_str()));
        let versions = Int64Array::from_iter_values(records.iter().map(|record| record.version.cast_signed()));
        let times = |time: fn(&Record<T>) -> i64| -> ArrayRef {
            Arc::new(TimestampNanosecondArray::from_iter_values(records.iter().map(time)).with_timezone("UTC"))
        };
        let created_at = times(|record| record.created_at.0);
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(ids), Arc::new(versions), created_at, times(|record| record.updated_at.0)];

        let rows = records.iter().map(|record| self.row(record)).collect::<Result<Vec<_>, _>>()?;
        let members =
            serde_arrow::to_arrow(&self.members, &rows).map_err(|cause| wrong(std::io::Error::other(cause)))?;
        for (member, field) in members.iter().zip(&self.schema.fields()[HEAD.len()..]) {
            columns.push(cast(member, field.data_type()).map_err(|cause| wrong(std::io::Error::other(cause)))?);
        }
        RecordBatch::try_new(self.schema(), columns).map_err(|cause| wrong(std::io::Error::other(cause)))
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// The members that have columns.
    fn row<T: Document>(&self, record: &Record<T>) -> Result<Map<String, Value>, Error> {
        let body = serde_json::to_value(&record.body);
        let body = body.map_err(|cause| Error::unreadable(format!("{} '{}'", T::COLLECTION, record.id), cause))?;
        let Value::Object(mut body) = body else { return Ok(Map::new()) };
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
fn traced<T: Document>() -> Result<Vec<FieldRef>, Error> {
    let options = TracingOptions::default()
        .allow_null_fields(true)
        .enums_without_data_as_strings(true)
        .map_as_struct(false)
        .strings_as_large_utf8(false)
        .sequence_as_large_list(false);
    let traced = match T::example() {
        Some(example) => Vec::<FieldRef>::from_samples(&[example], options),
        None => Vec::<FieldRef>::from_type::<T>(options),
    };
    traced.map_err(|cause| {
        Error::Invalid(format!("{} has no columns, give it an example with every member: {cause}", T::COLLECTION))
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

fn schema(members: &[FieldRef], forms: &[Form]) -> Schema {
    let time = || DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
    let types = [DataType::Utf8, DataType::Int64, time(), time()];
    let head = HEAD.into_iter().zip(types).map(|(name, data_type)| Field::new(name, data_type, false));
    let members = members.iter().zip(forms).map(|(field, form)| {
        let name = match HEAD.contains(&field.name().as_str()) {
            true => format!("{MEMBER}{}", field.name()),
            false => field.name().clone(),
        };
        let data_type = if *form == Form::Time { time() } else { field.data_type().clone() };
        Field::new(name, data_type, true)
    });
    Schema::new(head.chain(members).collect::<Vec<_>>())
}
