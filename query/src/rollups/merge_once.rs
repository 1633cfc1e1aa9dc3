//! Adds partial rows of a rollup up once.
//!
//! A view of a rollup adds its partial rows up by all keys; an aggregation of the view does it again, by fewer. When the latter
//! only sums the sums, it can do so over the partial rows.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::datasource::source_as_provider;
use datafusion::error::Result;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::RollupTable;
use super::sketches::{QUANTILE, SKETCH};

/// The rule; it comes before the others, which would take apart what it looks for.
#[derive(Debug)]
pub(crate) struct MergeOnce;

impl OptimizerRule for MergeOnce {
    fn name(&self) -> &'static str {
        "merge_rollups_once"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        match plan {
            LogicalPlan::Aggregate(aggregate) if sums_sums(&aggregate) => {
                let input = Arc::new(unmerged(Arc::unwrap_or_clone(aggregate.input))?);
                let aggregate = Aggregate::try_new(input, aggregate.group_expr, aggregate.aggr_expr)?;
                Ok(Transformed::yes(LogicalPlan::Aggregate(aggregate)))
            }
            plan => Ok(Transformed::no(plan)),
        }
    }
}

/// What a column of a view of a rollup is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// Made of keys.
    Key,
    /// Made of partial values by this function, and by it again of what it made.
    Made(String),
}

/// True when the aggregation gives the same over the partial rows of the view below it.
fn sums_sums(aggregate: &Aggregate) -> bool {
    let input = &aggregate.input;
    let Some(parts) = parts(input) else { return false };
    let is_key = |expr: &Expr| is_key(expr, input, &parts);
    let is_sum = |expr: &Expr| {
        let Expr::AggregateFunction(AggregateFunction { func, params }) = expr else { return false };
        let Some((of, rest)) = params.args.split_first() else { return false };
        let plain = params.order_by.is_empty() && params.null_treatment.is_none() && rest.iter().all(is_key);
        if !plain || !params.filter.as_deref().is_none_or(is_key) {
            return false;
        }
        match (func.name(), part_of(of, input, &parts)) {
            (QUANTILE, Some(Part::Made(by))) => !params.distinct && by == SKETCH,
            (again, Some(Part::Made(by))) => !params.distinct && by == again,
            // Seeing a key more than once changes neither.
            ("min" | "max", None | Some(Part::Key)) => is_key(of),
            (_, None | Some(Part::Key)) => params.distinct && is_key(of),
        }
    };
    aggregate.group_expr.iter().all(is_key) && aggregate.aggr_expr.iter().all(|expr| is_sum(unaliased(expr)))
}

/// The columns of a plan over a view of a rollup; `None` when it is something else.
fn parts(plan: &LogicalPlan) -> Option<Vec<Part>> {
    match plan {
        LogicalPlan::SubqueryAlias(alias) => parts(&alias.input),
        LogicalPlan::Filter(filter) => {
            let parts = parts(&filter.input)?;
            is_key(&filter.predicate, &filter.input, &parts).then_some(parts)
        }
        LogicalPlan::Projection(projection) => {
            let (input, parts) = (&projection.input, parts(&projection.input)?);
            let part =
                |expr: &Expr| part_of(expr, input, &parts).or_else(|| is_key(expr, input, &parts).then_some(Part::Key));
            projection.expr.iter().map(part).collect()
        }
        LogicalPlan::Aggregate(merge) if reads_rollup(&merge.input) => {
            let keys = merge.group_expr.iter().map(|_| Some(Part::Key));
            keys.chain(merge.aggr_expr.iter().map(|expr| made(expr).map(|(by, _)| Part::Made(by)))).collect()
        }
        _ => None,
    }
}

fn reads_rollup(plan: &LogicalPlan) -> bool {
    let LogicalPlan::TableScan(scan) = plan else { return false };
    scan.fetch.is_none() && source_as_provider(&scan.source).is_ok_and(|provider| provider.is::<RollupTable>())
}

/// The function that merges partial values, and the values.
fn made(expr: &Expr) -> Option<(String, &Expr)> {
    let Expr::AggregateFunction(AggregateFunction { func, params }) = unaliased(expr) else { return None };
    let is_plain = params.filter.is_none() && params.order_by.is_empty() && !params.distinct;
    match (func.name(), params.args.as_slice()) {
        (name @ ("sum" | "min" | "max" | SKETCH), [of @ Expr::Column(_)]) if is_plain => Some((name.to_owned(), of)),
        _ => None,
    }
}

fn part_of(expr: &Expr, input: &LogicalPlan, parts: &[Part]) -> Option<Part> {
    let Expr::Column(column) = unaliased(expr) else { return None };
    input.schema().maybe_index_of_column(column).map(|place| parts[place].clone())
}

/// True when the expression is the same for all partial rows of a key.
fn is_key(expr: &Expr, input: &LogicalPlan, parts: &[Part]) -> bool {
    let mut is_key = true;
    let visited = expr.apply(|expr| {
        is_key &= match expr {
            Expr::Column(_) => part_of(expr, input, parts) == Some(Part::Key),
            Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_) => false,
            Expr::OuterReferenceColumn(..) | Expr::AggregateFunction(_) | Expr::WindowFunction(_) => false,
            Expr::GroupingSet(_) | Expr::Unnest(_) => false,
            expr => !expr.is_volatile_node(),
        };
        Ok(if is_key { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    is_key && visited.is_ok()
}

fn unaliased(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => unaliased(&alias.expr),
        expr => expr,
    }
}

/// The view with partial rows instead of merged ones, under the same names.
fn unmerged(plan: LogicalPlan) -> Result<LogicalPlan> {
    match plan {
        LogicalPlan::Aggregate(merge) => {
            let values = merge.aggr_expr.iter().map(|expr| made(expr).map_or(expr, |(_, of)| of));
            let columns = merge.group_expr.iter().chain(values).zip(merge.schema.iter());
            let columns: Vec<Expr> = columns
                .map(|(expr, (relation, field))| {
                    unaliased(expr).clone().alias_qualified(relation.cloned(), field.name())
                })
                .collect();
            LogicalPlanBuilder::from(Arc::unwrap_or_clone(merge.input)).project(columns)?.build()
        }
        plan => plan.map_children(|child| unmerged(child).map(Transformed::yes)).data()?.recompute_schema(),
    }
}
