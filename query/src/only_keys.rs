//! `only_keys(attributes, 'a', 'b')`: what a scan is told that need not give all of `attributes`.
//!
//! It stands in plans only: people cannot call it, as whatever else it gives is up to the store.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::common::config::ConfigOptions;
use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr::expressions::Literal;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use model::json;

/// The call, for an object of this field.
pub(crate) fn call(object: Arc<dyn PhysicalExpr>, field: FieldRef, keys: &[String]) -> Arc<dyn PhysicalExpr> {
    let keys = keys.iter().map(|key| Arc::new(Literal::new(ScalarValue::from(key.as_str()))) as Arc<dyn PhysicalExpr>);
    let arguments = std::iter::once(object).chain(keys).collect();
    let function = Arc::new(ScalarUDF::new_from_impl(OnlyKeys::new()));
    Arc::new(ScalarFunctionExpr::new(json::ONLY_KEYS, function, arguments, field, Arc::new(ConfigOptions::default())))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct OnlyKeys {
    signature: Signature,
}

impl OnlyKeys {
    fn new() -> Self {
        Self { signature: Signature::variadic_any(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for OnlyKeys {
    fn name(&self) -> &'static str {
        json::ONLY_KEYS
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments[0].clone())
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::clone(&arguments.arg_fields[0]))
    }

    /// The object with all its members is right too.
    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(object) = arguments.args.into_iter().next() else { return internal_err!("no object") };
        Ok(object)
    }
}
