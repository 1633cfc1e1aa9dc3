//! Makes one sketch for several quantiles of the same values: the sketch is the work, a quantile of it is not.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, ScalarValue, exec_err};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams};
use datafusion::logical_expr::{
    Aggregate, ColumnarValue, Expr, LogicalPlan, LogicalPlanBuilder, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use model::Sketch;

use super::sketches::{self, QUANTILE};

/// The rule; it comes after those that look for quantiles.
#[derive(Debug)]
pub(crate) struct SketchOnce;

impl OptimizerRule for SketchOnce {
    fn name(&self) -> &'static str {
        "sketch_once"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        match plan {
            LogicalPlan::Aggregate(aggregate) if has_several_of_one(&aggregate.aggr_expr) => {
                rewritten(aggregate).map(Transformed::yes)
            }
            plan => Ok(Transformed::no(plan)),
        }
    }
}

/// True when two quantiles could come of one sketch.
fn has_several_of_one(calls: &[Expr]) -> bool {
    let sketches: Vec<Expr> = calls.iter().filter_map(|call| Some(sketch_of(call)?.0)).collect();
    sketches.iter().enumerate().any(|(place, sketch)| sketches[..place].contains(sketch))
}

/// The sketch that a quantile is of, and the share.
fn sketch_of(call: &Expr) -> Option<(Expr, Expr)> {
    let Expr::AggregateFunction(AggregateFunction { func, params }) = call else { return None };
    let AggregateFunctionParams { args, distinct: false, filter, order_by, null_treatment } = params else {
        return None;
    };
    let [values, share] = args.as_slice() else { return None };
    if func.name() != QUANTILE || !order_by.is_empty() {
        return None;
    }
    let sketch = AggregateFunction::new_udf(
        sketches::sketch(),
        vec![values.clone()],
        false,
        filter.clone(),
        Vec::new(),
        *null_treatment,
    );
    Some((Expr::AggregateFunction(sketch), share.clone()))
}

/// Sketches below, quantiles above, under the names that were there.
fn rewritten(aggregate: Aggregate) -> Result<LogicalPlan> {
    let Aggregate { input, group_expr, aggr_expr, schema, .. } = aggregate;
    let quantile = ScalarUDF::new_from_impl(SketchQuantile::new());
    let groups = schema.fields().len() - aggr_expr.len();
    let mut columns: Vec<Expr> = schema.iter().take(groups).map(Expr::from).collect();
    let mut calls: Vec<Expr> = Vec::with_capacity(aggr_expr.len());
    for (call, (relation, field)) in aggr_expr.into_iter().zip(schema.iter().skip(groups)) {
        let (below, share) = sketch_of(&call).map_or((call, None), |(sketch, share)| (sketch, Some(share)));
        let made = Expr::Column(Column::new_unqualified(below.schema_name().to_string()));
        columns.push(match share {
            Some(share) => quantile.call(vec![made, share]).alias_qualified(relation.cloned(), field.name()),
            None => made,
        });
        if !calls.contains(&below) {
            calls.push(below);
        }
    }
    let aggregate = Aggregate::try_new(input, group_expr, calls)?;
    LogicalPlanBuilder::from(LogicalPlan::Aggregate(aggregate)).project(columns)?.build()
}

/// `sketch_quantile(sketch, share)`: what `quantile(values, share)` is of the values that the sketch was made of.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SketchQuantile {
    signature: Signature,
}

impl SketchQuantile {
    pub(crate) fn new() -> Self {
        Self { signature: Signature::exact(vec![DataType::BinaryView, DataType::Float64], Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for SketchQuantile {
    fn name(&self) -> &'static str {
        "sketch_quantile"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [sketches, share] = arguments.args.as_slice() else {
            return exec_err!("sketch_quantile takes two arguments");
        };
        let ColumnarValue::Scalar(ScalarValue::Float64(Some(share))) = share else {
            return exec_err!("the share of quantile is not a number from 0.0 to 1.0");
        };
        if !(0.0..=1.0).contains(share) {
            return exec_err!("the share of quantile is {share}, expected a number from 0.0 to 1.0");
        }
        let sketches = sketches.to_array(arguments.number_rows)?;
        let quantile = |sketch: Option<&[u8]>| match sketch {
            None => Ok(None),
            Some(sketch) => Ok(Sketch::decode(sketch).map_err(|cause| sketches::no_sketch(&cause))?.quantile(*share)),
        };
        let quantiles: Float64Array = sketches.as_binary_view().iter().map(quantile).collect::<Result<_>>()?;
        Ok(ColumnarValue::Array(Arc::new(quantiles) as ArrayRef))
    }
}
