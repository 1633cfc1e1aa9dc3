//! `quantile(x, share)` and `sketch(x)`: over integers, or over sketches of them, with the same answer.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewBuilder, BooleanArray, Float64Builder, RecordBatch,
};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema};
use datafusion::common::{ScalarValue, exec_err, plan_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, ColumnarValue, EmitTo, GroupsAccumulator, Signature, Volatility,
};
use datafusion::physical_plan::PhysicalExpr;
use model::{Sketch, SketchError};

/// The aggregate functions of this module.
pub(crate) fn all() -> [Arc<AggregateUDF>; 2] {
    [quantile(), sketch()]
}

/// `quantile(duration_ns, 0.95)`, `quantile(duration_sketch, 0.95)`.
pub(crate) fn quantile() -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::new_from_impl(SketchFunction { name: QUANTILE, ..SketchFunction::new() }))
}

/// `sketch(duration_ns)`, `sketch(duration_sketch)`: what `quantile` needs to know of the values.
pub(crate) fn sketch() -> Arc<AggregateUDF> {
    Arc::new(AggregateUDF::new_from_impl(SketchFunction::new()))
}

pub(crate) const QUANTILE: &str = "quantile";
pub(crate) const SKETCH: &str = "sketch";

/// Both functions: they differ in what they make of the sketch in the end.
#[derive(Debug, PartialEq, Eq, Hash)]
struct SketchFunction {
    name: &'static str,
    signature: Signature,
}

impl SketchFunction {
    fn new() -> Self {
        Self { name: SKETCH, signature: Signature::user_defined(Volatility::Immutable) }
    }

    fn sketches(&self, arguments: &AccumulatorArgs<'_>) -> Result<Sketches> {
        if arguments.is_distinct {
            return plan_err!("{} takes all values, not DISTINCT ones", self.name);
        }
        let share = match arguments.exprs.get(1) {
            Some(share) => Some(share_of(share)?),
            None => None,
        };
        Ok(Sketches { share, groups: Vec::new(), heap_bytes: 0 })
    }
}

impl AggregateUDFImpl for SketchFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let (values, share) = match (self.name, arguments) {
            (QUANTILE, [values, share]) => (values, Some(share)),
            (SKETCH, [values]) => (values, None),
            (QUANTILE, _) => return plan_err!("quantile takes values and a share, as in quantile(duration_ns, 0.95)"),
            _ => return plan_err!("sketch takes values, as in sketch(duration_ns)"),
        };
        let values = match values {
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => DataType::BinaryView,
            DataType::Null => DataType::Int64,
            integer if integer.is_integer() => DataType::Int64,
            other => {
                let name = self.name;
                return plan_err!(
                    "{name} takes integers or sketches, not {other}; approx_percentile_cont takes others"
                );
            }
        };
        match share {
            Some(share) if !share.is_numeric() => plan_err!("the share of quantile is {share}, expected 0.0 to 1.0"),
            Some(_) => Ok(vec![values, DataType::Float64]),
            None => Ok(vec![values]),
        }
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(if arguments.len() == 2 { DataType::Float64 } else { DataType::BinaryView })
    }

    fn state_fields(&self, arguments: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Ok(vec![Arc::new(Field::new(format!("{}[sketch]", arguments.name), DataType::BinaryView, true))])
    }

    fn accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(One(self.sketches(&arguments)?)))
    }

    fn groups_accumulator_supported(&self, _arguments: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(&self, arguments: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(self.sketches(&arguments)?))
    }
}

/// The share, which is the same for all rows.
fn share_of(expr: &Arc<dyn PhysicalExpr>) -> Result<f64> {
    let no_columns = RecordBatch::new_empty(Arc::new(Schema::empty()));
    match expr.evaluate(&no_columns) {
        Ok(ColumnarValue::Scalar(ScalarValue::Float64(Some(share)))) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => plan_err!("the share of quantile is {expr}, expected a number from 0.0 to 1.0"),
    }
}

/// A sketch for each group.
#[derive(Debug)]
struct Sketches {
    /// What to answer; without it, the sketch itself.
    share: Option<f64>,
    groups: Vec<Sketch>,
    heap_bytes: usize,
}

impl Sketches {
    /// Counts one row of the values in a group.
    fn count(&mut self, values: &Values<'_>, row: usize, group: usize) -> Result<()> {
        let sketch = &mut self.groups[group];
        let before = sketch.heap_bytes();
        values.add_to(sketch, row)?;
        self.heap_bytes += sketch.heap_bytes() - before;
        Ok(())
    }

    fn take(&mut self, which: EmitTo) -> Vec<Sketch> {
        let taken = which.take_needed(&mut self.groups);
        self.heap_bytes -= taken.iter().map(Sketch::heap_bytes).sum::<usize>();
        taken
    }
}

impl GroupsAccumulator for Sketches {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        groups_count: usize,
    ) -> Result<()> {
        self.groups.resize_with(groups_count, Sketch::default);
        let values = Values::of(&values[0])?;
        for (row, group) in groups.iter().enumerate() {
            if passes(filter, row) {
                self.count(&values, row, *group)?;
            }
        }
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], groups_count: usize) -> Result<()> {
        self.update_batch(states, groups, None, groups_count)
    }

    fn evaluate(&mut self, which: EmitTo) -> Result<ArrayRef> {
        let sketches = self.take(which);
        Ok(match self.share {
            None => encoded(&sketches),
            Some(share) => {
                let mut quantiles = Float64Builder::with_capacity(sketches.len());
                sketches.iter().for_each(|sketch| quantiles.append_option(sketch.quantile(share)));
                Arc::new(quantiles.finish())
            }
        })
    }

    fn state(&mut self, which: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![encoded(&self.take(which))])
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows = values[0].len();
        let values = Values::of(&values[0])?;
        let mut sketches = vec![Sketch::default(); rows];
        for (row, sketch) in sketches.iter_mut().enumerate().filter(|(row, _)| passes(filter, *row)) {
            values.add_to(sketch, row)?;
        }
        Ok(vec![encoded(&sketches)])
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.groups.capacity() * size_of::<Sketch>() + self.heap_bytes
    }
}

/// All rows are one group.
#[derive(Debug)]
struct One(Sketches);

impl One {
    const GROUP: usize = 0;

    fn add(&mut self, values: &ArrayRef) -> Result<()> {
        let Self(sketches) = self;
        sketches.groups.resize_with(1, Sketch::default);
        let rows = Values::of(values)?;
        (0..values.len()).try_for_each(|row| sketches.count(&rows, row, Self::GROUP))
    }

    fn sketch(&self) -> Option<&Sketch> {
        self.0.groups.first().filter(|sketch| sketch.count() > 0)
    }

    fn encoded(&self) -> ScalarValue {
        ScalarValue::BinaryView(self.sketch().map(Sketch::encode))
    }
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(&values[0])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.add(&states[0])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(match self.0.share {
            None => self.encoded(),
            Some(share) => ScalarValue::Float64(self.sketch().and_then(|sketch| sketch.quantile(share))),
        })
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.encoded()])
    }

    fn size(&self) -> usize {
        GroupsAccumulator::size(&self.0)
    }
}

/// Integers, or sketches of some.
struct Values<'a> {
    array: &'a ArrayRef,
    are_sketches: bool,
}

impl<'a> Values<'a> {
    fn of(array: &'a ArrayRef) -> Result<Self> {
        match array.data_type() {
            DataType::Int64 => Ok(Self { array, are_sketches: false }),
            DataType::BinaryView => Ok(Self { array, are_sketches: true }),
            other => exec_err!("values for a sketch were coerced to {other}"),
        }
    }

    /// Counts the row, unless it is NULL.
    fn add_to(&self, sketch: &mut Sketch, row: usize) -> Result<()> {
        if self.array.is_null(row) {
            return Ok(());
        }
        if self.are_sketches {
            return sketch.merge_encoded(self.array.as_binary_view().value(row)).map_err(|cause| no_sketch(&cause));
        }
        sketch.add(self.array.as_primitive::<Int64Type>().value(row));
        Ok(())
    }
}

pub(super) fn no_sketch(cause: &SketchError) -> DataFusionError {
    DataFusionError::Execution(format!("a value is {cause}; sketches come from duration_sketch or sketch()"))
}

fn passes(filter: Option<&BooleanArray>, row: usize) -> bool {
    filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
}

/// NULL where nothing was counted.
fn encoded(sketches: &[Sketch]) -> ArrayRef {
    let mut bytes = BinaryViewBuilder::with_capacity(sketches.len());
    sketches.iter().for_each(|sketch| bytes.append_option((sketch.count() > 0).then(|| sketch.encode())));
    Arc::new(bytes.finish())
}
