//! `matches(body, 'connection refused')`: true for texts with these words.
//!
//! The function is the truth; what a store knows of words beforehand only spares it rows.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{ScalarValue, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use model::words::{self, WordQuery};

use crate::error::{Fault, FaultCode, QueryError};

/// The function; what it asks for is written as text in the statement, or given as a parameter.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Matches {
    signature: Signature,
}

impl Matches {
    pub(crate) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Matches {
    fn name(&self) -> &'static str {
        words::FUNCTION
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let [text, query] = arguments else {
            return plan_err!("matches takes a text and words, as in matches(body, 'connection refused')");
        };
        if !query.is_string() && !query.is_null() {
            return plan_err!("the words of matches are {query}, expected text as in 'connection refused'");
        }
        let text = match text {
            DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => text.clone(),
            DataType::Null => DataType::Utf8View,
            DataType::Dictionary(_, value) if value.is_string() => DataType::Utf8View,
            other => return plan_err!("matches looks for words in {other}, expected text"),
        };
        Ok(vec![text, DataType::Utf8])
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    /// Tells what is wrong with the words while the statement is planned, whether there are rows or not.
    fn simplify(&self, arguments: Vec<Expr>, _context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        if let Some(Expr::Literal(words, _)) = arguments.get(1) {
            parse(words)?;
        }
        Ok(ExprSimplifyResult::Original(arguments))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [text, ColumnarValue::Scalar(words)] = arguments.args.as_slice() else {
            return Err(not_constant().into());
        };
        let query = parse(words)?;
        match text {
            ColumnarValue::Array(texts) => Ok(ColumnarValue::Array(matching(texts, query.as_ref()))),
            ColumnarValue::Scalar(text) => {
                let text = text.try_as_str().flatten();
                let is_match = query.zip(text).map(|(query, text)| query.matches(text));
                Ok(ColumnarValue::Scalar(ScalarValue::Boolean(is_match)))
            }
        }
    }
}

/// The question; NULL asks nothing, and its answer is NULL.
fn parse(words: &ScalarValue) -> Result<Option<WordQuery>, QueryError> {
    let Some(words) = words.try_as_str().flatten() else { return Ok(None) };
    WordQuery::parse(words).map(Some).map_err(|cause| {
        let (message, hint) = (cause.to_string(), Some(cause.hint().to_owned()));
        QueryError::Statement(Box::new(Fault { code: FaultCode::Plan, message, hint, position: None }))
    })
}

fn not_constant() -> QueryError {
    let message = "the words of matches differ from row to row";
    QueryError::fault(FaultCode::Plan, message, Some("write them as text, as in matches(body, 'connection refused')"))
}

fn matching(texts: &ArrayRef, query: Option<&WordQuery>) -> ArrayRef {
    let Some(query) = query else { return Arc::new(BooleanArray::new_null(texts.len())) };
    let is_match = |row: usize, text: &str| texts.is_valid(row) && query.matches(text);
    let rows = texts.len();
    let found = match texts.data_type() {
        DataType::Utf8View => {
            let texts = texts.as_string_view();
            BooleanBuffer::collect_bool(rows, |row| is_match(row, texts.value(row)))
        }
        DataType::LargeUtf8 => {
            let texts = texts.as_string::<i64>();
            BooleanBuffer::collect_bool(rows, |row| is_match(row, texts.value(row)))
        }
        _ => {
            let texts = texts.as_string::<i32>();
            BooleanBuffer::collect_bool(rows, |row| is_match(row, texts.value(row)))
        }
    };
    Arc::new(BooleanArray::new(found, texts.nulls().cloned()))
}
