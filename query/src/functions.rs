//! SQL functions people expect that DataFusion does not have.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use datafusion::common::{internal_err, plan_err};
use datafusion::error::Result;
use datafusion::functions::datetime::date_bin;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::has_template::HasTemplate;
use crate::matches::Matches;
use crate::rollups::SketchQuantile;

/// Our own functions.
pub(crate) fn all() -> Vec<Arc<ScalarUDF>> {
    let bucket = ScalarUDF::new_from_impl(TimeBucket::new());
    let (matches, quantile) =
        (ScalarUDF::new_from_impl(Matches::new()), ScalarUDF::new_from_impl(SketchQuantile::new()));
    let has_template = ScalarUDF::new_from_impl(HasTemplate::new());
    [bucket, matches, has_template, quantile].map(Arc::new).into()
}

/// `time_bucket('1 minute', time)`: the start of the bucket, counted from 1970, that holds the time.
///
/// A name for `date_bin` that takes the width as text too, which is how TimescaleDB's users write it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct TimeBucket {
    signature: Signature,
}

impl TimeBucket {
    fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for TimeBucket {
    fn name(&self) -> &'static str {
        "time_bucket"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let [width, time] = arguments else {
            return plan_err!("time_bucket takes a width and a time, as in time_bucket('1 minute', start_time)");
        };
        match width {
            DataType::Interval(_) | DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => {}
            other => return plan_err!("the width of time_bucket is {other}, expected an interval as in '1 minute'"),
        }
        let time = match time {
            DataType::Timestamp(..) => time.clone(),
            DataType::Date32 | DataType::Date64 | DataType::Utf8 | DataType::Utf8View | DataType::Null => {
                DataType::Timestamp(TimeUnit::Nanosecond, None)
            }
            other => return plan_err!("the time of time_bucket is {other}, expected a timestamp"),
        };
        Ok(vec![DataType::Interval(IntervalUnit::MonthDayNano), time])
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(arguments[1].clone())
    }

    fn simplify(&self, arguments: Vec<Expr>, _context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        Ok(ExprSimplifyResult::Simplified(Expr::ScalarFunction(ScalarFunction::new_udf(date_bin(), arguments))))
    }

    fn invoke_with_args(&self, _arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        internal_err!("time_bucket has become date_bin before it runs")
    }
}
