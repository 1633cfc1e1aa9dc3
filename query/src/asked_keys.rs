//! Tells scans which members of JSON a statement looks at, so that stores need not read all the others.
//!
//! What leaves the statement, or goes a way that is not followed here, is looked at as a whole.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan, Projection, TableScan};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};
use model::json;

use crate::table::SnapshotTable;

/// What is looked at in a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Members with these keys; none when the column is not looked at.
    Keys(BTreeSet<String>),
    Everything,
}

impl Asked {
    const NOTHING: Self = Self::Keys(BTreeSet::new());

    fn add(&mut self, other: Self) {
        match (self, other) {
            (Self::Keys(keys), Self::Keys(more)) => keys.extend(more),
            (asked, _) => *asked = Self::Everything,
        }
    }
}

/// The rule; it runs last, when columns that nobody needs are gone and filters are where they stay.
#[derive(Debug)]
pub(crate) struct AskedKeys;

impl OptimizerRule for AskedKeys {
    fn name(&self) -> &'static str {
        "asked_keys"
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        if looks_outwards(&plan)? {
            return Ok(Transformed::no(plan));
        }
        let everything = vec![Asked::Everything; width(&plan)];
        told(plan, everything)
    }
}

/// True when a query inside another looks at columns of the outer one, on ways that are not followed here.
fn looks_outwards(plan: &LogicalPlan) -> Result<bool> {
    let mut looks_outwards = false;
    plan.apply_with_subqueries(|plan| {
        looks_outwards |= plan.contains_outer_reference();
        Ok(if looks_outwards { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(looks_outwards)
}

fn width(plan: &LogicalPlan) -> usize {
    plan.schema().fields().len()
}

/// The plan whose scans know what is asked of them, by what is asked of each of its own columns.
fn told(plan: LogicalPlan, asked: Vec<Asked>) -> Result<Transformed<LogicalPlan>> {
    if let LogicalPlan::TableScan(scan) = plan {
        return scan_told(scan, &asked);
    }
    let mut of_inputs = of_inputs(&plan, asked)?.into_iter();
    plan.map_children(|input| told(input, of_inputs.next().expect("each input has columns")))?.transform_data(|plan| {
        plan.map_subqueries(|subquery| {
            let everything = vec![Asked::Everything; width(&subquery)];
            told(subquery, everything)
        })
    })
}

fn scan_told(mut scan: TableScan, asked: &[Asked]) -> Result<Transformed<LogicalPlan>> {
    let provider = source_as_provider(&scan.source)?;
    let Some(table) = provider.downcast_ref::<SnapshotTable>() else {
        return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
    };
    let columns = scan.projected_schema.fields().iter().zip(asked);
    let keys = columns.filter_map(|(field, asked)| match asked {
        Asked::Keys(keys) if !keys.is_empty() && json::COLUMNS.contains(&field.name().as_str()) => {
            Some((field.name().clone(), keys.iter().cloned().collect()))
        }
        _ => None,
    });
    let keys = keys.collect();
    if *table.asked() == keys {
        return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
    }
    scan.source = provider_as_source(Arc::new(table.clone().asked_for(keys)));
    Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
}

/// What is asked of each column of each input.
fn of_inputs(plan: &LogicalPlan, asked: Vec<Asked>) -> Result<Vec<Vec<Asked>>> {
    let each_input = |asked: Asked| plan.inputs().into_iter().map(|input| vec![asked.clone(); width(input)]).collect();
    let mut of_inputs: Vec<Vec<Asked>> = match plan {
        LogicalPlan::Projection(projection) => {
            return of_projected(plan, projection, &asked, each_input(Asked::NOTHING));
        }
        // What comes out is what goes in: it is asked for as it is further up.
        LogicalPlan::Filter(_) | LogicalPlan::Sort(_) | LogicalPlan::Limit(_) | LogicalPlan::SubqueryAlias(_) => {
            vec![asked]
        }
        LogicalPlan::Join(join) => match join.join_type {
            JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => {
                let (mut left, left_width) = (asked, width(&join.left));
                let right = left.split_off(left_width);
                vec![left, right]
            }
            JoinType::LeftSemi | JoinType::LeftAnti => vec![asked, vec![Asked::NOTHING; width(&join.right)]],
            _ => each_input(Asked::Everything),
        },
        LogicalPlan::Aggregate(_) => each_input(Asked::NOTHING),
        _ => each_input(Asked::Everything),
    };
    for expr in plan.expressions() {
        look(plan, &mut of_inputs, &expr)?;
    }
    Ok(of_inputs)
}

fn of_projected(
    plan: &LogicalPlan,
    projection: &Projection,
    asked: &[Asked],
    mut of_inputs: Vec<Vec<Asked>>,
) -> Result<Vec<Vec<Asked>>> {
    for (expr, asked) in projection.expr.iter().zip(asked) {
        match passed_on(expr) {
            Some(column) => add(plan, &mut of_inputs, column, asked),
            None => look(plan, &mut of_inputs, expr)?,
        }
    }
    Ok(of_inputs)
}

/// The column, if the expression is one, by whatever name.
fn passed_on(expr: &Expr) -> Option<&Column> {
    match expr {
        Expr::Column(column) => Some(column),
        Expr::Alias(alias) => passed_on(&alias.expr),
        _ => None,
    }
}

/// Adds what the expression asks of columns.
fn look(plan: &LogicalPlan, of_inputs: &mut [Vec<Asked>], expr: &Expr) -> Result<()> {
    expr.apply(|expr| {
        if let Some((column, key)) = accessed(expr) {
            add(plan, of_inputs, column, &Asked::Keys(BTreeSet::from([key.to_owned()])));
            return Ok(TreeNodeRecursion::Jump);
        }
        if let Expr::Column(column) = expr {
            add(plan, of_inputs, column, &Asked::Everything);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

/// The column of JSON and the key, if the expression looks at one member.
fn accessed(expr: &Expr) -> Option<(&Column, &str)> {
    let Expr::ScalarFunction(function) = expr else { return None };
    let [Expr::Column(column), Expr::Literal(key, _), path @ ..] = function.args.as_slice() else { return None };
    let is_path = path.iter().all(|step| matches!(step, Expr::Literal(..)));
    let key = key.try_as_str()?.filter(|_| is_path && json::takes_members(function.func.name()))?;
    Some((column, key))
}

/// Adds it to the column of that name, in whichever input.
fn add(plan: &LogicalPlan, of_inputs: &mut [Vec<Asked>], column: &Column, asked: &Asked) {
    for (input, of_input) in plan.inputs().into_iter().zip(of_inputs) {
        if let Some(index) = input.schema().maybe_index_of_column(column) {
            of_input[index].add(asked.clone());
        }
    }
}
