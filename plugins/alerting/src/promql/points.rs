//! Questions for metrics and their points, and series made of the answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StructArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use plugin::hub::Moment;
use plugin::model::{Signal, Timestamp, conventions};
use plugin::query::Statement;
use serde_json::{Value, json};

use super::catalog::{Metric, Part, Table};
use super::expression::{BOUND, Labels, Window};
use super::names;
use super::over_time::Sample;
use crate::evaluate::Answer;

/// The flag of a point that says that there is none.
const NO_RECORDED_VALUE: i64 = 1;
/// Columns of every question for points.
const COLUMNS: [&str; 4] = ["attributes", "service_name", "service_namespace", "service_instance_id"];

/// A series, before a rule has said which columns of the resource it sees as labels.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    /// Without the name.
    pub(super) labels: Labels,
    /// Columns of the resource.
    pub(super) columns: Arc<Labels>,
    /// By time, each later than the one before.
    pub(super) samples: Arc<[Sample]>,
}

/// Columns of the resource of which one may be a label.
pub(super) fn resource_columns() -> impl Iterator<Item = &'static str> {
    conventions::of_resource().iter().map(|convention| convention.column)
}

/// What every question for points selects: those above, attributes that have columns of their own, and what is asked of the resource.
fn columns(resource: &[&str]) -> Vec<String> {
    let own = COLUMNS.into_iter().chain(attribute_columns()).map(str::to_owned);
    own.chain(resource.iter().map(|column| (*column).to_owned())).collect()
}

/// Attributes of points that are not in the JSON of all others.
pub(super) fn attribute_columns() -> impl Iterator<Item = &'static str> {
    conventions::of_item(Signal::Metrics).iter().map(|convention| convention.column)
}

impl Table {
    fn name(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Histograms => "histograms",
        }
    }

    /// Asks which metrics have points.
    pub(super) fn statement(self, window: Window) -> Statement {
        let monotonic = if self == Self::Metrics { "monotonic" } else { "false" };
        let sql = format!(
            "SELECT DISTINCT name, unit, type, temporality, cast({monotonic} AS text) FROM {} \
             WHERE time > $1 AND time <= $2",
            self.name()
        );
        Statement { params: window.params(), ..Statement::new(sql) }
    }

    pub(super) fn read(self, answer: &Answer) -> Vec<Metric> {
        let columns = [0, 1, 2, 3, 4].map(|place| answer.texts(place));
        let metric = |row: usize| {
            let [name, unit, kind, temporality, monotonic] =
                [0, 1, 2, 3, 4].map(|place| columns[place][row].clone().unwrap_or_default());
            Metric { table: self, name, unit, kind, temporality, is_monotonic: monotonic == "true" }
        };
        let mut metrics: Vec<Metric> = (0..answer.len()).map(metric).collect();
        metrics.sort_by(|one, other| (&one.name, &one.unit).cmp(&(&other.name, &other.unit)));
        metrics
    }
}

impl Window {
    fn params(self) -> Vec<Value> {
        vec![json!(Moment(Timestamp(self.after)).to_string()), json!(Moment(Timestamp(self.until)).to_string())]
    }
}

impl Metric {
    /// Asks for the points of each series, with these columns of the resource.
    pub(super) fn statement(&self, part: Part, window: Window, resource: &[&str]) -> Statement {
        let value = match part {
            Part::Number => "'value', coalesce(value, cast(value_int AS double))",
            Part::Sum => "'value', sum",
            Part::Count => "'value', cast(count AS double)",
            Part::Buckets => "'count', count, 'counts', bucket_counts, 'bounds', explicit_bounds",
        };
        // A column may be asked twice, and two columns of an answer may not have one name.
        let columns: Vec<String> =
            columns(resource).iter().enumerate().map(|(place, column)| format!("min({column}) AS c{place}")).collect();
        let monotonic = if self.table == Table::Metrics { " AND coalesce(monotonic, false) = $7" } else { "" };
        let sql = format!(
            "SELECT {}, array_agg(named_struct('time', cast(time AS bigint), 'flags', cast(flags AS bigint), {value})) FROM {} \
             WHERE time > $1 AND time <= $2 AND name = $3 AND type = $4 AND coalesce(unit, '') = $5 \
             AND coalesce(temporality, '') = $6{monotonic} GROUP BY series_id",
            columns.join(", "),
            self.table.name()
        );
        let mut params = window.params();
        params.extend([&self.name, &self.kind, &self.unit, &self.temporality].map(|text| json!(text)));
        if self.table == Table::Metrics {
            params.push(json!(self.is_monotonic));
        }
        Statement { params, ..Statement::new(sql) }
    }
}

/// How many points there are in the answer to a question for points.
pub(super) fn count(answer: &Answer, resource: &[&str]) -> usize {
    answer.column(columns(resource).len()).as_list_opt::<i32>().map_or(0, |points| points.values().len())
}

/// The answer to a question for points.
pub(super) fn read(answer: &Answer, part: Part, resource: &[&str]) -> Vec<Stored> {
    let own = COLUMNS.len() + attribute_columns().count();
    let texts: Vec<Vec<Option<String>>> = (0..own + resource.len()).map(|place| answer.texts(place)).collect();
    let Some(points) = answer.column(texts.len()).as_list_opt::<i32>() else { return Vec::new() };
    let mut all = Vec::new();
    let text_at = |place: usize, row: usize| texts[place][row].as_deref();
    for row in 0..answer.len() {
        let text = |place: usize| text_at(place, row);
        let promoted =
            attribute_columns().zip(COLUMNS.len()..).filter_map(|(column, place)| Some((column, text(place)?)));
        let labels = labels([text(0), text(1), text(2), text(3)], promoted);
        let columns = resource.iter().enumerate().filter_map(|(place, column)| {
            Some(((*column).to_owned(), text(own + place)?.to_owned())).filter(|(_, value)| !value.is_empty())
        });
        let columns = Arc::new(columns.collect::<Labels>());
        let points = points.value(row);
        let points = points.as_struct();
        match part {
            Part::Buckets => all.extend(buckets(points).into_iter().map(|(bound, samples)| {
                let mut labels = labels.clone();
                labels.insert(BOUND.to_owned(), bound);
                Stored { labels, columns: Arc::clone(&columns), samples }
            })),
            Part::Number | Part::Sum | Part::Count => all.push(Stored { labels, columns, samples: samples(points) }),
        }
    }
    all
}

/// Attributes of the point, and what Prometheus makes of the service.
fn labels<'a>(
    [attributes, name, namespace, instance]: [Option<&str>; 4],
    promoted: impl Iterator<Item = (&'static str, &'a str)>,
) -> Labels {
    let mut labels = Labels::new();
    let job = name.map(|name| namespace.map_or_else(|| name.to_owned(), |namespace| format!("{namespace}/{name}")));
    labels.extend(job.map(|job| ("job".to_owned(), job)));
    labels.extend(instance.map(|instance| ("instance".to_owned(), instance.to_owned())));
    let attributes = attributes.and_then(|text| serde_json::from_str::<BTreeMap<String, Value>>(text).ok());
    let mut own: Labels = promoted.map(|(column, value)| (column.to_owned(), value.to_owned())).collect();
    for (key, value) in attributes.unwrap_or_default() {
        let value = match value {
            Value::String(text) => text,
            Value::Null => continue,
            other => other.to_string(),
        };
        // Two keys that are one label: both values, as OpenTelemetry has it.
        own.entry(names::label(&key)).and_modify(|other| *other = format!("{other};{value}")).or_insert(value);
    }
    labels.extend(own);
    labels.retain(|_, value| !value.is_empty());
    labels
}

fn field(points: &StructArray, name: &str, data_type: &DataType) -> ArrayRef {
    let column = points.column_by_name(name).expect("the statement names its fields");
    cast(column, data_type).unwrap_or_else(|_| arrow::array::new_null_array(data_type, column.len()))
}

/// Times, and whether there is no value.
fn times(points: &StructArray) -> Vec<(i64, bool)> {
    let [times, flags] = ["time", "flags"].map(|name| field(points, name, &DataType::Int64));
    let (times, flags) = (times.as_primitive::<Int64Type>(), flags.as_primitive::<Int64Type>());
    times.values().iter().zip(flags.values()).map(|(time, flags)| (*time, flags & NO_RECORDED_VALUE != 0)).collect()
}

fn samples(points: &StructArray) -> Arc<[Sample]> {
    let values = field(points, "value", &DataType::Float64);
    let values = values.as_primitive::<Float64Type>();
    let sample = |((time, is_end), value): ((i64, bool), Option<f64>)| match (is_end, value) {
        (true, _) => Some(Sample { time, value: None }),
        (false, Some(value)) => Some(Sample { time, value: Some(value) }),
        (false, None) => None,
    };
    in_order(times(points).into_iter().zip(values.iter()).filter_map(sample).collect())
}

/// One that was sent twice is one.
fn in_order(mut samples: Vec<Sample>) -> Arc<[Sample]> {
    samples.sort_by_key(|sample| sample.time);
    samples.dedup_by_key(|sample| sample.time);
    samples.into()
}

/// For each bound how many there are up to it; the last is that of all.
fn buckets(points: &StructArray) -> BTreeMap<String, Arc<[Sample]>> {
    let all = field(points, "count", &DataType::UInt64);
    let (all, times) = (all.as_primitive::<UInt64Type>(), times(points));
    let column = |name: &str| points.column_by_name(name).expect("the statement names its fields").as_list::<i32>();
    let (counts, bounds) = (column("counts"), column("bounds"));
    let mut buckets: BTreeMap<String, Vec<Sample>> = BTreeMap::new();
    for (row, (time, _)) in times.iter().copied().enumerate().filter(|(_, (_, is_end))| !is_end) {
        if counts.is_valid(row) && bounds.is_valid(row) {
            let (counts, bounds) = (counts.value(row), bounds.value(row));
            let (counts, bounds) = (counts.as_primitive::<UInt64Type>(), bounds.as_primitive::<Float64Type>());
            let mut sum = 0.0;
            for (bound, count) in bounds.values().iter().zip(counts.values()) {
                sum += *count as f64;
                buckets.entry(names::bound(*bound)).or_default().push(Sample { time, value: Some(sum) });
            }
        }
        let all = Sample { time, value: Some(all.value(row) as f64) };
        buckets.entry(names::bound(f64::INFINITY)).or_default().push(all);
    }
    for samples in buckets.values_mut() {
        samples.extend(times.iter().filter(|(_, is_end)| *is_end).map(|(time, _)| Sample { time: *time, value: None }));
    }
    buckets.into_iter().map(|(bound, samples)| (bound, in_order(samples))).collect()
}
