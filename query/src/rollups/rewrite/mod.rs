//! Answers questions about spans from their rollups, where the answer is the same.
//!
//! An aggregation of spans by what rollups keep apart becomes one of sums: hours for whole hours, minutes for whole minutes,
//! and the spans themselves for what is left at the ends of the range and before the rollups began. All of them
//! come from the snapshot of the statement. What is not understood here stays as it was written.

mod aggregates;
mod keys;
mod range;

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, DFSchema};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::error::Result;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    Aggregate, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, TableScan, Union, ident,
};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use model::{Rollup, Signal};

use self::aggregates::{Base, Sum, Summed};
use self::keys::Uses;
use self::range::{Part, Range};
use crate::table::SnapshotTable;

/// The rule; it comes before the others, which would take apart what it looks for.
#[derive(Debug)]
pub(crate) struct FromRollups;

impl OptimizerRule for FromRollups {
    fn name(&self) -> &'static str {
        "spans_from_rollups"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Aggregate(aggregate) = &plan else { return Ok(Transformed::no(plan)) };
        let Some((scan, filters)) = scan_below(&aggregate.input) else { return Ok(Transformed::no(plan)) };
        let provider = source_as_provider(&scan.source)?;
        let Some(spans) = provider.downcast_ref::<SnapshotTable>().filter(|table| table.is_rolled_up()) else {
            return Ok(Transformed::no(plan));
        };
        if filters.is_empty() && aggregate.group_expr.is_empty() && aggregate.aggr_expr.iter().all(aggregates::is_count)
        {
            // How many rows there are is known without reading any.
            return Ok(Transformed::no(plan));
        }
        let plain = Plain::new(spans, config)?;
        let filters = plain.all(&filters)?;
        let (groups, sums) = (plain.all(&aggregate.group_expr)?, plain.all(&aggregate.aggr_expr)?);
        match Question::understand(spans, filters, groups, &sums) {
            Some(question) => question.answer(scan, aggregate).map(Transformed::yes),
            None => Ok(Transformed::no(plan)),
        }
    }
}

/// The one table that the plan reads all rows of, but for those that filters leave out.
fn scan_below(plan: &LogicalPlan) -> Option<(&TableScan, Vec<Expr>)> {
    let (mut plan, mut filters) = (plan, Vec::new());
    loop {
        match plan {
            LogicalPlan::Filter(filter) => {
                filters.push(filter.predicate.clone());
                plan = &filter.input;
            }
            LogicalPlan::SubqueryAlias(alias) => plan = &alias.input,
            LogicalPlan::TableScan(scan) if scan.fetch.is_none() => {
                filters.extend(scan.filters.iter().cloned());
                return Some((scan, filters));
            }
            _ => return None,
        }
    }
}

/// Makes expressions as simple as they get: constants computed, columns without the name of their table.
struct Plain {
    simplifier: ExprSimplifier,
}

impl Plain {
    fn new(spans: &SnapshotTable, config: &dyn OptimizerConfig) -> Result<Self> {
        let context = SimplifyContext::builder()
            .with_schema(Arc::new(DFSchema::try_from(spans.schema())?))
            .with_config_options(config.options())
            .with_query_execution_start_time(config.query_execution_start_time())
            .build();
        Ok(Self { simplifier: ExprSimplifier::new(context) })
    }

    fn all(&self, exprs: &[Expr]) -> Result<Vec<Expr>> {
        exprs.iter().map(|expr| self.simplifier.simplify(unqualified(expr.clone())?)).collect()
    }
}

fn unqualified(expr: Expr) -> Result<Expr> {
    let named = expr.transform(|expr| match expr {
        Expr::Column(Column { relation: Some(_), name, .. }) => Ok(Transformed::yes(ident(name))),
        expr => Ok(Transformed::no(expr)),
    });
    named.data()
}

/// An aggregation of spans that rollups can answer.
struct Question<'a> {
    spans: &'a SnapshotTable,
    groups: Vec<Expr>,
    sums: Vec<Summed>,
    /// What spans must be like, apart from their time.
    conditions: Vec<Expr>,
    parts: Vec<Part>,
}

impl<'a> Question<'a> {
    /// `None` when rollups would not give the same answer, or give none.
    fn understand(
        spans: &'a SnapshotTable,
        filters: Vec<Expr>,
        groups: Vec<Expr>,
        aggregates: &[Expr],
    ) -> Option<Self> {
        let (mut range, mut uses, mut conditions) = (Range::ALL, Uses::default(), Vec::new());
        for condition in filters.into_iter().flat_map(split_conjunction_owned) {
            if !range.narrow(&condition) {
                uses.see(&condition)?;
                conditions.push(condition);
            }
        }
        groups.iter().try_for_each(|group| uses.see(group))?;
        let sums: Option<Vec<Summed>> = aggregates.iter().map(|expr| Summed::of(expr, &mut uses)).collect();
        let sums = sums?;

        let rollups = uses.rollups().iter().map(|rollup| spans.rollup(*rollup));
        let rollups: Option<Vec<_>> = rollups.map(|table| table.map(|table| &table.0)).collect();
        let rollups = rollups?;
        let parts = range.parts(&rollups);
        let is_summed = |part: &Part| part.rollup.is_some();
        if !parts.iter().any(is_summed) {
            return None;
        }
        let is_folded = rollups.iter().any(|rollup| {
            let folded = uses.folded_in(&rollup.folded());
            parts.iter().filter(|part| part.rollup == Some(rollup.rollup())).any(|part| part.overlaps(&folded))
        });
        (!is_folded).then_some(Self { spans, groups, sums, conditions, parts })
    }

    /// The sums of each part, added up, in the columns of the aggregation.
    fn answer(&self, scan: &TableScan, aggregate: &Aggregate) -> Result<LogicalPlan> {
        let bases = self.bases();
        let parts: Result<Vec<Arc<LogicalPlan>>> =
            self.parts.iter().map(|part| self.part(part, &bases, scan).map(Arc::new)).collect();
        let mut parts = parts?;
        let all = match parts.len() {
            1 => parts.remove(0),
            _ => Arc::new(LogicalPlan::Union(Union::try_new(parts)?)),
        };
        let groups = || (0..self.groups.len()).map(|place| ident(group_name(place)));
        let sum_name = |sum: &Sum| {
            let place = bases.iter().position(|base| **base == sum.base);
            base_name(place.expect("the bases of all sums are there"))
        };
        let merged = self.sums.iter().enumerate().flat_map(|(place, summed)| {
            let merged = summed.sums.iter().enumerate();
            merged.map(move |(number, sum)| sum.merge(sum_name(sum)).alias(merged_name(place, number)))
        });
        let added = LogicalPlanBuilder::from(all).aggregate(groups(), merged)?;

        let finished =
            self.sums.iter().enumerate().map(|(place, summed)| summed.finish(|number| merged_name(place, number)));
        let columns = groups().chain(finished).zip(aggregate.schema.iter()).map(|(expr, (relation, field))| {
            let expr = expr.cast_to(field.data_type(), added.schema())?;
            Ok(expr.alias_qualified(relation.cloned(), field.name()))
        });
        let columns: Result<Vec<Expr>> = columns.collect();
        added.project(columns?)?.build()
    }

    /// What is summed of each part; several aggregates may share it.
    fn bases(&self) -> Vec<&Base> {
        let mut bases: Vec<&Base> = Vec::new();
        for sum in self.sums.iter().flat_map(|summed| &summed.sums) {
            if !bases.contains(&&sum.base) {
                bases.push(&sum.base);
            }
        }
        bases
    }

    /// The groups and bases of one part.
    fn part(&self, part: &Part, bases: &[&Base], scan: &TableScan) -> Result<LogicalPlan> {
        let (plan, time) = match part.rollup.and_then(|rollup| self.spans.rollup(rollup)) {
            Some(table) => {
                let rollup = table.rollup();
                let source = provider_as_source(Arc::clone(table) as Arc<dyn TableProvider>);
                (LogicalPlanBuilder::scan(rollup.table_name(), source, None)?, rollup.time_column())
            }
            None => {
                let (name, source) = (scan.table_name.clone(), Arc::clone(&scan.source));
                (LogicalPlanBuilder::scan(name, source, None)?, Signal::Spans.time_column())
            }
        };
        let conditions = self.conditions.iter().map(|condition| timed(condition.clone(), time));
        let conditions = conditions.chain(part.condition(time).map(Ok)).collect::<Result<Vec<Expr>>>()?;
        let plan = match conjunction(conditions) {
            Some(condition) => plan.filter(condition)?,
            None => plan,
        };
        let groups = self.groups.iter().enumerate();
        let groups = groups.map(|(place, group)| Ok(timed(group.clone(), time)?.alias(group_name(place))));
        let sums = bases.iter().enumerate().map(|(place, base)| {
            let sum = if part.rollup.is_some() { &base.of_rollup } else { &base.of_spans };
            Ok(timed(sum.clone(), time)?.alias(base_name(place)))
        });
        let (groups, sums): (Result<Vec<Expr>>, Result<Vec<Expr>>) = (groups.collect(), sums.collect());
        plan.aggregate(groups?, sums?)?.build()
    }
}

/// The expression over the time column of another table.
fn timed(expr: Expr, time: &str) -> Result<Expr> {
    let start_time = Signal::Spans.time_column();
    let renamed = expr.transform(|expr| match expr {
        Expr::Column(column) if column.name == start_time => Ok(Transformed::yes(ident(time))),
        expr => Ok(Transformed::no(expr)),
    });
    renamed.data()
}

fn group_name(place: usize) -> String {
    format!("group {place}")
}

fn base_name(place: usize) -> String {
    format!("part {place}")
}

fn merged_name(place: usize, number: usize) -> String {
    format!("sum {place}.{number}")
}

/// The rollups of services by length of their periods, longest first.
const BY_PERIOD: [Rollup; 2] = [Rollup::ServiceHours, Rollup::ServiceMinutes];
