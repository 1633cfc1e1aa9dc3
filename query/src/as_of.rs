//! Answers as of a time that is past: `now()` is that time, and telemetry of later times is not there.
//!
//! Rules are evaluated so, whenever that happens: late for data that comes late, again for a time that was missed, or over a week
//! that is past to see when they would have fired.

use std::str::FromStr;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableScan, lit};
use model::{Dataset, Timestamp};

use crate::catalog::SCHEMA;

/// The plan without telemetry of `at` and later.
pub(crate) fn without_later(plan: LogicalPlan, at: Timestamp) -> Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| match &node {
        LogicalPlan::TableScan(scan) => match time_column(scan) {
            Some(time) => {
                let at = lit(ScalarValue::TimestampNanosecond(Some(at.0), Some("UTC".into())));
                Ok(Transformed::yes(LogicalPlanBuilder::from(node).filter(time.lt(at))?.build()?))
            }
            None => Ok(Transformed::no(node)),
        },
        _ => Ok(Transformed::no(node)),
    })?;
    Ok(plan.data)
}

/// What says of a row of telemetry when it was.
fn time_column(scan: &TableScan) -> Option<Expr> {
    let is_telemetry = scan.table_name.schema().is_none_or(|schema| schema == SCHEMA);
    let dataset = Dataset::from_str(scan.table_name.table()).ok().filter(|_| is_telemetry)?;
    Some(Expr::Column(Column::new(Some(scan.table_name.clone()), dataset.time_column())))
}
