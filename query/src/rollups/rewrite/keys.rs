//! What rollups keep apart, and which expressions ask for nothing else.

use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, Volatility};
use model::{Rollup, Signal, TimeRange};
use plane::Folded;

use super::BY_PERIOD;

/// Columns that name a service.
const SERVICE: [&str; 4] = ["service_name", "service_namespace", "service_version", "deployment_environment_name"];
/// Columns that are summed under `(other)` where a service has too many operations.
const OPERATION: [&str; 2] = ["name", "http_response_status_code"];
/// Columns that are always kept apart.
const ALWAYS: [&str; 2] = ["kind", "status_code"];

/// What a question needs rollups to keep apart.
#[derive(Debug, Default)]
pub(super) struct Uses {
    services: bool,
    operations: bool,
    minutes: bool,
}

impl Uses {
    /// Takes note of an expression; `None` when it asks for what rollups do not have.
    pub(super) fn see(&mut self, expr: &Expr) -> Option<()> {
        match expr {
            Expr::Column(column) => self.see_column(column.name()),
            Expr::Literal(..) => Some(()),
            Expr::ScalarFunction(function) => match period_nanos(function) {
                Some(nanos) => self.see_period(nanos),
                None if function.func.signature().volatility == Volatility::Volatile => None,
                None => self.see_children(expr),
            },
            Expr::Alias(_) | Expr::BinaryExpr(_) | Expr::Case(_) | Expr::Cast(_) | Expr::TryCast(_) => {
                self.see_children(expr)
            }
            Expr::Not(_) | Expr::Negative(_) | Expr::Between(_) | Expr::InList(_) | Expr::Like(_) => {
                self.see_children(expr)
            }
            Expr::SimilarTo(_) | Expr::IsNull(_) | Expr::IsNotNull(_) | Expr::IsTrue(_) | Expr::IsFalse(_) => {
                self.see_children(expr)
            }
            Expr::IsUnknown(_) | Expr::IsNotTrue(_) | Expr::IsNotFalse(_) | Expr::IsNotUnknown(_) => {
                self.see_children(expr)
            }
            _ => None,
        }
    }

    fn see_children(&mut self, expr: &Expr) -> Option<()> {
        let mut seen = Some(());
        let visited = expr.apply_children(|child| {
            seen = self.see(child);
            Ok(if seen.is_some() { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
        });
        visited.ok().and(seen)
    }

    fn see_column(&mut self, name: &str) -> Option<()> {
        self.services |= SERVICE.contains(&name);
        self.operations |= OPERATION.contains(&name);
        [SERVICE.as_slice(), &OPERATION, &ALWAYS].iter().any(|columns| columns.contains(&name)).then_some(())
    }

    fn see_period(&mut self, nanos: i64) -> Option<()> {
        self.minutes |= nanos % Rollup::ServiceHours.period_nanos() != 0;
        (nanos % Rollup::ServiceMinutes.period_nanos() == 0).then_some(())
    }

    /// Rollups whose periods are short enough, those with the longest first.
    pub(super) fn rollups(&self) -> &'static [Rollup] {
        if self.minutes { &BY_PERIOD[1..] } else { &BY_PERIOD }
    }

    /// Times in which what the question needs is not all kept apart.
    pub(super) fn folded_in(&self, folded: &Folded) -> TimeRange {
        let operations = if self.operations { folded.operations } else { TimeRange::EMPTY };
        let services = if self.services { folded.services } else { TimeRange::EMPTY };
        operations.union(&services)
    }
}

/// What every bucket's start and length are multiples of, if the function puts the time of spans into buckets.
fn period_nanos(function: &ScalarFunction) -> Option<i64> {
    let (width, rest) = function.args.split_first()?;
    let (time, origin) = rest.split_first()?;
    if !matches!(time, Expr::Column(column) if column.name == Signal::Spans.time_column()) {
        return None;
    }
    let Expr::Literal(width, _) = width else { return None };
    match (function.func.name(), origin) {
        ("date_trunc", []) => unit_nanos(width.try_as_str()??),
        ("date_bin", []) => width_nanos(width),
        ("date_bin", [Expr::Literal(ScalarValue::TimestampNanosecond(Some(origin), _), _)]) => {
            Some(greatest_common_divisor(width_nanos(width)?, *origin))
        }
        _ => None,
    }
}

fn unit_nanos(unit: &str) -> Option<i64> {
    match unit.to_lowercase().as_str() {
        "minute" => Some(Rollup::ServiceMinutes.period_nanos()),
        // Calendars are in UTC here, so that their days have whole hours.
        "hour" | "day" | "week" | "month" | "quarter" | "year" => Some(Rollup::ServiceHours.period_nanos()),
        _ => None,
    }
}

fn width_nanos(width: &ScalarValue) -> Option<i64> {
    const DAY: i64 = 86_400_000_000_000;
    let ScalarValue::IntervalMonthDayNano(Some(width)) = width else { return None };
    let nanos = i64::from(width.days).checked_mul(DAY)?.checked_add(width.nanoseconds)?;
    match (width.months, nanos) {
        (0, 1..) => Some(nanos),
        (1.., 0) => Some(DAY),
        _ => None,
    }
}

fn greatest_common_divisor(a: i64, b: i64) -> i64 {
    if b == 0 { a.abs() } else { greatest_common_divisor(b, a % b) }
}
