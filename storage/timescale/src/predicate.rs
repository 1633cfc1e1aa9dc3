//! Filters of DataFusion as conditions of SQL, as far as they mean the same.
//!
//! Text compares by its bytes on both sides (`COLLATE "C"`), times to the nanosecond, NULL as SQL has it. Doubles do not: PostgreSQL has one NaN and
//! one zero, so their conditions let more rows through and DataFusion looks again.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Like, Operator};
use model::{Dataset, Table};

use crate::columns::{Kind, rest_of};
use crate::text::quoted;

/// A condition that lets every row through that the filter lets through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    /// In SQL, safe inside any other expression.
    pub(crate) sql: String,
    /// No row passes that the filter would not let through.
    pub(crate) is_exact: bool,
}

impl Condition {
    fn exact(sql: String) -> Self {
        Self { sql, is_exact: true }
    }
}

/// The filter in SQL, if it has a form there.
pub(crate) fn translate(dataset: Dataset, filter: &Expr) -> Option<Condition> {
    match filter {
        Expr::Alias(alias) => translate(dataset, &alias.expr),
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
            let (left, right) = (translate(dataset, left), translate(dataset, right));
            both(left, *op, right)
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (column(dataset, left), column(dataset, right)) {
            (Some(column), None) => compare(&column, *op, literal(right)?),
            (None, Some(column)) => compare(&column, op.swap()?, literal(left)?),
            _ => None,
        },
        Expr::Not(inner) => {
            let inner = translate(dataset, inner).filter(|inner| inner.is_exact)?;
            Some(Condition::exact(format!("(NOT {})", inner.sql)))
        }
        Expr::Column(_) => truth(dataset, filter, ""),
        Expr::IsTrue(inner) => truth(dataset, inner, " IS TRUE"),
        Expr::IsNotTrue(inner) => truth(dataset, inner, " IS NOT TRUE"),
        Expr::IsFalse(inner) => truth(dataset, inner, " IS FALSE"),
        Expr::IsNotFalse(inner) => truth(dataset, inner, " IS NOT FALSE"),
        Expr::IsNull(inner) => Some(Condition::exact(format!("({} IS NULL)", column(dataset, inner)?.quoted()))),
        Expr::IsNotNull(inner) => Some(Condition::exact(format!("({} IS NOT NULL)", column(dataset, inner)?.quoted()))),
        Expr::Between(between) => self::between(dataset, between),
        Expr::InList(list) => in_list(dataset, list),
        Expr::Like(like) => self::like(dataset, like),
        _ => None,
    }
}

struct Named {
    name: &'static str,
    kind: Kind,
}

impl Named {
    fn quoted(&self) -> String {
        format!("\"{}\"", self.name)
    }
}

fn column(dataset: Dataset, expr: &Expr) -> Option<Named> {
    match expr {
        Expr::Column(column) => {
            let column = Table::of(dataset).columns.iter().find(|known| known.name == column.name)?;
            Some(Named { name: column.name, kind: Kind::of(column) })
        }
        Expr::Alias(alias) => self::column(dataset, &alias.expr),
        _ => None,
    }
}

fn literal(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value),
        Expr::Alias(alias) => literal(&alias.expr),
        _ => None,
    }
}

fn both(left: Option<Condition>, op: Operator, right: Option<Condition>) -> Option<Condition> {
    match (left, op, right) {
        (Some(left), Operator::And, Some(right)) => {
            let is_exact = left.is_exact && right.is_exact;
            Some(Condition { sql: format!("({} AND {})", left.sql, right.sql), is_exact })
        }
        // One side alone lets through at least what both do.
        (Some(one), Operator::And, None) | (None, Operator::And, Some(one)) => {
            Some(Condition { is_exact: false, ..one })
        }
        (Some(left), Operator::Or, Some(right)) => {
            let is_exact = left.is_exact && right.is_exact;
            Some(Condition { sql: format!("({} OR {})", left.sql, right.sql), is_exact })
        }
        _ => None,
    }
}

fn truth(dataset: Dataset, expr: &Expr, test: &str) -> Option<Condition> {
    let column = column(dataset, expr).filter(|column| column.kind == Kind::Boolean)?;
    Some(Condition::exact(format!("({}{test})", column.quoted())))
}

fn compare(column: &Named, op: Operator, value: &ScalarValue) -> Option<Condition> {
    let sign = sign(op)?;
    let name = column.quoted();
    if value.is_null() {
        // Nothing compares with NULL but IS [NOT] DISTINCT FROM, which the optimizer has turned into IS [NOT] NULL.
        return None;
    }
    match column.kind {
        Kind::Time => Some(Condition::exact(compare_time(column.name, op, time(value)?)?)),
        Kind::Double => compare_double(&name, op, double(value)?),
        kind => Some(Condition::exact(format!("({name} {sign} {})", sql_value(kind, value)?))),
    }
}

fn sign(op: Operator) -> Option<&'static str> {
    Some(match op {
        Operator::Eq => "=",
        Operator::NotEq => "<>",
        Operator::Lt => "<",
        Operator::LtEq => "<=",
        Operator::Gt => ">",
        Operator::GtEq => ">=",
        Operator::IsDistinctFrom => "IS DISTINCT FROM",
        Operator::IsNotDistinctFrom => "IS NOT DISTINCT FROM",
        _ => return None,
    })
}

/// Compares microseconds first, so that chunks are left out by them, then the nanoseconds below.
fn compare_time(name: &str, op: Operator, nanos: i64) -> Option<String> {
    let (micros, rest) = (format!("\"{name}\""), format!("\"{}\"", rest_of(name)));
    let (at, below) = (time_literal(nanos), nanos.rem_euclid(1000));
    Some(match op {
        Operator::Eq => format!("({micros} = {at} AND {rest} = {below})"),
        Operator::NotEq => format!("({micros} <> {at} OR {rest} <> {below})"),
        Operator::Lt if below == 0 => format!("({micros} < {at})"),
        Operator::GtEq if below == 0 => format!("({micros} >= {at})"),
        Operator::Lt | Operator::LtEq => {
            let sign = sign(op)?;
            format!("({micros} <= {at} AND ({micros} < {at} OR {rest} {sign} {below}))")
        }
        Operator::Gt | Operator::GtEq => {
            let sign = sign(op)?;
            format!("({micros} >= {at} AND ({micros} > {at} OR {rest} {sign} {below}))")
        }
        _ => return None,
    })
}

/// True of rows of the dataset before this time.
pub(crate) fn older_than(dataset: Dataset, nanos: i64) -> String {
    compare_time(dataset.time_column(), Operator::Lt, nanos).expect("times can be compared by <")
}

/// The microsecond that holds this nanosecond.
pub(crate) fn time_literal(nanos: i64) -> String {
    micros_literal(nanos.div_euclid(1000))
}

/// A time in microseconds since 1970.
///
/// # Panics
/// When it is further from 1970 than any two nanoseconds of 64 bits from each other.
pub(crate) fn micros_literal(micros: i64) -> String {
    use arrow::temporal_conversions::timestamp_us_to_datetime;
    let time = timestamp_us_to_datetime(micros).expect("64 bits of nanoseconds reach from 1677 to 2262");
    format!("timestamptz '{}+00'", time.format("%Y-%m-%d %H:%M:%S%.6f"))
}

fn compare_double(name: &str, op: Operator, value: f64) -> Option<Condition> {
    let value = match value {
        value if value.is_nan() => "'NaN'".to_owned(),
        value if value.is_infinite() => format!("'{}Infinity'", if value < 0.0 { "-" } else { "" }),
        value => format!("'{value:?}'"),
    };
    let sql = match op {
        Operator::Eq => format!("({name} = {value}::float8)"),
        Operator::Gt | Operator::GtEq => format!("({name} >= {value}::float8)"),
        // A NaN with a sign is less than all numbers for Arrow, and more for PostgreSQL.
        Operator::Lt | Operator::LtEq => format!("({name} <= {value}::float8 OR {name} = 'NaN')"),
        _ => return None,
    };
    Some(Condition { sql, is_exact: false })
}

fn between(dataset: Dataset, between: &Between) -> Option<Condition> {
    let column = column(dataset, &between.expr)?;
    let low = compare(&column, Operator::GtEq, literal(&between.low)?)?;
    let high = compare(&column, Operator::LtEq, literal(&between.high)?)?;
    let both = both(Some(low), Operator::And, Some(high))?;
    match between.negated {
        false => Some(both),
        true => both.is_exact.then(|| Condition::exact(format!("(NOT {})", both.sql))),
    }
}

fn in_list(dataset: Dataset, InList { expr, list, negated }: &InList) -> Option<Condition> {
    let column = column(dataset, expr)?;
    let equal = |item: &Expr| compare(&column, Operator::Eq, literal(item)?);
    let any = match column.kind {
        Kind::Time | Kind::Double => {
            let each: Option<Vec<Condition>> = list.iter().map(equal).collect();
            each?.into_iter().map(Some).reduce(|all, one| both(all, Operator::Or, one)).flatten()?
        }
        kind => {
            let values: Option<Vec<String>> = list
                .iter()
                .map(|item| literal(item).filter(|item| !item.is_null()).and_then(|item| sql_value(kind, item)))
                .collect();
            let values = values.filter(|values| !values.is_empty())?;
            Condition::exact(format!("({} IN ({}))", column.quoted(), values.join(", ")))
        }
    };
    match negated {
        false => Some(any),
        true => any.is_exact.then(|| Condition::exact(format!("(NOT {})", any.sql))),
    }
}

/// Patterns of `%` and plain characters; `_` would count the escapes of [`crate::text`], and a backslash means another thing in Arrow.
fn like(dataset: Dataset, like: &Like) -> Option<Condition> {
    let column = column(dataset, &like.expr).filter(|column| column.kind == Kind::Text)?;
    let pattern = literal(&like.pattern)?.try_as_str()??;
    if like.case_insensitive || like.escape_char.is_some() || pattern.contains(['_', '\\']) {
        return None;
    }
    let not = if like.negated { "NOT " } else { "" };
    Some(Condition::exact(format!("({} {not}LIKE {})", column.quoted(), quoted(pattern))))
}

fn sql_value(kind: Kind, value: &ScalarValue) -> Option<String> {
    match (kind, value) {
        (Kind::Text, value) => value.try_as_str()?.map(quoted),
        (Kind::Boolean, ScalarValue::Boolean(Some(value))) => Some(value.to_string()),
        (Kind::Bytes(_), ScalarValue::FixedSizeBinary(_, Some(bytes))) => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            Some(format!("'\\x{hex}'::bytea"))
        }
        (Kind::Bigint | Kind::Integer | Kind::Unsigned | Kind::Numeric, value) => match value.data_type() {
            data_type if data_type.is_integer() => Some(format!("({value})")),
            _ => None,
        },
        _ => None,
    }
}

fn time(value: &ScalarValue) -> Option<i64> {
    match value.data_type() {
        DataType::Timestamp(TimeUnit::Nanosecond, Some(_)) => match value {
            ScalarValue::TimestampNanosecond(nanos, _) => *nanos,
            _ => None,
        },
        _ => None,
    }
}

fn double(value: &ScalarValue) -> Option<f64> {
    match value {
        ScalarValue::Float64(value) => *value,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{col, lit};

    use super::*;

    fn check(filter: &Expr, expected: Option<(&str, bool)>) {
        let translated = translate(model::Signal::Spans.into(), filter);

        let expected = expected.map(|(sql, is_exact)| Condition { sql: sql.to_owned(), is_exact });
        assert_eq!(translated, expected, "{filter}");
    }

    fn at(nanos: i64) -> Expr {
        lit(ScalarValue::TimestampNanosecond(Some(nanos), Some("UTC".into())))
    }

    #[test]
    fn text_is_compared_as_bytes_and_quoted() {
        check(&col("name").eq(lit("it's")), Some(("(\"name\" = 'it''s')", true)));
        check(&col("name").eq(lit("a\0")), Some(("(\"name\" = 'a\u{1}\u{1}')", true)));
        check(&lit("b").gt(col("name")), Some(("(\"name\" < 'b')", true)));
    }

    #[test]
    fn a_time_is_compared_to_the_nanosecond() {
        let second = "timestamptz '1970-01-01 00:00:01.000000+00'";
        check(&col("start_time").gt_eq(at(1_000_000_000)), Some((&format!("(\"start_time\" >= {second})"), true)));
        let expected =
            format!("(\"start_time\" >= {second} AND (\"start_time\" > {second} OR \"start_time_rest_ns\" > 7))");
        check(&col("start_time").gt(at(1_000_000_007)), Some((&expected, true)));
        let before = "(\"start_time\" < timestamptz '1969-12-31 23:59:59.999999+00')";
        check(&col("start_time").lt(at(-1000)), Some((before, true)));
    }

    #[test]
    fn half_of_a_conjunction_lets_more_through() {
        let unknown = col("name").eq(col("kind"));
        check(&col("flags").eq(lit(1_u32)).and(unknown.clone()), Some(("(\"flags\" = (1))", false)));
        check(&col("flags").eq(lit(1_u32)).or(unknown.clone()), None);
        check(&Expr::Not(Box::new(col("flags").eq(lit(1_u32)).and(unknown))), None);
    }

    #[test]
    fn patterns_whose_meaning_differs_stay_behind() {
        check(&col("name").like(lit("GET %")), Some(("(\"name\" LIKE 'GET %')", true)));
        check(&col("name").like(lit("a_")), None);
        check(&col("name").like(lit("a\\%")), None);
        check(&col("name").ilike(lit("a%")), None);
    }
}
