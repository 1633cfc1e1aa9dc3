//! Aggregations over the rows of a table as `GROUP BY` of the database, where both mean the same.
//!
//! The database answers what DataFusion's partial aggregation would have: a row for each group, with the state of every function.
//! DataFusion merges these with those of live rows and of other connections, so the answer is the same, and rows stay where they are.

mod functions;
mod keys;

use std::any::Any;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::projection::{ProjectionExpr, update_expr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::ensure_requirements::EnsureRequirements;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, replace_children_if_necessary};

use crate::physical::Columns;
use crate::scan::TimescaleScan;
use crate::select::{Asked, Output, Select};

/// DataFusion's rules with ours in its place: filters have been pushed into scans and limits into aggregations, and rows are
/// not yet spread over partitions, so that an aggregation stands right above what it reads.
pub(crate) fn optimizer_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    let spreads = |rule: &Arc<dyn PhysicalOptimizerRule + Send + Sync>| {
        let rule: &dyn Any = rule.as_ref();
        rule.is::<EnsureRequirements>()
    };
    let place = rules.iter().position(spreads).expect("DataFusion spreads rows over partitions");
    rules.insert(place, Arc::new(GroupInDatabase));
    rules
}

/// Makes scans answer what partial aggregations right above them ask.
#[derive(Debug)]
struct GroupInDatabase;

impl PhysicalOptimizerRule for GroupInDatabase {
    fn name(&self) -> &'static str {
        "group_in_database"
    }

    fn schema_check(&self) -> bool {
        true
    }

    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|plan| {
            Ok(match split(&plan)? {
                Some(split) => Transformed::yes(split),
                None => Transformed::no(plan),
            })
        })
        .data()
    }
}

/// The aggregation as one of each branch that it reads, in the database where that is possible; `None` when it is nowhere.
fn split(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let Some(aggregate) = plan.downcast_ref::<AggregateExec>().filter(|aggregate| is_splittable(aggregate)) else {
        return Ok(None);
    };
    let branches = branches(aggregate.input())?;
    let grouped: Vec<_> = branches.iter().map(|branch| grouped(aggregate, branch)).collect();
    if grouped.iter().all(Option::is_none) {
        return Ok(None);
    }
    let split = branches.into_iter().zip(grouped).map(|(branch, grouped)| match grouped {
        Some(scan) => Ok(Arc::new(scan) as Arc<dyn ExecutionPlan>),
        None => replace_children_if_necessary(Arc::clone(plan), vec![branch]),
    });
    UnionExec::try_new(split.collect::<Result<_>>()?).map(Some)
}

/// True when what it makes of parts of its rows is merged afterwards. With a limit it ends when it has seen enough, which the database would not.
fn is_splittable(aggregate: &AggregateExec) -> bool {
    *aggregate.mode() == AggregateMode::Partial
        && aggregate.limit_options().is_none()
        && (aggregate.group_expr().is_single() || aggregate.group_expr().is_true_no_grouping())
}

/// Plans whose rows together are those of the plan, as far as that shows without looking at them.
fn branches(plan: &Arc<dyn ExecutionPlan>) -> Result<Vec<Arc<dyn ExecutionPlan>>> {
    if let Some(union) = plan.downcast_ref::<UnionExec>() {
        let inputs: Vec<_> = union.inputs().iter().map(branches).collect::<Result<_>>()?;
        return Ok(inputs.concat());
    }
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        let inputs = branches(projection.input())?.into_iter();
        return inputs.map(|input| replace_children_if_necessary(Arc::clone(plan), vec![input])).collect();
    }
    Ok(vec![Arc::clone(plan)])
}

/// The scan that answers what the aggregation asks of this branch.
fn grouped(aggregate: &AggregateExec, branch: &Arc<dyn ExecutionPlan>) -> Option<TimescaleScan> {
    let (mut input, mut projections) = (branch, Vec::new());
    while let Some(projection) = input.downcast_ref::<ProjectionExec>() {
        projections.push(projection.expr());
        input = projection.input();
    }
    let scan = input.downcast_ref::<TimescaleScan>()?;
    let columns = Columns::of(scan.select())?;
    let seen = |expr: &Arc<dyn PhysicalExpr>| seen_through(&projections, expr);
    let keys = aggregate.group_expr().expr().iter().map(|(expr, _)| keys::output(columns, &seen(expr)?));
    let sums = aggregate.aggr_expr().iter().zip(aggregate.filter_expr()).map(|(function, filter)| {
        let arguments: Option<Vec<_>> = function.expressions().iter().map(seen).collect();
        let filter = match filter {
            Some(filter) => Some(columns.condition(&seen(filter)?)?),
            None => None,
        };
        functions::outputs(columns, function, &arguments?, filter)
    });
    let (keys, sums): (Vec<Output>, Vec<Vec<Output>>) = (keys.collect::<Option<_>>()?, sums.collect::<Option<_>>()?);
    let select = Select { asked: Asked::Groups { keys, sums: sums.concat() }, ..scan.select().clone() };
    Some(scan.asking(select, aggregate.schema()))
}

/// The expression in terms of what lies below the projections, of which the first is the uppermost.
fn seen_through(projections: &[&[ProjectionExpr]], expr: &Arc<dyn PhysicalExpr>) -> Option<Arc<dyn PhysicalExpr>> {
    projections.iter().try_fold(Arc::clone(expr), |expr, projection| {
        let below = update_expr(&expr, projection, true).ok()?;
        Some(below.unwrap_or(expr))
    })
}
