//! Traces the columns of a plan back to the telemetry tables they come from.
//!
//! A column that is, or may have been made from, a table's JSON attributes is never taken for another's: where
//! the way back is not plain it is `Blurred`.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::FieldRef;
use datafusion::catalog::cte_worktable::CteWorkTable;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchemaRef};
use datafusion::datasource::source_as_provider;
use datafusion::error::Result;
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan, TableScan};
use model::{Level, Signal, Table, json};

use crate::table::SnapshotTable;

/// Where the values of a column come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From anywhere but a table's JSON attributes.
    Other,
    /// Straight from a column of a telemetry table.
    Table(TableColumn),
    /// The same, but the statement did not ask for it: it is here for an access further up.
    Carried(TableColumn),
    /// Perhaps from JSON attributes, on a way that cannot be followed.
    Blurred,
}

/// A column of one scan of a telemetry table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TableColumn {
    /// Which scan: a table joined with itself is scanned twice.
    pub(crate) scan: usize,
    /// Which table.
    pub(crate) signal: Signal,
    /// Place of the column in the table.
    index: usize,
}

impl TableColumn {
    /// Its name in the table.
    pub(crate) fn name(&self) -> &'static str {
        Table::of(self.signal).columns[self.index].name
    }

    /// The level whose other attributes the column holds as JSON.
    pub(crate) fn level(&self) -> Option<Level> {
        match self.name() {
            "attributes" => Some(Level::Item),
            "resource_attributes" => Some(Level::Resource),
            _ => None,
        }
    }

    /// Another column of the same scan.
    pub(crate) fn beside(self, name: &str) -> Self {
        Self { index: Table::of(self.signal).index(name), ..self }
    }
}

impl Origin {
    fn table(self) -> Option<TableColumn> {
        match self {
            Self::Table(column) => Some(column),
            _ => None,
        }
    }

    fn is_attributes(self) -> bool {
        match self {
            Self::Other | Self::Carried(_) => false,
            Self::Table(column) => column.level().is_some(),
            Self::Blurred => true,
        }
    }

    /// True when the column has exactly the values of the table's column.
    pub(crate) fn holds(self, wanted: TableColumn) -> bool {
        self == Self::Table(wanted) || self == Self::Carried(wanted)
    }

    /// What is left of the origin when a value was made from the column.
    fn blurred(self) -> Self {
        if self.is_attributes() { Self::Blurred } else { Self::Other }
    }
}

/// The output of a plan, column by column.
#[derive(Debug)]
pub(crate) struct Relation {
    pub(crate) schema: DFSchemaRef,
    pub(crate) origins: Vec<Origin>,
}

/// The columns that expressions of a node can name: of its inputs, and of the queries around it.
#[derive(Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) inputs: Vec<Relation>,
    pub(crate) outer: Option<&'a Scope<'a>>,
}

impl Scope<'_> {
    /// Where the value of the expression comes from.
    pub(crate) fn origin(&self, expr: &Expr) -> Origin {
        match expr {
            Expr::Column(column) => self.find(column),
            Expr::OuterReferenceColumn(_, column) => {
                self.outer.map_or(Origin::Blurred, |outer| outer.find_outwards(column))
            }
            Expr::Alias(alias) => self.origin(&alias.expr),
            Expr::Cast(cast) => self.origin(&cast.expr),
            Expr::TryCast(cast) => self.origin(&cast.expr),
            // What was taken out of JSON is no longer the attributes.
            Expr::ScalarFunction(function) if json::takes_members(function.func.name()) => Origin::Other,
            Expr::ScalarSubquery(_) => Origin::Blurred,
            expr => self.made_from(expr),
        }
    }

    /// An expression for the column, if the node can name it.
    pub(crate) fn name(&self, wanted: TableColumn) -> Option<Expr> {
        self.name_of_input(wanted).or_else(|| {
            let mut outwards = std::iter::successors(self.outer, |scope| scope.outer);
            let (field, column) = outwards.find_map(|scope| scope.place(wanted))?;
            Some(Expr::OuterReferenceColumn(field, column))
        })
    }

    /// An expression for the column, if an input of the node has it.
    pub(crate) fn name_of_input(&self, wanted: TableColumn) -> Option<Expr> {
        self.place(wanted).map(|(_, column)| Expr::Column(column))
    }

    fn place(&self, wanted: TableColumn) -> Option<(FieldRef, Column)> {
        let mut columns = self.inputs.iter().flat_map(|input| input.schema.iter().zip(&input.origins));
        let found = columns.find(|(_, origin)| origin.holds(wanted));
        found.map(|((relation, field), _)| (Arc::clone(field), Column::new(relation.cloned(), field.name())))
    }

    fn find(&self, column: &Column) -> Origin {
        let place = |input: &Relation| input.schema.maybe_index_of_column(column).map(|index| input.origins[index]);
        match self.inputs.iter().find_map(place) {
            // An access names it now, so it is no longer only carried.
            Some(Origin::Carried(column)) => Origin::Table(column),
            Some(origin) => origin,
            None => Origin::Blurred,
        }
    }

    fn find_outwards(&self, column: &Column) -> Origin {
        match (self.find(column), self.outer) {
            (Origin::Blurred, Some(outer)) => outer.find_outwards(column),
            (origin, _) => origin,
        }
    }

    fn made_from(&self, expr: &Expr) -> Origin {
        let mut made_from = Origin::Other;
        let visited = expr.apply_children(|child| {
            if self.origin(child).is_attributes() {
                made_from = Origin::Blurred;
                return Ok(TreeNodeRecursion::Stop);
            }
            Ok(TreeNodeRecursion::Continue)
        });
        visited.map_or(Origin::Blurred, |_| made_from)
    }

    fn all(&self) -> Vec<Origin> {
        self.inputs.iter().flat_map(|input| input.origins.iter().copied()).collect()
    }
}

/// Numbers the scans of one plan.
#[derive(Debug, Default)]
pub(crate) struct Scans {
    count: usize,
    /// Scans whose rows were put under one another are as good as one, when they are for each column.
    unions: HashMap<Vec<usize>, usize>,
}

impl Scans {
    /// Origins of the columns that the node gives.
    pub(crate) fn origins(&mut self, plan: &LogicalPlan, scope: &Scope<'_>) -> Result<Vec<Origin>> {
        let width = plan.schema().fields().len();
        let of_each = |exprs: &[Expr]| exprs.iter().map(|expr| scope.origin(expr)).collect::<Vec<_>>();
        let origins = match plan {
            LogicalPlan::TableScan(scan) => self.of_scan(scan)?,
            LogicalPlan::Projection(projection) => of_each(&projection.expr),
            LogicalPlan::Distinct(Distinct::On(distinct)) => of_each(&distinct.select_expr),
            LogicalPlan::Aggregate(aggregate) => {
                [of_each(&aggregate.group_expr), of_each(&aggregate.aggr_expr)].concat()
            }
            LogicalPlan::Window(window) => [scope.all(), of_each(&window.window_expr)].concat(),
            LogicalPlan::Union(_) => self.of_union(&scope.inputs, width),
            LogicalPlan::RecursiveQuery(_) => Vec::new(),
            // A join that gives one side only, and perhaps a mark.
            LogicalPlan::Join(join) if width != scope.all().len() => {
                join.schema.columns().iter().map(|column| scope.find(column)).collect()
            }
            _ => scope.all(),
        };
        if origins.len() == width {
            return Ok(origins);
        }
        // A node not known here: whatever goes in may come out anywhere.
        let blurred = scope.all().into_iter().map(Origin::blurred).find(|origin| *origin == Origin::Blurred);
        Ok(vec![blurred.unwrap_or(Origin::Other); width])
    }

    fn of_scan(&mut self, scan: &TableScan) -> Result<Vec<Origin>> {
        let fields = scan.projected_schema.fields().iter();
        let provider = source_as_provider(&scan.source)?;
        if let Some(table) = provider.downcast_ref::<SnapshotTable>() {
            let signal = table.signal();
            let scan = self.next();
            let column = |name: &str| TableColumn { scan, signal, index: Table::of(signal).index(name) };
            return Ok(fields.map(|field| Origin::Table(column(field.name()))).collect());
        }
        // The rows of a recursive query so far, which may hold anything.
        let origin = if provider.is::<CteWorkTable>() { Origin::Blurred } else { Origin::Other };
        Ok(vec![origin; fields.len()])
    }

    fn of_union(&mut self, inputs: &[Relation], width: usize) -> Vec<Origin> {
        let place =
            |index| inputs.iter().map(move |input| input.origins.get(index).copied().unwrap_or(Origin::Blurred));
        (0..width).map(|index| self.under_one_another(place(index))).collect()
    }

    fn under_one_another(&mut self, origins: impl Iterator<Item = Origin> + Clone) -> Origin {
        let columns: Option<Vec<TableColumn>> = origins.clone().map(Origin::table).collect();
        if let Some([first, rest @ ..]) = columns.as_deref()
            && rest.iter().all(|other| (other.signal, other.index) == (first.signal, first.index))
        {
            let scans = columns.iter().flatten().map(|column| column.scan).collect();
            return Origin::Table(TableColumn { scan: self.union(scans), ..*first });
        }
        let blurred = origins.map(Origin::blurred).find(|origin| *origin == Origin::Blurred);
        blurred.unwrap_or(Origin::Other)
    }

    fn union(&mut self, scans: Vec<usize>) -> usize {
        let next = self.count;
        let scan = *self.unions.entry(scans).or_insert(next);
        self.count = self.count.max(scan + 1);
        scan
    }

    fn next(&mut self) -> usize {
        self.count += 1;
        self.count - 1
    }
}
