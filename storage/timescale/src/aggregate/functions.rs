//! Aggregate functions as states that the database computes, field by field what DataFusion would have kept.
//!
//! Sums are exact there: those of integers are brought to 64 bits as DataFusion brings them, and averages come from them. Doubles are
//! left alone, because their sums depend on the order of rows, and their NaN and zeros differ.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::{CastExpr, Literal};
use model::Column;

use crate::columns::{Kind, rest_of};
use crate::physical::Columns;
use crate::select::Output;

/// The fields of the function's state over the rows that meet the filter.
pub(super) fn outputs(
    columns: Columns<'_>,
    function: &AggregateFunctionExpr,
    arguments: &[Arc<dyn PhysicalExpr>],
    filter: Option<String>,
) -> Option<Vec<Output>> {
    let [argument] = arguments else { return None };
    if function.is_distinct() || function.ignore_nulls() || !function.order_bys().is_empty() {
        return None;
    }
    let state: Vec<DataType> = function.state_fields().ok()?.iter().map(|field| field.data_type().clone()).collect();
    let over = Over { filter };
    match (function.fun().name(), state.as_slice()) {
        ("count", [DataType::Int64]) => {
            let of = if is_never_null(argument) { "*".to_owned() } else { quoted(columns.column(argument)?) };
            Some(vec![over.call("count", &of, "", Kind::Bigint)])
        }
        (name @ ("min" | "max"), [value]) => {
            let column = columns.column(argument).filter(|column| column.data_type == *value)?;
            over.extreme(name, column).map(|extreme| vec![extreme])
        }
        ("sum", [sum]) => {
            let column = summed(columns, argument)?;
            Some(vec![over.call("sum", &quoted(column), "::numeric", sum_kind(Kind::of(column), sum)?)])
        }
        ("avg", [DataType::UInt64, DataType::Float64]) => {
            let column = summed(columns, argument).filter(|column| Kind::of(column).is_integer())?;
            let of = quoted(column);
            // Where there is nothing to average, DataFusion's count is NULL: a 0 would be a value seen, and 0 / 0 no number.
            let count = format!("nullif({}, 0)::numeric", over.sql("count", &of));
            Some(vec![
                Output { fields: vec![count], kind: Kind::Numeric },
                over.call("sum", &of, "::double precision", Kind::Double),
            ])
        }
        _ => None,
    }
}

/// The rows that a function is about.
struct Over {
    filter: Option<String>,
}

impl Over {
    fn call(&self, name: &str, of: &str, cast: &str, kind: Kind) -> Output {
        Output { fields: vec![format!("{}{cast}", self.sql(name, of))], kind }
    }

    fn sql(&self, name: &str, of: &str) -> String {
        let filter = self.filter.as_ref().map(|filter| format!(" FILTER (WHERE {filter})")).unwrap_or_default();
        format!("{name}({of}){filter}")
    }

    /// The least or the greatest value.
    fn extreme(self, name: &str, column: &Column) -> Option<Output> {
        match Kind::of(column) {
            Kind::Time => Some(self.extreme_time(name, column)),
            kind if kind.is_integer() || matches!(kind, Kind::Decimal | Kind::Text) => {
                Some(self.call(name, &quoted(column), "", kind))
            }
            _ => None,
        }
    }

    /// Of several times in one microsecond, the nanoseconds decide. They are made a time too, because arrays have items of one type.
    fn extreme_time(self, name: &str, column: &Column) -> Output {
        let (time, rest) = (quoted(column), rest_of(column.name));
        // An array of NULLs is a value like any other.
        let is_there = column.is_nullable().then(|| format!("{time} IS NOT NULL"));
        let filter =
            self.filter.into_iter().chain(is_there).reduce(|filter, is_there| format!("{filter} AND {is_there}"));
        let extreme = Over { filter }.sql(name, &format!("ARRAY[{time}, to_timestamp(\"{rest}\")]"));
        let fields = vec![format!("({extreme})[1]"), format!("date_part('epoch', ({extreme})[2])::smallint")];
        Output { fields, kind: Kind::Time }
    }
}

/// The column that is summed, perhaps brought to the type of the sum, which holds all its values.
fn summed(columns: Columns<'_>, argument: &Arc<dyn PhysicalExpr>) -> Option<&'static Column> {
    match argument.downcast_ref::<CastExpr>() {
        Some(cast) => columns.column(cast.expr()).filter(|column| Kind::of(column).is_integer()),
        None => columns.column(argument),
    }
}

/// How the sum is read; `None` where it is not one of the values as they are.
fn sum_kind(kind: Kind, sum: &DataType) -> Option<Kind> {
    match (kind, sum) {
        (Kind::Bigint | Kind::Integer | Kind::Unsigned, DataType::Int64) => Some(Kind::Sum),
        (Kind::Unsigned | Kind::Numeric, DataType::UInt64) => Some(Kind::UnsignedSum),
        (Kind::Decimal, DataType::Decimal128(38, 0)) => Some(Kind::Decimal),
        (kind, DataType::Decimal128(38, 0)) if kind.is_integer() => Some(Kind::Decimal),
        _ => None,
    }
}

fn is_never_null(argument: &Arc<dyn PhysicalExpr>) -> bool {
    argument.downcast_ref::<Literal>().is_some_and(|literal| !literal.value().is_null())
}

fn quoted(column: &Column) -> String {
    format!("\"{}\"", column.name)
}
