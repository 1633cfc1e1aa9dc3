//! Binary COPY into Arrow, row by row as it arrives, batch by batch as it is asked for.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryViewBuilder, BooleanBuilder, Decimal128Builder, FixedSizeBinaryBuilder, Float64Builder,
    Int32Builder, Int64Builder, ListArray, ListBuilder, NullBufferBuilder, RecordBatch, StringViewBuilder, StructArray,
    TimestampNanosecondBuilder, UInt32Builder, UInt64Builder,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, FieldRef, Fields, SchemaRef};
use arrow::error::ArrowError;
use bytes::{Buf, BytesMut};

use crate::columns::Kind;
use crate::encode::{EPOCH_MICROS, HEADER};
use crate::json::{read_bytes, read_double, read_structs};
use crate::text::unescaped;

/// What came is not what was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("column {column} holds {bytes} bytes that are no {kind:?}")]
    Value { column: String, kind: Kind, bytes: usize },
    #[error("a row has {found} fields, expected {expected}")]
    Fields { found: i16, expected: usize },
    #[error("it does not begin as binary COPY does")]
    Header,
    #[error("rows do not make a batch")]
    Arrow(#[from] ArrowError),
}

/// Makes batches of rows.
#[derive(Debug)]
pub(crate) struct Decoder {
    schema: SchemaRef,
    columns: Vec<Column>,
    fields: usize,
    rows: usize,
    bytes: usize,
    /// The beginning of a row whose end has not come yet.
    pending: BytesMut,
    places: Vec<Option<Range<usize>>>,
    is_begun: bool,
}

#[derive(Debug)]
struct Column {
    name: String,
    kind: Kind,
    builder: Builder,
}

impl Decoder {
    /// Of rows with values of these kinds, which are the columns of the schema.
    pub(crate) fn new(kinds: &[Kind], schema: SchemaRef) -> Self {
        let columns = kinds.iter().zip(schema.fields()).map(|(kind, field)| Column {
            name: field.name().clone(),
            kind: *kind,
            builder: Builder::new(*kind, field.data_type()),
        });
        let columns: Vec<Column> = columns.collect();
        let times = columns.iter().filter(|column| column.kind == Kind::Time).count();
        let fields = columns.len() + times;
        let (pending, places) = (BytesMut::new(), Vec::with_capacity(fields));
        Self { schema, columns, fields, rows: 0, bytes: 0, pending, places, is_begun: false }
    }

    /// Rows not taken yet.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes that came since the last batch was taken.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds what came, wherever it was cut.
    pub(crate) fn push(&mut self, came: &[u8]) -> Result<(), Malformed> {
        self.bytes += came.len();
        if self.pending.is_empty() {
            let taken = self.read(came)?;
            self.pending.extend_from_slice(&came[taken..]);
            return Ok(());
        }
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(came);
        let taken = self.read(&pending)?;
        pending.advance(taken);
        self.pending = pending;
        Ok(())
    }

    /// The rows so far as a batch.
    pub(crate) fn take(&mut self) -> Result<RecordBatch, Malformed> {
        let columns: Result<Vec<ArrayRef>, ArrowError> =
            self.columns.iter_mut().map(|column| column.builder.finish()).collect();
        (self.rows, self.bytes) = (0, 0);
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns?)?)
    }

    /// Reads whole rows; says how many bytes they were.
    fn read(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        let mut at = 0;
        if !self.is_begun {
            if bytes.len() < HEADER.len() {
                return Ok(0);
            }
            if !bytes.starts_with(HEADER) {
                return Err(Malformed::Header);
            }
            (self.is_begun, at) = (true, HEADER.len());
        }
        while let Some(end) = self.find_fields(bytes, at)? {
            if end == at + 2 && self.fields > 0 {
                // The trailer: a row without a number of fields.
                return Ok(bytes.len());
            }
            let mut fields = self.places.iter().map(|place| place.clone().map(|place| &bytes[place]));
            for column in &mut self.columns {
                column.append(&mut fields)?;
            }
            self.rows += 1;
            at = end;
        }
        Ok(at)
    }

    /// Finds the fields of the row at this place; `None` when its end has not come yet.
    fn find_fields(&mut self, bytes: &[u8], mut at: usize) -> Result<Option<usize>, Malformed> {
        self.places.clear();
        let Some(count) = bytes.get(at..at + 2) else { return Ok(None) };
        let count = i16::from_be_bytes([count[0], count[1]]);
        at += 2;
        if count == -1 {
            return Ok(Some(at));
        }
        if usize::try_from(count) != Ok(self.fields) {
            return Err(Malformed::Fields { found: count, expected: self.fields });
        }
        for _ in 0..self.fields {
            let Some(length) = bytes.get(at..at + 4) else { return Ok(None) };
            let length = i32::from_be_bytes([length[0], length[1], length[2], length[3]]);
            at += 4;
            let Ok(length) = usize::try_from(length) else {
                self.places.push(None);
                continue;
            };
            if bytes.len() < at + length {
                return Ok(None);
            }
            self.places.push(Some(at..at + length));
            at += length;
        }
        Ok(Some(at))
    }
}

impl Column {
    fn append<'a>(&mut self, fields: &mut impl Iterator<Item = Option<&'a [u8]>>) -> Result<(), Malformed> {
        let mut field = || fields.next().expect("fields were counted");
        let value = field();
        let rest = (self.kind == Kind::Time).then(&mut field).flatten();
        let appended = match value {
            None => self.builder.append_null(),
            Some(value) => self.builder.append(value, rest),
        };
        appended.ok_or_else(|| Malformed::Value {
            column: self.name.clone(),
            kind: self.kind,
            bytes: value.map_or(0, <[u8]>::len),
        })
    }
}

/// The values of one column so far. `None` of its functions says that a value is not of its kind.
#[derive(Debug)]
enum Builder {
    Time(TimestampNanosecondBuilder),
    Bigint(Int64Builder),
    Integer(Int32Builder),
    Unsigned(UInt32Builder),
    Numeric(UInt64Builder),
    Decimal(Decimal128Builder),
    Sum(Int64Builder),
    UnsignedSum(UInt64Builder),
    Double(Float64Builder),
    Boolean(BooleanBuilder),
    Text(StringViewBuilder),
    Json(StringViewBuilder),
    Bytes(FixedSizeBinaryBuilder),
    Blob(BinaryViewBuilder),
    Numerics(ListBuilder<UInt64Builder>),
    Doubles(ListBuilder<Float64Builder>),
    Structs(StructsBuilder),
}

impl Builder {
    fn new(kind: Kind, data_type: &DataType) -> Self {
        match kind {
            Kind::Time => Builder::Time(TimestampNanosecondBuilder::new()),
            Kind::Bigint => Builder::Bigint(Int64Builder::new()),
            Kind::Integer => Builder::Integer(Int32Builder::new()),
            Kind::Unsigned => Builder::Unsigned(UInt32Builder::new()),
            Kind::Numeric => Builder::Numeric(UInt64Builder::new()),
            Kind::Decimal => Builder::Decimal(Decimal128Builder::new().with_data_type(data_type.clone())),
            Kind::Sum => Builder::Sum(Int64Builder::new()),
            Kind::UnsignedSum => Builder::UnsignedSum(UInt64Builder::new()),
            Kind::Double => Builder::Double(Float64Builder::new()),
            Kind::Boolean => Builder::Boolean(BooleanBuilder::new()),
            Kind::Text => Builder::Text(StringViewBuilder::new()),
            Kind::Json => Builder::Json(StringViewBuilder::new()),
            Kind::Bytes(width) => Builder::Bytes(FixedSizeBinaryBuilder::new(width)),
            Kind::Blob => Builder::Blob(BinaryViewBuilder::new()),
            Kind::Numerics => Builder::Numerics(ListBuilder::new(UInt64Builder::new())),
            Kind::Doubles => Builder::Doubles(ListBuilder::new(Float64Builder::new())),
            Kind::Structs => Builder::Structs(StructsBuilder::new(data_type)),
        }
    }

    fn append(&mut self, value: &[u8], rest: Option<&[u8]>) -> Option<()> {
        match self {
            Builder::Time(times) => {
                let micros = i64::from_be_bytes(value.try_into().ok()?).checked_add(EPOCH_MICROS)?;
                let rest = i16::from_be_bytes(rest?.try_into().ok()?);
                // In steps that do not overflow at the earliest time there is.
                let nanos = i128::from(micros) * 1000 + i128::from(rest);
                times.append_value(i64::try_from(nanos).ok()?);
            }
            Builder::Bigint(values) => values.append_value(i64::from_be_bytes(value.try_into().ok()?)),
            Builder::Integer(values) => values.append_value(i32::from_be_bytes(value.try_into().ok()?)),
            Builder::Unsigned(values) => {
                values.append_value(u32::try_from(i64::from_be_bytes(value.try_into().ok()?)).ok()?);
            }
            Builder::Numeric(values) => values.append_value(unsigned(value)?),
            Builder::Decimal(values) => values.append_value(numeric(value)?),
            Builder::Sum(values) => values.append_value(numeric(value)? as i64),
            Builder::UnsignedSum(values) => values.append_value(numeric(value)? as u64),
            Builder::Double(values) => values.append_value(double(value)?),
            Builder::Boolean(values) => values.append_value(*value.first()? != 0),
            Builder::Text(texts) => texts.append_value(unescaped(std::str::from_utf8(value).ok()?)),
            Builder::Json(texts) => texts.append_value(std::str::from_utf8(value).ok()?),
            Builder::Bytes(values) => values.append_value(value).ok()?,
            Builder::Blob(values) => values.append_value(value),
            Builder::Numerics(lists) => {
                for item in items(value)? {
                    lists.values().append_option(item?.map_or(Some(None), |item| unsigned(item).map(Some))?);
                }
                lists.append(true);
            }
            Builder::Doubles(lists) => {
                for item in items(value)? {
                    lists.values().append_option(item?.map_or(Some(None), |item| double(item).map(Some))?);
                }
                lists.append(true);
            }
            Builder::Structs(lists) => lists.append(std::str::from_utf8(value).ok()?)?,
        }
        Some(())
    }

    /// Appends what a field of an object says; `None` is NULL.
    fn append_json(&mut self, json: Option<&str>) -> Option<()> {
        let Some(json) = json else { return self.append_null() };
        match self {
            Builder::Time(values) => values.append_value(json.parse().ok()?),
            Builder::Bigint(values) => values.append_value(json.parse().ok()?),
            Builder::Unsigned(values) => values.append_value(json.parse().ok()?),
            Builder::Double(values) => values.append_value(read_double(json)?),
            Builder::Text(texts) => texts.append_value(serde_json::from_str::<String>(json).ok()?),
            Builder::Json(texts) => texts.append_value(json),
            Builder::Bytes(values) => values.append_value(read_bytes(json)?).ok()?,
            _ => return None,
        }
        Some(())
    }

    fn append_null(&mut self) -> Option<()> {
        match self {
            Builder::Time(values) => values.append_null(),
            Builder::Bigint(values) | Builder::Sum(values) => values.append_null(),
            Builder::Integer(values) => values.append_null(),
            Builder::Unsigned(values) => values.append_null(),
            Builder::Numeric(values) | Builder::UnsignedSum(values) => values.append_null(),
            Builder::Decimal(values) => values.append_null(),
            Builder::Double(values) => values.append_null(),
            Builder::Boolean(values) => values.append_null(),
            Builder::Text(texts) | Builder::Json(texts) => texts.append_null(),
            Builder::Bytes(values) => values.append_null(),
            Builder::Blob(values) => values.append_null(),
            Builder::Numerics(lists) => lists.append(false),
            Builder::Doubles(lists) => lists.append(false),
            Builder::Structs(lists) => lists.append_null(),
        }
        Some(())
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Builder::Time(values) => Arc::new(values.finish().with_timezone("UTC")),
            Builder::Bigint(values) | Builder::Sum(values) => Arc::new(values.finish()),
            Builder::Integer(values) => Arc::new(values.finish()),
            Builder::Unsigned(values) => Arc::new(values.finish()),
            Builder::Numeric(values) | Builder::UnsignedSum(values) => Arc::new(values.finish()),
            Builder::Decimal(values) => Arc::new(values.finish()),
            Builder::Double(values) => Arc::new(values.finish()),
            Builder::Boolean(values) => Arc::new(values.finish()),
            Builder::Text(texts) | Builder::Json(texts) => Arc::new(texts.finish()),
            Builder::Bytes(values) => Arc::new(values.finish()),
            Builder::Blob(values) => Arc::new(values.finish()),
            Builder::Numerics(lists) => Arc::new(lists.finish()),
            Builder::Doubles(lists) => Arc::new(lists.finish()),
            Builder::Structs(lists) => Arc::new(lists.finish()?),
        })
    }
}

/// Lists of structs, from JSON.
#[derive(Debug)]
struct StructsBuilder {
    item: FieldRef,
    fields: Fields,
    offsets: Vec<i32>,
    lists: NullBufferBuilder,
    items: NullBufferBuilder,
    children: Vec<Builder>,
}

impl StructsBuilder {
    fn new(data_type: &DataType) -> Self {
        let DataType::List(item) = data_type else { unreachable!("lists of structs are lists") };
        let DataType::Struct(fields) = item.data_type() else { unreachable!("lists of structs hold structs") };
        let child =
            |field: &FieldRef| Builder::new(Kind::of_scalar(field.name(), field.data_type()), field.data_type());
        Self {
            item: Arc::clone(item),
            fields: fields.clone(),
            offsets: vec![0],
            lists: NullBufferBuilder::new(0),
            items: NullBufferBuilder::new(0),
            children: fields.iter().map(child).collect(),
        }
    }

    fn append(&mut self, json: &str) -> Option<()> {
        for object in read_structs(json).ok()? {
            self.items.append(object.is_some());
            for (field, child) in self.fields.iter().zip(&mut self.children) {
                let value = object.as_ref().and_then(|object| object.get(field.name().as_str()));
                child.append_json(value.map(|value| value.get()))?;
            }
        }
        self.lists.append(true);
        self.end_list()
    }

    fn append_null(&mut self) {
        self.lists.append(false);
        self.offsets.push(*self.offsets.last().expect("offsets begin with 0"));
    }

    fn end_list(&mut self) -> Option<()> {
        self.offsets.push(i32::try_from(self.items.len()).ok()?);
        Some(())
    }

    fn finish(&mut self) -> Result<ListArray, ArrowError> {
        let children: Result<Vec<ArrayRef>, ArrowError> = self.children.iter_mut().map(Builder::finish).collect();
        let structs = StructArray::try_new(self.fields.clone(), children?, self.items.finish())?;
        let offsets = OffsetBuffer::new(ScalarBuffer::from(std::mem::replace(&mut self.offsets, vec![0])));
        ListArray::try_new(Arc::clone(&self.item), offsets, Arc::new(structs), self.lists.finish())
    }
}

fn double(value: &[u8]) -> Option<f64> {
    Some(f64::from_bits(u64::from_be_bytes(value.try_into().ok()?)))
}

fn unsigned(value: &[u8]) -> Option<u64> {
    u64::try_from(numeric(value)?).ok()
}

/// A whole number; see `encode::numeric`.
fn numeric(value: &[u8]) -> Option<i128> {
    let (words, []) = value.as_chunks::<2>() else { return None };
    let words: Vec<i16> = words.iter().map(|word| i16::from_be_bytes(*word)).collect();
    let [count, weight, sign, _scale, digits @ ..] = words.as_slice() else { return None };
    let sign = match sign {
        0 => 1,
        0x4000 => -1,
        _ => return None,
    };
    let (count, weight) = (usize::try_from(*count).ok()?, *weight);
    if count == 0 {
        return Some(0);
    }
    // Zeros at the end are left out.
    let number = (0..=usize::try_from(weight).ok()?).try_fold(0_i128, |number, place| {
        let digit = digits.get(place).copied().unwrap_or(0);
        number.checked_mul(10_000)?.checked_add(i128::from(digit))
    })?;
    Some(sign * number)
}

/// The items of an array, each with its bytes, or `None` where it is NULL.
fn items(value: &[u8]) -> Option<impl Iterator<Item = Option<Option<&[u8]>>>> {
    let word = |at: usize| Some(i32::from_be_bytes(value.get(at..at + 4)?.try_into().ok()?));
    let (count, mut rest) = match word(0)? {
        0 => (0, &value[value.len()..]),
        1 => (usize::try_from(word(12)?).ok()?, value.get(20..)?),
        _ => return None,
    };
    Some((0..count).map(move |_| {
        let (length, after) = rest.split_first_chunk::<4>()?;
        rest = after;
        let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else { return Some(None) };
        let (item, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(Some(item))
    }))
}
