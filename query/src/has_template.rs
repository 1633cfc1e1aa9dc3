//! `has_template(body, 'order <*> is paid')`: true for log lines of a pattern.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{ScalarValue, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use model::patterns::{self, Covers};

use crate::error::{FaultCode, QueryError};
use crate::matches::{matching, text_type};

/// The function; the template is written as text in the statement, or given as a parameter.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct HasTemplate {
    signature: Signature,
}

impl HasTemplate {
    pub(crate) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for HasTemplate {
    fn name(&self) -> &'static str {
        patterns::FUNCTION
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let [text, template] = arguments else {
            return plan_err!(
                "has_template takes a text and a template, as in has_template(body, 'order <*> is paid')"
            );
        };
        if !template.is_string() && !template.is_null() {
            return plan_err!("the template of has_template is {template}, expected text as in 'order <*> is paid'");
        }
        let Some(text) = text_type(text) else {
            return plan_err!("has_template reads lines in {text}, expected text");
        };
        Ok(vec![text, DataType::Utf8])
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [text, ColumnarValue::Scalar(template)] = arguments.args.as_slice() else {
            return Err(not_constant().into());
        };
        // NULL asks nothing, and its answer is NULL.
        let mut covers = template.try_as_str().flatten().map(Covers::of);
        match text {
            ColumnarValue::Array(texts) => {
                let is_covered = covers.as_mut().map(|covers| move |text: &str| covers.covers(text));
                Ok(ColumnarValue::Array(matching(texts, is_covered)))
            }
            ColumnarValue::Scalar(text) => {
                let text = text.try_as_str().flatten();
                let is_covered = covers.as_mut().zip(text).map(|(covers, text)| covers.covers(text));
                Ok(ColumnarValue::Scalar(ScalarValue::Boolean(is_covered)))
            }
        }
    }
}

fn not_constant() -> QueryError {
    let message = "the template of has_template differs from row to row";
    QueryError::fault(FaultCode::Plan, message, Some("write it as text, as in has_template(body, 'order <*> is paid')"))
}
