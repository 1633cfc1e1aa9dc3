//! Lets `attributes->>'http.route'` reach every attribute, whether it has a column of its own or not.
//!
//! An access to a promoted attribute becomes an expression over its column with the same value. A subquery that
//! selects `attributes` carries the columns that the statement needs with it. Where a column is out of reach all
//! the same, as behind a UNION, the statement is refused: the JSON alone would give NULL for what is there.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinType, ScalarValue};
use datafusion::error::Result;
use datafusion::functions::expr_fn::{coalesce, concat};
use datafusion::logical_expr::conditional_expressions::CaseBuilder;
use datafusion::logical_expr::expr::{Exists, InList, InSubquery, ScalarFunction, SetComparison};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Between, BinaryExpr, Cast, Expr, LogicalPlan, LogicalPlanBuilder, Operator, Projection, Subquery, TryCast, cast,
    lit, when,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion_functions_json::functions::{json_contains, json_from_scalar, json_union_to_text};
use model::conventions::{self, AttributeType};
use model::{Convention, Level, Signal, json};

use crate::error::{Fault, FaultCode, Position, QueryError};
use crate::ids::is_comparison;
use crate::lineage::{Origin, Relation, Scans, Scope, TableColumn};

/// The rule; it runs before types are coerced.
#[derive(Debug)]
pub(crate) struct PromotedAttributes;

impl AnalyzerRule for PromotedAttributes {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let mut rewrite = Rewrite { scans: Scans::default(), wanted: promoted_keys(&plan)? };
        let (plan, origins) = rewrite.plan(plan, None)?;
        Ok(trimmed(plan, origins)?.0)
    }

    fn name(&self) -> &'static str {
        "promoted_attributes"
    }
}

/// Keys of promoted attributes that the statement looks up anywhere.
fn promoted_keys(plan: &LogicalPlan) -> Result<BTreeSet<&'static str>> {
    let mut keys = BTreeSet::new();
    plan.apply_with_subqueries(|plan| {
        plan.apply_expressions(|expr| {
            expr.apply(|expr| {
                let key = accessed(expr).and_then(|(_, _, key)| literal_text(key));
                keys.extend(key.and_then(promoted_anywhere).map(|convention| convention.key));
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(keys)
}

struct Rewrite {
    scans: Scans,
    wanted: BTreeSet<&'static str>,
}

impl Rewrite {
    /// The plan with its accesses rewritten, and where its columns come from.
    fn plan(&mut self, plan: LogicalPlan, outer: Option<&Scope<'_>>) -> Result<(LogicalPlan, Vec<Origin>)> {
        let (mut inputs, lets_through) = (Vec::new(), lets_through(&plan));
        let plan = plan.map_children(|child| {
            let (child, origins) = self.plan(child, outer)?;
            let (child, origins) = if lets_through { (child, origins) } else { trimmed(child, origins)? };
            inputs.push(Relation { schema: Arc::clone(child.schema()), origins });
            Ok(Transformed::yes(child))
        })?;
        let scope = Scope { inputs, outer };
        let names = NamePreserver::new(&plan.data);
        let plan = plan.data.map_expressions(|expr| {
            let name = names.save(&expr);
            Ok(self.expr(expr, &scope)?.update_data(|expr| name.restore(expr)))
        })?;
        let plan = plan.data.recompute_schema()?;
        let origins = self.scans.origins(&plan, &scope)?;
        match plan {
            LogicalPlan::Projection(projection) => self.carrying(projection, origins, &scope),
            plan => Ok((plan, origins)),
        }
    }

    /// The projection with the promoted columns beside the attributes it selects.
    fn carrying(
        &self,
        projection: Projection,
        mut origins: Vec<Origin>,
        scope: &Scope<'_>,
    ) -> Result<(LogicalPlan, Vec<Origin>)> {
        let mut exprs = projection.expr;
        for index in 0..exprs.len() {
            let Origin::Table(attributes) = origins[index] else { continue };
            for column in self.wanted_beside(attributes) {
                if let Some(expr) = scope.name_of_input(column)
                    && !origins.iter().any(|origin| origin.holds(column))
                {
                    // No two columns of one node may share a name, whatever the statement calls its own.
                    exprs.push(expr.alias(format!("{} of scan {}", column.name(), column.scan)));
                    origins.push(Origin::Carried(column));
                }
            }
        }
        let plan = LogicalPlan::Projection(Projection::try_new(exprs, projection.input)?);
        Ok((plan, origins))
    }

    /// The promoted columns that complete these attributes for the keys of the statement.
    fn wanted_beside(&self, attributes: TableColumn) -> impl Iterator<Item = TableColumn> {
        let level = attributes.level().into_iter();
        let conventions = level.flat_map(move |level| {
            self.wanted.iter().filter_map(move |key| conventions::find(attributes.signal, level, key))
        });
        conventions.map(move |convention| attributes.beside(convention.column))
    }

    fn expr(&mut self, expr: Expr, scope: &Scope<'_>) -> Result<Transformed<Expr>> {
        expr.transform_down(|expr| match expr {
            Expr::ScalarSubquery(subquery) => {
                Ok(Transformed::yes(Expr::ScalarSubquery(self.subquery(subquery, scope)?)))
            }
            Expr::Exists(Exists { subquery, negated }) => {
                let subquery = self.subquery(subquery, scope)?;
                Ok(Transformed::yes(Expr::Exists(Exists { subquery, negated })))
            }
            Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
                let subquery = self.subquery(subquery, scope)?;
                Ok(Transformed::yes(Expr::InSubquery(InSubquery { expr, subquery, negated })))
            }
            Expr::SetComparison(SetComparison { expr, subquery, op, quantifier }) => {
                let subquery = self.subquery(subquery, scope)?;
                Ok(Transformed::yes(Expr::SetComparison(SetComparison { expr, subquery, op, quantifier })))
            }
            expr => Ok(match rewritten(&expr, scope)? {
                // What replaces an access may hold the access to the JSON, which is not to be replaced again.
                Some(new) => Transformed::new(new, true, TreeNodeRecursion::Jump),
                None => Transformed::no(expr),
            }),
        })
    }

    fn subquery(&mut self, subquery: Subquery, scope: &Scope<'_>) -> Result<Subquery> {
        let (plan, origins) = self.plan(Arc::unwrap_or_clone(subquery.subquery), Some(scope))?;
        let (plan, _) = trimmed(plan, origins)?;
        Ok(Subquery { outer_ref_columns: plan.all_out_ref_exprs(), subquery: Arc::new(plan), spans: subquery.spans })
    }
}

/// True for nodes whose result stays the same when their input has more columns, apart from those.
fn lets_through(plan: &LogicalPlan) -> bool {
    use LogicalPlan::{Aggregate, Filter, Join, Limit, Projection, Sort, SubqueryAlias};
    match plan {
        Projection(_) | Filter(_) | Sort(_) | Limit(_) | SubqueryAlias(_) | Aggregate(_) => true,
        Join(join) => matches!(join.join_type, JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full),
        _ => false,
    }
}

/// The plan without the columns that were only carried.
fn trimmed(plan: LogicalPlan, mut origins: Vec<Origin>) -> Result<(LogicalPlan, Vec<Origin>)> {
    let is_own = |origin: &Origin| !matches!(origin, Origin::Carried(_));
    if origins.iter().all(is_own) {
        return Ok((plan, origins));
    }
    let columns = plan.schema().iter().zip(&origins).filter(|(_, origin)| is_own(origin));
    let columns: Vec<Expr> = columns.map(|(column, _)| Expr::from(column)).collect();
    origins.retain(is_own);
    Ok((LogicalPlanBuilder::from(plan).project(columns)?.build()?, origins))
}

/// An access to a promoted attribute.
struct Access<'a> {
    /// As it was written.
    written: &'a ScalarFunction,
    /// The JSON it looks into.
    json: &'a Expr,
    key: &'static str,
    /// The promoted column.
    column: Expr,
    value: AttributeType,
}

/// What the expression becomes, if it accesses a promoted attribute.
fn rewritten(expr: &Expr, scope: &Scope<'_>) -> Result<Option<Expr>, QueryError> {
    match expr {
        Expr::BinaryExpr(comparison) => compared(comparison, scope),
        Expr::InList(list) => in_list(list, scope),
        Expr::Between(between) => in_between(between, scope),
        Expr::Cast(Cast { expr, field }) if field.data_type().is_integer() => {
            let column = integer_column(expr, scope)?;
            Ok(column.map(|column| Expr::Cast(Cast { expr: Box::new(column), field: Arc::clone(field) })))
        }
        Expr::TryCast(TryCast { expr, field }) if field.data_type().is_integer() => {
            let column = integer_column(expr, scope)?;
            Ok(column.map(|column| Expr::TryCast(TryCast { expr: Box::new(column), field: Arc::clone(field) })))
        }
        expr => Ok(access(expr, scope)?.map(|access| value(&access)).transpose()?.flatten()),
    }
}

/// The call, the JSON and the key, if the expression takes one value out of JSON.
fn accessed(expr: &Expr) -> Option<(&ScalarFunction, &Expr, &Expr)> {
    let Expr::ScalarFunction(written) = unaliased(expr) else { return None };
    // Longer paths lead into lists and maps, which are in the JSON even where their text has a column.
    let [json, key] = written.args.as_slice() else { return None };
    json::takes_members(written.func.name()).then_some((written, json, key))
}

/// The access that the expression is, if it is one to a promoted attribute.
fn access<'a>(expr: &'a Expr, scope: &Scope<'_>) -> Result<Option<Access<'a>>, QueryError> {
    let Some((written, json, key)) = accessed(expr) else { return Ok(None) };
    let origin = scope.origin(json);
    let level = match origin {
        Origin::Table(column) => column.level(),
        _ => None,
    };
    let ((Origin::Blurred, _) | (_, Some(_))) = (origin, level) else { return Ok(None) };
    let key = literal_text(key).ok_or_else(|| computed_key(json))?;
    let (Origin::Table(attributes), Some(level)) = (origin, level) else {
        return promoted_anywhere(key).map_or(Ok(None), |convention| Err(lost(json, convention)));
    };
    let Some(convention) = conventions::find(attributes.signal, level, key) else { return Ok(None) };
    let column = scope.name(attributes.beside(convention.column)).ok_or_else(|| lost(json, convention))?;
    Ok(Some(Access { written, json, key: convention.key, column, value: convention.value }))
}

/// The value of the access, as the function it was written with gives it.
fn value(access: &Access<'_>) -> Result<Option<Expr>, QueryError> {
    use AttributeType::{Integer, Text};
    let column = access.column.clone();
    let written = || Expr::ScalarFunction(access.written.clone());
    let in_json = || json_contains(access.json.clone(), lit(access.key));
    Ok(match (access.written.func.name(), access.value) {
        ("json_as_text", Text) | ("json_get_int", Integer) => Some(column),
        ("json_as_text", Integer) => Some(coalesce(vec![cast(column, DataType::Utf8), written()])),
        ("json_get_float", Integer) => Some(coalesce(vec![cast(column, DataType::Float64), written()])),
        // The JSON has the value too when it is not text, or was said twice.
        ("json_get_str", Text) => Some(otherwise(when(in_json(), written()), column)?),
        ("json_contains", _) => Some(column.is_not_null().or(written())),
        ("json_get" | "json_get_json", _) => {
            let member =
                otherwise(when(access.column.clone().is_null().or(in_json()), access.json.clone()), member(access))?;
            Some(access.written.func.call(vec![member, lit(access.key)]))
        }
        // Typed values other than these are in the JSON.
        _ => None,
    })
}

/// `{"key": column}` as JSON text.
fn member(access: &Access<'_>) -> Expr {
    let key = serde_json::Value::from(access.key);
    let column = json_union_to_text(json_from_scalar(access.column.clone()));
    concat(vec![lit(format!("{{{key}:")), column, lit("}")])
}

fn otherwise(mut case: CaseBuilder, value: Expr) -> Result<Expr, QueryError> {
    case.otherwise(value).map_err(|cause| QueryError::Internal(Box::new(cause)))
}

/// `attributes->>'http.response.status_code' = '200'` and its like compare integers, so that they prune.
fn compared(comparison: &BinaryExpr, scope: &Scope<'_>) -> Result<Option<Expr>, QueryError> {
    let BinaryExpr { left, op, right } = comparison;
    let (accessed, op, literal) = match (literal(left), literal(right)) {
        (None, Some(literal)) => (left, *op, literal),
        (Some(literal), None) => match op.swap() {
            Some(op) => (right, op, literal),
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    let Some(number) = number_for(literal, op) else { return Ok(None) };
    let column = integer_column(accessed, scope)?;
    Ok(column.map(|column| Expr::BinaryExpr(BinaryExpr::new(Box::new(column), op, Box::new(lit(number))))))
}

fn in_list(list: &InList, scope: &Scope<'_>) -> Result<Option<Expr>, QueryError> {
    let op = if list.negated { Operator::NotEq } else { Operator::Eq };
    let numbers = list.list.iter().map(|item| Some(lit(number_for(literal(item)?, op)?)));
    let Some(numbers) = numbers.collect::<Option<Vec<Expr>>>() else { return Ok(None) };
    Ok(integer_column(&list.expr, scope)?.map(|column| column.in_list(numbers, list.negated)))
}

fn in_between(between: &Between, scope: &Scope<'_>) -> Result<Option<Expr>, QueryError> {
    let number = |expr| number_for(literal(expr)?, Operator::Lt);
    let (Some(low), Some(high)) = (number(&between.low), number(&between.high)) else { return Ok(None) };
    let column = integer_column(&between.expr, scope)?;
    let between = |column| Between::new(Box::new(column), between.negated, Box::new(lit(low)), Box::new(lit(high)));
    Ok(column.map(|column| Expr::Between(between(column))))
}

/// The number to compare the column with, if that says the same as comparing the text.
fn number_for(literal: &ScalarValue, op: Operator) -> Option<i64> {
    match literal {
        // Text compares as text, and what is not an integer is in the JSON: only equality is the same.
        ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) if op == Operator::Eq => {
            text.parse().ok().filter(|number: &i64| number.to_string() == *text)
        }
        ScalarValue::Int64(Some(number)) if is_comparison(op) => Some(*number),
        _ => None,
    }
}

/// The column of an access to a promoted integer, as text or as JSON.
fn integer_column(expr: &Expr, scope: &Scope<'_>) -> Result<Option<Expr>, QueryError> {
    let access = access(expr, scope)?.filter(|access| access.value == AttributeType::Integer);
    let access =
        access.filter(|access| matches!(access.written.func.name(), "json_as_text" | "json_get" | "json_get_int"));
    Ok(access.map(|access| access.column))
}

fn unaliased(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => unaliased(&alias.expr),
        expr => expr,
    }
}

fn literal(expr: &Expr) -> Option<&ScalarValue> {
    match unaliased(expr) {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    }
}

/// The text of a literal; so is a parameter that the statement calls text, as in `attributes->>$1::text`.
fn literal_text(expr: &Expr) -> Option<&str> {
    match unaliased(expr) {
        Expr::Cast(Cast { expr, field }) if field.data_type().is_string() => literal_text(expr),
        expr => literal(expr)?.try_as_str()?,
    }
}

fn promoted_anywhere(key: &str) -> Option<&'static Convention> {
    let signals = Signal::ALL.into_iter();
    let all = signals.flat_map(conventions::of_item).chain(conventions::of_resource());
    all.into_iter().find(|convention| convention.key == key)
}

fn lost(json: &Expr, convention: &Convention) -> QueryError {
    let Convention { key, column, .. } = convention;
    let level = match convention.level {
        Level::Item => "attributes",
        Level::Resource => "resource_attributes",
    };
    refused(
        json,
        format!("'{key}' has a column of its own, which does not reach this place with {level}"),
        format!("select {column} beside {level} in the subquery, and use it by that name"),
    )
}

fn computed_key(json: &Expr) -> QueryError {
    let hint = "write the key as text, as in attributes->>'http.route', and longer paths as attributes->'a'->>'b'";
    refused(json, "the key of an attribute is not a text literal".to_owned(), hint.to_owned())
}

fn refused(json: &Expr, message: String, hint: String) -> QueryError {
    let position = json.column_refs().into_iter().find_map(position);
    QueryError::Statement(Box::new(Fault { code: FaultCode::Plan, message, hint: Some(hint), position }))
}

fn position(column: &Column) -> Option<Position> {
    let start = column.spans().first()?.start;
    Some(Position { line: start.line, column: start.column })
}
