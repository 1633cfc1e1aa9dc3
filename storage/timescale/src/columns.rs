//! How the columns of the model lie in the database.
//!
//! The migrations hold the same as text; a test compares both in a real database.

use arrow::datatypes::DataType;
use model::{Column, Dataset, Table};

/// Columns before those of the model: whose row it is, and which segment brought it.
const HEAD: &[(&str, &str)] = &[("tenant", "text"), ("writer", "integer"), ("through", "bigint")];
/// The same of sums, and in which round they were added up.
const HEAD_OF_SUMS: &[(&str, &str)] =
    &[("tenant", "text"), ("writer", "integer"), ("through", "bigint"), ("from_round", "bigint")];

/// Text columns whose content is JSON of our own making.
const JSON: [&str; 5] = ["attributes", "resource_attributes", "scope_attributes", "metadata", "otlp_residue"];

/// How values of a column are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Microseconds as `timestamptz`, and beside it the nanoseconds below them as `smallint`.
    Time,
    /// 64-bit integer.
    Bigint,
    /// 32-bit integer.
    Integer,
    /// Unsigned 32-bit integer, in a `bigint`.
    Unsigned,
    /// Unsigned 64-bit integer, in a `numeric`.
    Numeric,
    /// Integer of up to 38 digits, in a `numeric`.
    Decimal,
    /// Sum of integers, in a `numeric`, of which the 64 low bits count. In answers only.
    Sum,
    /// The same without a sign.
    UnsignedSum,
    /// Double.
    Double,
    /// Truth.
    Boolean,
    /// Text that compares by its bytes.
    Text,
    /// Text that is JSON; kept as written.
    Json,
    /// Bytes of one length.
    Bytes(i32),
    /// Bytes of any length.
    Blob,
    /// A list of unsigned 64-bit integers.
    Numerics,
    /// A list of doubles.
    Doubles,
    /// A list of structs, as a JSON array of objects.
    Structs,
}

impl Kind {
    /// How the column is stored.
    pub(crate) fn of(column: &Column) -> Self {
        match &column.data_type {
            DataType::List(item) => match item.data_type() {
                DataType::UInt64 => Kind::Numerics,
                DataType::Float64 => Kind::Doubles,
                _ => Kind::Structs,
            },
            data_type => Self::of_scalar(column.name, data_type),
        }
    }

    /// How a value that is no list is stored, or read from JSON.
    pub(crate) fn of_scalar(name: &str, data_type: &DataType) -> Self {
        match data_type {
            DataType::Timestamp(..) => Kind::Time,
            DataType::Int64 => Kind::Bigint,
            DataType::Int32 => Kind::Integer,
            DataType::UInt32 => Kind::Unsigned,
            DataType::UInt64 => Kind::Numeric,
            DataType::Decimal128(_, 0) => Kind::Decimal,
            DataType::BinaryView => Kind::Blob,
            DataType::Float64 => Kind::Double,
            DataType::Boolean => Kind::Boolean,
            DataType::FixedSizeBinary(width) => Kind::Bytes(*width),
            DataType::Utf8View if JSON.contains(&name) => Kind::Json,
            DataType::Utf8View => Kind::Text,
            other => unreachable!("the model has no column of {other}"),
        }
    }

    /// True for integers of up to 64 bits.
    pub(crate) fn is_integer(self) -> bool {
        matches!(self, Kind::Bigint | Kind::Integer | Kind::Unsigned | Kind::Numeric)
    }

    /// Type in SQL, as `format_type` names it.
    pub(crate) fn sql_type(self) -> &'static str {
        match self {
            Kind::Time => "timestamp with time zone",
            Kind::Bigint | Kind::Unsigned => "bigint",
            Kind::Integer => "integer",
            Kind::Numeric => "numeric(20,0)",
            Kind::Decimal => "numeric(38,0)",
            Kind::Sum | Kind::UnsignedSum => "numeric",
            Kind::Double => "double precision",
            Kind::Boolean => "boolean",
            Kind::Text => "text",
            Kind::Json | Kind::Structs => "json",
            Kind::Bytes(_) | Kind::Blob => "bytea",
            Kind::Numerics => "numeric(20,0)[]",
            Kind::Doubles => "double precision[]",
        }
    }
}

/// Name of the column with the nanoseconds below the microsecond of a time column.
pub(crate) fn rest_of(time: &str) -> String {
    format!("{time}_rest_ns")
}

/// A column of the model in the database, by name.
pub(crate) fn fields(column: &Column) -> Vec<String> {
    let rest = (Kind::of(column) == Kind::Time).then(|| rest_of(column.name));
    std::iter::once(column.name.to_owned()).chain(rest).map(|name| format!("\"{name}\"")).collect()
}

/// The columns in the database at these places of the dataset's schema, by name.
pub(crate) fn names(dataset: Dataset, places: impl IntoIterator<Item = usize>) -> Vec<String> {
    let columns = &Table::of(dataset).columns;
    places.into_iter().flat_map(|place| fields(&columns[place])).collect()
}

/// Name and type of the columns before those of the model.
pub(crate) fn head(dataset: Dataset) -> &'static [(&'static str, &'static str)] {
    match dataset {
        Dataset::Signal(_) => HEAD,
        Dataset::Rollup(_) => HEAD_OF_SUMS,
    }
}

/// Name and type of every column that the dataset's table must have in the database.
pub(crate) fn expected(dataset: Dataset) -> Vec<(String, &'static str)> {
    let own = Table::of(dataset).columns.iter().flat_map(|column| {
        let kind = Kind::of(column);
        let rest = (kind == Kind::Time).then(|| (rest_of(column.name), "smallint"));
        std::iter::once((column.name.to_owned(), kind.sql_type())).chain(rest)
    });
    head(dataset).iter().map(|(name, sql_type)| ((*name).to_owned(), *sql_type)).chain(own).collect()
}
