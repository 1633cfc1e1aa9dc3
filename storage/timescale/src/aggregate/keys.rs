//! What rows are grouped by.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::physical_expr::expressions::Literal;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};

use crate::columns::Kind;
use crate::physical::Columns;
use crate::predicate::micros_literal;
use crate::select::Output;

const NANOS_PER_MICRO: i64 = 1000;

/// A column of which equal values are equal in the database, or the bucket of a time.
pub(super) fn output(columns: Columns<'_>, expr: &Arc<dyn PhysicalExpr>) -> Option<Output> {
    let Some(column) = columns.column(expr) else { return bucket(columns, expr) };
    let output = Output::of(column);
    // PostgreSQL has one NaN and one zero, and JSON has no equality there.
    let is_equal_there = match output.kind {
        Kind::Text | Kind::Time | Kind::Boolean | Kind::Bytes(_) | Kind::Decimal => true,
        kind => kind.is_integer(),
    };
    is_equal_there.then_some(output)
}

/// `date_bin(width, time)` or `date_trunc(unit, time)`. Buckets are in UTC on both sides, and begin at a whole microsecond.
fn bucket(columns: Columns<'_>, expr: &Arc<dyn PhysicalExpr>) -> Option<Output> {
    let function = expr.downcast_ref::<ScalarFunctionExpr>()?;
    let [width, time] = function.args() else { return None };
    let width = width.downcast_ref::<Literal>()?.value();
    let time = columns.column(time).filter(|column| Kind::of(column) == Kind::Time)?;
    let start = match function.name() {
        "date_bin" => {
            let (bin, lowest) = bin(time.name, width_nanos(width)?)?;
            // The lowest bucket begins before any time in nanoseconds: DataFusion calls it NULL.
            format!("nullif({bin}, {lowest})")
        }
        "date_trunc" => truncated(time.name, &width.try_as_str()??.to_lowercase())?,
        _ => return None,
    };
    Some(Output { fields: vec![start, "0::smallint".to_owned()], kind: Kind::Time })
}

/// The bucket of this width that holds the time, and the bucket that holds the earliest time there is. Counting from there needs no bucket before the first,
/// which versions of PostgreSQL take differently.
fn bin(time: &str, nanos: i64) -> Option<(String, String)> {
    if nanos <= 0 || nanos % NANOS_PER_MICRO != 0 {
        return None;
    }
    let lowest = i128::from(i64::MIN).div_euclid(nanos.into()) * i128::from(nanos / NANOS_PER_MICRO);
    let lowest = micros_literal(i64::try_from(lowest).ok()?);
    let micros = nanos / NANOS_PER_MICRO;
    Some((format!("date_bin(interval '{micros} microseconds', \"{time}\", {lowest})"), lowest))
}

fn truncated(time: &str, unit: &str) -> Option<String> {
    let micros: i64 = match unit {
        "microsecond" => 1,
        "millisecond" => 1000,
        "second" => 1_000_000,
        "minute" => 60_000_000,
        "hour" => 3_600_000_000,
        "day" => 86_400_000_000,
        "week" | "month" | "quarter" | "year" => return Some(format!("date_trunc('{unit}', \"{time}\")")),
        _ => return None,
    };
    // Several times as fast as the database's own date_trunc.
    Some(bin(time, micros * NANOS_PER_MICRO)?.0)
}

/// Months have no width.
fn width_nanos(width: &ScalarValue) -> Option<i64> {
    const DAY: i64 = 86_400_000_000_000;
    let ScalarValue::IntervalMonthDayNano(Some(width)) = width else { return None };
    let nanos = i64::from(width.days).checked_mul(DAY)?.checked_add(width.nanoseconds)?;
    (width.months == 0).then_some(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_counted_from_before_all_times() {
        let minute =
            "date_bin(interval '60000000 microseconds', \"time\", timestamptz '1677-09-21 00:12:00.000000+00')";
        assert_eq!(truncated("time", "minute").as_deref(), Some(minute));
        let (_, lowest) = bin("time", i64::MAX / 1000 * 1000).expect("a bucket");
        assert_eq!(lowest, "timestamptz '1385-06-12 00:25:26.290450+00'");
    }

    #[test]
    fn a_bucket_without_a_fixed_width_of_whole_microseconds_is_none_of_the_database() {
        assert_eq!(bin("time", 1500), None);
        assert_eq!(bin("time", 0), None);
        assert_eq!(bin("time", -1000), None);
        assert_eq!(width_nanos(&ScalarValue::new_interval_mdn(1, 0, 0)), None);
        assert_eq!(width_nanos(&ScalarValue::new_interval_mdn(0, 1, 1)), Some(86_400_000_000_001));
    }
}
