//! What is asked: one SQL statement that reads, and the values of its parameters.

use std::collections::HashSet;

use chrono::DateTime;
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::{CopyToSource, DFParserBuilder, Statement as Parsed};
use datafusion::sql::sqlparser::ast::Statement as Ast;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use model::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::error::{FaultCode, QueryError};
use crate::rollups::Answers;
use crate::size;

/// One statement and the values of `$1`, `$2`, … in it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The SQL text.
    pub sql: String,
    /// Values in the order of their numbers: null, booleans, numbers and text.
    #[serde(default)]
    pub params: Vec<serde_json::Value>,
    /// Reads the spans themselves also where a rollup would give the same answer.
    #[serde(default)]
    pub raw: bool,
    /// `now()` is this time, and there is no telemetry of it and later; the present when it is not said.
    #[serde(default, deserialize_with = "moment")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub as_of: Option<Timestamp>,
}

impl Statement {
    /// A statement without parameters.
    pub fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), ..Self::default() }
    }

    pub(crate) fn answers(&self) -> Answers {
        if self.raw { Answers::FromSpans } else { Answers::FromRollups }
    }
}

/// A time as RFC 3339.
fn moment<'de, D: Deserializer<'de>>(written: D) -> std::result::Result<Option<Timestamp>, D::Error> {
    let Some(written) = Option::<String>::deserialize(written)? else { return Ok(None) };
    let nanos = DateTime::parse_from_rfc3339(&written).ok().and_then(|time| time.timestamp_nanos_opt());
    let wrong = || D::Error::custom(format!("as_of is '{written}', which is not a time as in 2026-01-31T12:00:00Z"));
    nanos.map(|nanos| Some(Timestamp(nanos))).ok_or_else(wrong)
}

/// Parses the one statement there must be, and refuses it if it would change anything.
pub(crate) fn parse(sql: &str) -> Result<Parsed, QueryError> {
    let parser = DFParserBuilder::new(sql).with_dialect(&PostgreSqlDialect {}).build();
    let statements = parser.and_then(|mut parser| parser.parse_statements());
    let mut statements = statements.map_err(|cause| QueryError::from_parser(cause, sql))?;
    let statement = statements.pop_front();
    let Some(statement) = statement.filter(|_| statements.is_empty()) else {
        let message = "a request holds exactly one statement";
        return Err(QueryError::fault(FaultCode::Syntax, message, Some("send each statement in a request of its own")));
    };
    size::check(&statement)?;
    match change(&statement) {
        None => Ok(statement),
        Some(verb) => {
            let hint = Some("use SELECT, WITH, EXPLAIN, SHOW or DESCRIBE; rows come in through OTLP");
            Err(QueryError::fault(
                FaultCode::ReadOnly,
                format!("{verb} would change something; queries only read"),
                hint,
            ))
        }
    }
}

/// The verb by which a statement would change rows, tables or settings.
fn change(statement: &Parsed) -> Option<String> {
    match statement {
        Parsed::Explain(explain) => change(&explain.statement),
        Parsed::Statement(statement) => match statement.as_ref() {
            Ast::Query(_) | Ast::ExplainTable { .. } | Ast::ShowTables { .. } | Ast::ShowColumns { .. } => None,
            Ast::ShowVariable { .. } | Ast::ShowFunctions { .. } => None,
            Ast::Explain { statement, .. } => change(&Parsed::Statement(statement.clone())),
            other => Some(verb(&other.to_string())),
        },
        Parsed::CopyTo(copy) => {
            debug_assert!(matches!(copy.source, CopyToSource::Relation(_) | CopyToSource::Query(_)));
            Some("COPY".to_owned())
        }
        other => Some(verb(&other.to_string())),
    }
}

fn verb(text: &str) -> String {
    text.split_whitespace().next().unwrap_or("the statement").to_uppercase()
}

/// Puts the values in the place of their parameters.
pub(crate) fn bind(plan: LogicalPlan, params: &[serde_json::Value]) -> Result<LogicalPlan> {
    let named = plan.get_parameter_names()?;
    check_names(&named, params.len())?;
    if named.is_empty() {
        return Ok(plan);
    }
    let values = params.iter().enumerate().map(|(place, value)| scalar(place + 1, value));
    let values = values.collect::<Result<Vec<ScalarValue>, QueryError>>()?;
    plan.with_param_values(ParamValues::from(values))
}

fn check_names(named: &HashSet<String>, given: usize) -> Result<(), QueryError> {
    let expected: HashSet<String> = (1..=given).map(|number| format!("${number}")).collect();
    let mut missing: Vec<&String> = named.difference(&expected).collect();
    missing.sort();
    if let Some(name) = missing.first() {
        let message = format!("parameter {name} has no value; {given} values were given");
        return Err(QueryError::fault(FaultCode::InvalidParameter, message, Some("parameters are $1, $2, … in order")));
    }
    let mut unused: Vec<&String> = expected.difference(named).collect();
    unused.sort();
    match unused.first() {
        Some(name) => {
            let message = format!("parameter {name} is given but the statement does not use it");
            Err(QueryError::fault(FaultCode::InvalidParameter, message, None))
        }
        None => Ok(()),
    }
}

fn scalar(number: usize, value: &serde_json::Value) -> Result<ScalarValue, QueryError> {
    use serde_json::Value;
    match value {
        Value::Null => Ok(ScalarValue::Null),
        Value::Bool(value) => Ok(ScalarValue::from(*value)),
        Value::String(value) => Ok(ScalarValue::from(value.as_str())),
        Value::Number(value) => match (value.as_i64(), value.as_u64(), value.as_f64()) {
            (Some(value), _, _) => Ok(ScalarValue::from(value)),
            (_, Some(value), _) => Ok(ScalarValue::from(value)),
            (_, _, Some(value)) => Ok(ScalarValue::from(value)),
            (None, None, None) => Err(unfit(number, "a number out of range")),
        },
        Value::Array(_) => Err(unfit(number, "an array")),
        Value::Object(_) => Err(unfit(number, "an object")),
    }
}

fn unfit(number: usize, what: &str) -> QueryError {
    let message = format!("parameter ${number} is {what}");
    QueryError::fault(FaultCode::InvalidParameter, message, Some("values are null, booleans, numbers or text"))
}
