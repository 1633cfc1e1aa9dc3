//! Resource and scope of rows, said once for neighbours that share them, and what no column holds.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewArray, UInt32Array};
use model::{Batch, Level, conventions};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, EntityRef, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::attributes::{Attributes, read};
use super::columns::{Column, said_columns};
use super::{EncodeError, runs};

/// Rows under one resource.
#[derive(Debug)]
pub(super) struct ResourceRows {
    pub(super) resource: Resource,
    pub(super) schema_url: String,
    pub(super) scopes: Vec<ScopeRows>,
}

/// Rows under one scope.
#[derive(Debug)]
pub(super) struct ScopeRows {
    pub(super) scope: InstrumentationScope,
    pub(super) schema_url: String,
    pub(super) rows: Range<usize>,
}

/// The rows of a batch by resource and scope. `residues` has one entry a row.
pub(super) fn groups(batch: &Batch, residues: &[Residue]) -> Result<Vec<ResourceRows>, EncodeError> {
    let resources = Resources::of(batch);
    let scopes = Scopes::of(batch);
    let mut resource_columns = said_columns(
        batch,
        conventions::of_resource().iter().map(|convention| convention.column).chain([
            "resource_attributes",
            "resource_dropped_attributes_count",
            "resource_schema_url",
        ]),
    );
    resource_columns.push(entity_runs(residues)?);
    let scope_columns = said_columns(
        batch,
        ["scope_name", "scope_version", "scope_attributes", "scope_dropped_attributes_count", "scope_schema_url"],
    );
    let group = |rows: Range<usize>| {
        let first = rows.start;
        Ok(ResourceRows {
            resource: resources.at(first, &residues[first])?,
            schema_url: resources.schema_url.at(first).unwrap_or_default().to_owned(),
            scopes: runs(&scope_columns, rows).into_iter().map(|rows| scopes.at(rows)).collect::<Result<_, _>>()?,
        })
    };
    if batch.rows() == 0 {
        return Ok(Vec::new());
    }
    runs(&resource_columns, 0..batch.rows()).into_iter().map(group).collect()
}

/// A column that changes where the entities of the resource do.
fn entity_runs(residues: &[Residue]) -> Result<ArrayRef, EncodeError> {
    let (mut number, mut before) = (0_u32, Vec::new());
    let mut numbers = Vec::with_capacity(residues.len());
    for residue in residues {
        let entities = residue.entity_refs()?;
        if entities != before {
            (number, before) = (number + 1, entities);
        }
        numbers.push(number);
    }
    Ok(Arc::new(UInt32Array::from(numbers)))
}

#[derive(Debug)]
struct Resources<'b> {
    attributes: Attributes<'b>,
    dropped: Column<'b, UInt32Array>,
    schema_url: Column<'b, StringViewArray>,
}

impl<'b> Resources<'b> {
    fn of(batch: &'b Batch) -> Self {
        Self {
            attributes: Attributes::of(batch, Level::Resource),
            dropped: Column::of(batch, "resource_dropped_attributes_count"),
            schema_url: Column::of(batch, "resource_schema_url"),
        }
    }

    fn at(&self, row: usize, residue: &Residue) -> Result<Resource, EncodeError> {
        Ok(Resource {
            attributes: self.attributes.at(row)?,
            dropped_attributes_count: self.dropped.at(row).unwrap_or_default(),
            entity_refs: residue.entity_refs()?,
        })
    }
}

#[derive(Debug)]
struct Scopes<'b> {
    name: Column<'b, StringViewArray>,
    version: Column<'b, StringViewArray>,
    attributes: Column<'b, StringViewArray>,
    dropped: Column<'b, UInt32Array>,
    schema_url: Column<'b, StringViewArray>,
}

impl<'b> Scopes<'b> {
    fn of(batch: &'b Batch) -> Self {
        Self {
            name: Column::of(batch, "scope_name"),
            version: Column::of(batch, "scope_version"),
            attributes: Column::of(batch, "scope_attributes"),
            dropped: Column::of(batch, "scope_dropped_attributes_count"),
            schema_url: Column::of(batch, "scope_schema_url"),
        }
    }

    fn at(&self, rows: Range<usize>) -> Result<ScopeRows, EncodeError> {
        let first = rows.start;
        let scope = InstrumentationScope {
            name: self.name.at(first).unwrap_or_default().to_owned(),
            version: self.version.at(first).unwrap_or_default().to_owned(),
            attributes: read("scope_attributes", self.attributes.at(first))?,
            dropped_attributes_count: self.dropped.at(first).unwrap_or_default(),
        };
        Ok(ScopeRows { scope, schema_url: self.schema_url.at(first).unwrap_or_default().to_owned(), rows })
    }
}

/// What no column holds of one row.
#[derive(Debug, Default)]
pub(super) struct Residue {
    members: Vec<KeyValue>,
}

const RESIDUE: &str = "otlp_residue";

/// The residue of each row.
pub(super) fn residues(batch: &Batch) -> Result<Vec<Residue>, EncodeError> {
    let column: Column<'_, StringViewArray> = Column::of(batch, RESIDUE);
    (0..batch.rows()).map(|row| Ok(Residue { members: read(RESIDUE, column.at(row))? })).collect()
}

impl Residue {
    /// The time as it was said, where `column` can only hold the nearest; NULL is zero.
    pub(super) fn time(&self, name: &str, column: Option<i64>) -> Result<u64, EncodeError> {
        match self.member(name) {
            Some(Value::StringValue(nanos)) => {
                nanos.parse().map_err(|_| EncodeError::value(RESIDUE, nanos, "is not a time"))
            }
            Some(_) => Err(EncodeError::value(RESIDUE, name, "is not written as a text")),
            None => {
                let nanos = column.unwrap_or_default();
                u64::try_from(nanos).map_err(|_| EncodeError::value("time", nanos, "lies before 1970"))
            }
        }
    }

    /// The time of the entry with this number in the column `list`.
    pub(super) fn nested_time(&self, list: &str, number: usize, column: Option<i64>) -> Result<u64, EncodeError> {
        if self.members.is_empty() {
            return self.time("", column);
        }
        self.time(&format!("{list}.{number}.time_unix_nano"), column)
    }

    fn entity_refs(&self) -> Result<Vec<EntityRef>, EncodeError> {
        match self.member("entity_refs") {
            None => Ok(Vec::new()),
            Some(Value::ArrayValue(entities)) => entities.values.iter().map(entity_ref).collect(),
            Some(_) => Err(EncodeError::value(RESIDUE, "entity_refs", "is not a list")),
        }
    }

    fn member(&self, name: &str) -> Option<&Value> {
        let member = self.members.iter().find(|member| member.key == name)?;
        member.value.as_ref()?.value.as_ref()
    }
}

fn entity_ref(entity: &AnyValue) -> Result<EntityRef, EncodeError> {
    let wrong = || EncodeError::value(RESIDUE, format!("{entity:?}"), "is not an entity");
    let Some(Value::KvlistValue(members)) = &entity.value else { return Err(wrong()) };
    let mut read = EntityRef::default();
    for member in &members.values {
        let value = member.value.as_ref().and_then(|value| value.value.as_ref());
        match (member.key.as_str(), value) {
            ("schema_url", Some(Value::StringValue(text))) => read.schema_url.clone_from(text),
            ("type", Some(Value::StringValue(text))) => read.r#type.clone_from(text),
            ("id_keys", Some(Value::ArrayValue(keys))) => read.id_keys = texts(&keys.values).ok_or_else(wrong)?,
            ("description_keys", Some(Value::ArrayValue(keys))) => {
                read.description_keys = texts(&keys.values).ok_or_else(wrong)?;
            }
            _ => return Err(wrong()),
        }
    }
    Ok(read)
}

fn texts(values: &[AnyValue]) -> Option<Vec<String>> {
    let text = |value: &AnyValue| match &value.value {
        Some(Value::StringValue(text)) => Some(text.clone()),
        _ => None,
    };
    values.iter().map(text).collect()
}
