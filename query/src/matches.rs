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
        let Some(text) = text_type(text) else {
            return plan_err!("matches looks for words in {text}, expected text");
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
            ColumnarValue::Array(texts) => {
                let is_match = query.as_ref().map(|query| move |text: &str| query.matches(text));
                Ok(ColumnarValue::Array(matching(texts, is_match)))
            }
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

/// The type in which texts of this type are read, if they are texts.
pub(crate) fn text_type(text: &DataType) -> Option<DataType> {
    match text {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => Some(text.clone()),
        DataType::Null => Some(DataType::Utf8View),
        DataType::Dictionary(_, value) if value.is_string() => Some(DataType::Utf8View),
        _ => None,
    }
}

/// For which of the texts it is true; where there is no question, the answer is NULL.
pub(crate) fn matching(texts: &ArrayRef, question: Option<impl FnMut(&str) -> bool>) -> ArrayRef {
    let Some(mut question) = question else { return Arc::new(BooleanArray::new_null(texts.len())) };
    let mut is_match = |row: usize, text: &str| texts.is_valid(row) && question(text);
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
