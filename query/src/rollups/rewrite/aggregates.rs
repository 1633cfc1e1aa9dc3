//! Aggregate functions over spans as sums of sums.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, Int64Array};
use datafusion::arrow::datatypes::{DataType, Decimal128Type};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::functions::expr_fn::coalesce;
use datafusion::functions_aggregate::expr_fn::{count, max, min, sum};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{
    Case, Cast, ColumnarValue, Expr, ExprFunctionExt, ExprSchemable, ScalarUDF, Volatility, cast, create_udf, ident,
    lit,
};
use model::{Signal, Table};

use super::keys::Uses;
use crate::rollups::sketches::{QUANTILE, SKETCH, quantile, sketch};

const DURATION: &str = "duration_ns";
/// A million of these are still exact as doubles.
const WHOLE_MAX: f64 = (1_u64 << 32) as f64;
/// Wide enough for any number of durations.
const EXACT: DataType = DataType::Decimal128(38, 0);

/// One aggregate: sums, and what is made of them.
#[derive(Debug)]
pub(super) struct Summed {
    pub(super) sums: Vec<Sum>,
    finish: Finish,
}

/// A sum of each part, and how the sums of several parts become one.
#[derive(Debug)]
pub(super) struct Sum {
    pub(super) base: Base,
    merge: Merge,
}

/// The same sum over spans and over rows of a rollup.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Base {
    pub(super) of_spans: Expr,
    pub(super) of_rollup: Expr,
}

#[derive(Debug)]
enum Merge {
    Sum,
    Min,
    Max,
    Sketch,
    /// Of this share.
    Quantile(Expr),
}

#[derive(Debug)]
enum Finish {
    /// The sum as it is.
    Plain,
    /// No rows are zero.
    Count,
    /// Modulo 2^64, as a sum of 64-bit integers is.
    Wrapped,
    /// The first sum by the second.
    Average,
}

/// True for an aggregate that counts rows, whatever they hold.
pub(super) fn is_count(expr: &Expr) -> bool {
    let Expr::AggregateFunction(AggregateFunction { func, params }) = expr else { return false };
    func.name() == "count"
        && !params.distinct
        && params.filter.is_none()
        && matches!(params.args[..], [Expr::Literal(..)])
}

impl Summed {
    /// `None` when the aggregate is not a sum of what rollups hold.
    pub(super) fn of(expr: &Expr, uses: &mut Uses) -> Option<Self> {
        let AggregateFunction { func, params } = match expr {
            Expr::AggregateFunction(function) => function,
            Expr::Alias(alias) => return Self::of(&alias.expr, uses),
            _ => return None,
        };
        if params.distinct || !params.order_by.is_empty() || params.null_treatment.is_some() {
            return None;
        }
        let rows = Rows { filter: params.filter.as_deref().cloned() };
        rows.filter.as_ref().map_or(Some(()), |filter| uses.see(filter))?;
        let (sums, finish) = match (func.name(), params.args.as_slice()) {
            ("count", [of]) => (vec![rows.with(of, uses)?.count()?], Finish::Count),
            ("sum", [of]) if is_duration(of) => (vec![rows.durations()?], Finish::Wrapped),
            ("sum", [of]) => (vec![rows.values(of, uses)?], Finish::Plain),
            ("avg", [of]) if is_duration(of) => (vec![rows.durations()?, rows.count()?], Finish::Average),
            ("avg", [of]) => (vec![rows.values(of, uses)?, rows.with(of, uses)?.count()?], Finish::Average),
            ("min", [of]) if is_duration(of) => {
                (vec![rows.sum(min(ident(DURATION)), min(ident("duration_min_ns")), Merge::Min)?], Finish::Plain)
            }
            ("max", [of]) if is_duration(of) => {
                (vec![rows.sum(max(ident(DURATION)), max(ident("duration_max_ns")), Merge::Max)?], Finish::Plain)
            }
            (SKETCH, [of]) if is_duration(of) => (vec![rows.sketch(Merge::Sketch)?], Finish::Plain),
            (QUANTILE, [of, share @ Expr::Literal(..)]) if is_duration(of) => {
                (vec![rows.sketch(Merge::Quantile(share.clone()))?], Finish::Plain)
            }
            _ => return None,
        };
        Some(Self { sums, finish })
    }

    /// What the aggregate says, made of sums by their names.
    pub(super) fn finish(&self, name: impl Fn(usize) -> String) -> Expr {
        let first = ident(name(0));
        match self.finish {
            Finish::Plain => first,
            Finish::Count => coalesce(vec![first, lit(0_i64)]),
            Finish::Wrapped => wrapped().call(vec![first]),
            Finish::Average => cast(first, DataType::Float64) / cast(ident(name(1)), DataType::Float64),
        }
    }
}

impl Sum {
    /// The sum of sums that have this name.
    pub(super) fn merge(&self, name: String) -> Expr {
        match &self.merge {
            Merge::Sum => sum(ident(name)),
            Merge::Min => min(ident(name)),
            Merge::Max => max(ident(name)),
            Merge::Sketch => sketch().call(vec![ident(name)]),
            Merge::Quantile(share) => quantile().call(vec![ident(name), share.clone()]),
        }
    }
}

/// The rows that an aggregate is about.
struct Rows {
    filter: Option<Expr>,
}

impl Rows {
    fn sum(&self, of_spans: Expr, of_rollup: Expr, merge: Merge) -> Option<Sum> {
        let filtered = |aggregate: Expr| match &self.filter {
            Some(filter) => aggregate.filter(filter.clone()).build().ok(),
            None => Some(aggregate),
        };
        let base = Base { of_spans: filtered(of_spans)?, of_rollup: filtered(of_rollup)? };
        Some(Sum { base, merge })
    }

    fn count(&self) -> Option<Sum> {
        self.sum(count(lit(1_i64)), sum(ident("requests")), Merge::Sum)
    }

    fn durations(&self) -> Option<Sum> {
        self.sum(sum(cast(ident(DURATION), EXACT)), sum(ident("duration_sum_ns")), Merge::Sum)
    }

    fn sketch(&self, merge: Merge) -> Option<Sum> {
        let of = |column| sketch().call(vec![ident(column)]);
        self.sum(of(DURATION), of("duration_sketch"), merge)
    }

    /// An expression over keys has each of its values as often as there are requests with it.
    fn values(&self, of: &Expr, uses: &mut Uses) -> Option<Sum> {
        uses.see(of)?;
        let value = match type_of(of)? {
            DataType::Int64 => DataType::Int64,
            // Sums of whole numbers do not depend on their order.
            DataType::Float64 if is_whole(of) => DataType::Float64,
            _ => return None,
        };
        self.sum(sum(of.clone()), sum(of.clone() * cast(ident("requests"), value)), Merge::Sum)
    }

    /// Of these rows, those for which the expression is not NULL.
    fn with(&self, of: &Expr, uses: &mut Uses) -> Option<Rows> {
        if is_never_null(of) {
            return Some(Rows { filter: self.filter.clone() });
        }
        uses.see(of)?;
        let filter = self.filter.iter().cloned().chain([of.clone().is_not_null()]);
        Some(Rows { filter: conjunction(filter) })
    }
}

/// The duration, perhaps as a double.
fn is_duration(expr: &Expr) -> bool {
    match expr {
        Expr::Column(column) => column.name == DURATION,
        Expr::Cast(Cast { expr, field }) => *field.data_type() == DataType::Float64 && is_column(expr, DURATION),
        _ => false,
    }
}

fn is_column(expr: &Expr, name: &str) -> bool {
    matches!(expr, Expr::Column(column) if column.name == name)
}

fn is_never_null(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(value, _) => !value.is_null(),
        Expr::Column(column) => {
            let field = Table::of(Signal::Spans).schema.field_with_name(&column.name);
            field.is_ok_and(|field| !field.is_nullable())
        }
        _ => false,
    }
}

/// True when every value is an integer, though it may be written as a double.
fn is_whole(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(ScalarValue::Float64(Some(value)), _) => value.fract() == 0.0 && value.abs() < WHOLE_MAX,
        Expr::Literal(value, _) => value.is_null() || matches!(value, ScalarValue::Int64(_)),
        Expr::Cast(Cast { expr, .. }) => is_whole(expr) || type_of(expr) == Some(DataType::Int64),
        Expr::Case(Case { when_then_expr, else_expr, .. }) => {
            let values = when_then_expr.iter().map(|(_, then)| then).chain(else_expr);
            values.into_iter().all(|value| is_whole(value))
        }
        _ => false,
    }
}

fn type_of(expr: &Expr) -> Option<DataType> {
    let spans = DFSchema::try_from(Arc::clone(&Table::of(Signal::Spans).schema)).ok()?;
    expr.get_type(&spans).ok()
}

/// The 64 low bits of a sum: what adding 64-bit integers gives, however often it passes their end.
fn wrapped() -> ScalarUDF {
    let wrap = |arguments: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let sums = arrays[0].as_primitive::<Decimal128Type>();
        let wrapped: Int64Array = sums.unary(|sum| sum as i64);
        Ok(ColumnarValue::Array(Arc::new(wrapped)))
    };
    create_udf("wrapped_bigint", vec![EXACT], DataType::Int64, Volatility::Immutable, Arc::new(wrap))
}
