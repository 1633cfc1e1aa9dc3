//! Lets ids be written as people see them: `trace_id = '4bf92f35…'` compares bytes, so that it prunes.
//!
//! Text that cannot be an id of that column is an error, not a comparison that is never true. Most comparisons
//! are rewritten while they are planned, before their types are checked; what parameters and lists hold, after.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::functions::expr_fn::{encode, lower};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Cast, Expr, ExprSchemable, Like, LogicalPlan, Operator, lit};
use datafusion::optimizer::AnalyzerRule;
use datafusion::sql::sqlparser::ast::BinaryOperator as SqlOperator;

use crate::error::{Fault, FaultCode, Position, QueryError};

/// The rule, while a statement is planned and before its types are coerced.
#[derive(Debug)]
pub(crate) struct HexIds;

impl AnalyzerRule for HexIds {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let rewritten = plan.transform_up_with_subqueries(|plan| {
            let schema = merge_schema(&plan.inputs());
            let names = NamePreserver::new(&plan);
            let plan = plan.map_expressions(|expr| {
                let name = names.save(&expr);
                let expr = expr.transform_up(|expr| rewrite(expr, &schema))?;
                Ok(expr.update_data(|expr| name.restore(expr)))
            })?;
            plan.map_data(LogicalPlan::recompute_schema)
        })?;
        Ok(rewritten.data)
    }

    fn name(&self) -> &'static str {
        "hex_ids"
    }
}

impl ExprPlanner for HexIds {
    fn plan_binary_op(&self, written: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        use SqlOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
        let RawBinaryExpr { op, left, right } = written;
        let is_comparison = matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq);
        let (left, right) = if is_comparison { both(left, right, schema)? } else { (left, right) };
        Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }))
    }
}

fn rewrite(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(op) => {
            let (left, right) = both(*left, *right, schema)?;
            Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))))
        }
        Expr::InList(InList { expr, list, negated }) => {
            let Some(bytes) = id_bytes(&expr, schema) else {
                return Ok(Transformed::no(Expr::InList(InList { expr, list, negated })));
            };
            let list = list.into_iter().map(|item| id(item, &expr, bytes)).collect::<Result<_, QueryError>>()?;
            Ok(Transformed::yes(Expr::InList(InList { expr, list, negated })))
        }
        Expr::Cast(Cast { expr, field }) if field.data_type().is_string() && id_bytes(&expr, schema).is_some() => {
            Ok(Transformed::yes(Expr::Cast(Cast { expr: Box::new(hex(*expr)), field })))
        }
        Expr::Like(like) if id_bytes(&like.expr, schema).is_some() => {
            Ok(Transformed::yes(Expr::Like(Like { expr: Box::new(hex(*like.expr)), ..like })))
        }
        expr => Ok(Transformed::no(expr)),
    }
}

/// True for operators that order or equate two values of one type.
pub(crate) fn is_comparison(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

/// How many bytes the ids of this column have, if it is one of ids.
fn id_bytes(expr: &Expr, schema: &DFSchema) -> Option<usize> {
    match expr.get_type(schema) {
        Ok(DataType::FixedSizeBinary(bytes)) => usize::try_from(bytes).ok(),
        _ => None,
    }
}

/// Both sides of a comparison in one form, if one of them is an id.
fn both(left: Expr, right: Expr, schema: &DFSchema) -> Result<(Expr, Expr), QueryError> {
    match (id_bytes(&left, schema), id_bytes(&right, schema)) {
        (Some(bytes), None) => comparable(left, bytes, right, schema),
        (None, Some(bytes)) => comparable(right, bytes, left, schema).map(|(right, left)| (left, right)),
        _ => Ok((left, right)),
    }
}

/// The column and what it is compared with, in one form: bytes where the text is known, hex where it is not.
fn comparable(column: Expr, bytes: usize, other: Expr, schema: &DFSchema) -> Result<(Expr, Expr), QueryError> {
    let is_text = other.get_type(schema).is_ok_and(|other| other.is_string());
    if is_text && literal_text(&other).is_none() {
        return Ok((hex(column), lower(other)));
    }
    let other = id(other, &column, bytes)?;
    Ok((column, other))
}

/// The id that the text stands for; other expressions stay as they are.
fn id(expr: Expr, column: &Expr, bytes: usize) -> Result<Expr, QueryError> {
    let Some(text) = literal_text(&expr) else { return Ok(expr) };
    let id = decode(text).filter(|id| id.len() == bytes).ok_or_else(|| not_an_id(text, column, bytes))?;
    let size = i32::try_from(bytes).expect("the size came from a type that holds it as i32");
    Ok(lit(ScalarValue::FixedSizeBinary(size, Some(id))))
}

fn literal_text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str()?,
        Expr::Alias(alias) => literal_text(&alias.expr),
        _ => None,
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    digits.chunks_exact(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).ok()).collect()
}

fn hex(column: Expr) -> Expr {
    encode(column, lit("hex"))
}

fn not_an_id(text: &str, column: &Expr, bytes: usize) -> QueryError {
    let spans = column.spans();
    let start = spans.and_then(|spans| spans.first()).map(|span| span.start);
    QueryError::Statement(Box::new(Fault {
        code: FaultCode::Plan,
        message: format!("'{text}' is not an id: {column} holds {bytes} bytes"),
        hint: Some(format!("write it as {} hex digits", bytes * 2)),
        position: start.map(|start| Position { line: start.line, column: start.column }),
    }))
}
