//! Rows of `metrics` and `histograms` into `ExportMetricsServiceRequest`.

use std::ops::Range;

use arrow::array::{
    ArrayRef, BooleanArray, FixedSizeBinaryArray, Float64Array, Int32Array, Int64Array, StringViewArray,
    TimestampNanosecondArray, UInt32Array, UInt64Array,
};
use model::{Batch, Level, Signal};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::summary_data_point::ValueAtQuantile;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar, number_data_point,
};

use super::attributes::{Attributes, read};
use super::columns::{Column, Lists, said_columns};
use super::context::{Residue, groups, residues};
use super::spans::number;
use super::{EncodeError, check_signal, runs};
use crate::decode::names::TEMPORALITY;

/// The points of the batches, of both tables, in order, as an export request.
pub fn metrics(batches: &[Batch]) -> Result<ExportMetricsServiceRequest, EncodeError> {
    let mut request = ExportMetricsServiceRequest::default();
    for batch in batches {
        check_signal(batch, &[Signal::Metrics, Signal::Histograms])?;
        let residues = residues(batch)?;
        let metrics = Metrics::of(batch, &residues);
        for group in groups(batch, &residues)? {
            let mut scope_metrics = Vec::with_capacity(group.scopes.len());
            for scope in group.scopes {
                let metrics = metrics.within(scope.rows)?;
                scope_metrics.push(ScopeMetrics { scope: Some(scope.scope), metrics, schema_url: scope.schema_url });
            }
            let resource = Some(group.resource);
            request.resource_metrics.push(ResourceMetrics { resource, scope_metrics, schema_url: group.schema_url });
        }
    }
    Ok(request)
}

/// What points of one metric share.
#[derive(Debug)]
struct Metrics<'b> {
    shared: Vec<ArrayRef>,
    name: Column<'b, StringViewArray>,
    description: Column<'b, StringViewArray>,
    unit: Column<'b, StringViewArray>,
    metadata: Column<'b, StringViewArray>,
    kind: Column<'b, StringViewArray>,
    temporality: Column<'b, StringViewArray>,
    monotonic: Column<'b, BooleanArray>,
    points: Points<'b>,
}

impl<'b> Metrics<'b> {
    fn of(batch: &'b Batch, residues: &'b [Residue]) -> Self {
        let monotonic = (batch.signal() == Signal::Metrics).then_some("monotonic");
        let shared = ["name", "description", "unit", "metadata", "type", "temporality"].into_iter().chain(monotonic);
        Self {
            shared: said_columns(batch, shared),
            name: Column::of(batch, "name"),
            description: Column::of(batch, "description"),
            unit: Column::of(batch, "unit"),
            metadata: Column::of(batch, "metadata"),
            kind: Column::of(batch, "type"),
            temporality: Column::of(batch, "temporality"),
            monotonic: Column::find(batch, "monotonic"),
            points: Points::of(batch, residues),
        }
    }

    fn within(&self, rows: Range<usize>) -> Result<Vec<Metric>, EncodeError> {
        let metric = |rows: Range<usize>| {
            let first = rows.start;
            Ok(Metric {
                name: self.name.at(first).unwrap_or_default().to_owned(),
                description: self.description.at(first).unwrap_or_default().to_owned(),
                unit: self.unit.at(first).unwrap_or_default().to_owned(),
                metadata: read("metadata", self.metadata.at(first))?,
                data: Some(self.data(rows)?),
            })
        };
        runs(&self.shared, rows).into_iter().map(metric).collect()
    }

    fn data(&self, rows: Range<usize>) -> Result<Data, EncodeError> {
        let first = rows.start;
        let points = &self.points;
        let aggregation_temporality = number("temporality", &TEMPORALITY, self.temporality.at(first))?;
        Ok(match self.kind.at(first).unwrap_or_default() {
            "gauge" => Data::Gauge(Gauge { data_points: all(rows, |row| points.number(row))? }),
            "sum" => Data::Sum(Sum {
                data_points: all(rows, |row| points.number(row))?,
                aggregation_temporality,
                is_monotonic: self.monotonic.at(first).unwrap_or_default(),
            }),
            "histogram" => {
                let data_points = all(rows, |row| points.histogram(row))?;
                Data::Histogram(Histogram { data_points, aggregation_temporality })
            }
            "exponential_histogram" => {
                let data_points = all(rows, |row| points.exponential(row))?;
                Data::ExponentialHistogram(ExponentialHistogram { data_points, aggregation_temporality })
            }
            "summary" => Data::Summary(Summary { data_points: all(rows, |row| points.summary(row))? }),
            other => return Err(EncodeError::value("type", other, "is no type of metric")),
        })
    }
}

fn all<T>(rows: Range<usize>, point: impl Fn(usize) -> Result<T, EncodeError>) -> Result<Vec<T>, EncodeError> {
    rows.map(point).collect()
}

/// The columns of points; each of the two tables has its own part of them.
#[derive(Debug)]
struct Points<'b> {
    residues: &'b [Residue],
    time: Column<'b, TimestampNanosecondArray>,
    start_time: Column<'b, TimestampNanosecondArray>,
    flags: Column<'b, UInt32Array>,
    attributes: Attributes<'b>,
    exemplars: Exemplars<'b>,
    value: Column<'b, Float64Array>,
    value_int: Column<'b, Int64Array>,
    count: Column<'b, UInt64Array>,
    sum: Column<'b, Float64Array>,
    min: Column<'b, Float64Array>,
    max: Column<'b, Float64Array>,
    bucket_counts: Lists<'b>,
    explicit_bounds: Lists<'b>,
    scale: Column<'b, Int32Array>,
    zero_count: Column<'b, UInt64Array>,
    zero_threshold: Column<'b, Float64Array>,
    positive_offset: Column<'b, Int32Array>,
    positive_counts: Lists<'b>,
    negative_offset: Column<'b, Int32Array>,
    negative_counts: Lists<'b>,
    quantiles: Lists<'b>,
}

impl<'b> Points<'b> {
    fn of(batch: &'b Batch, residues: &'b [Residue]) -> Self {
        Self {
            residues,
            time: Column::of(batch, "time"),
            start_time: Column::of(batch, "start_time"),
            flags: Column::of(batch, "flags"),
            attributes: Attributes::of(batch, Level::Item),
            exemplars: Exemplars::of(batch),
            value: Column::find(batch, "value"),
            value_int: Column::find(batch, "value_int"),
            count: Column::find(batch, "count"),
            sum: Column::find(batch, "sum"),
            min: Column::find(batch, "min"),
            max: Column::find(batch, "max"),
            bucket_counts: Lists::find(batch, "bucket_counts"),
            explicit_bounds: Lists::find(batch, "explicit_bounds"),
            scale: Column::find(batch, "scale"),
            zero_count: Column::find(batch, "zero_count"),
            zero_threshold: Column::find(batch, "zero_threshold"),
            positive_offset: Column::find(batch, "positive_offset"),
            positive_counts: Lists::find(batch, "positive_counts"),
            negative_offset: Column::find(batch, "negative_offset"),
            negative_counts: Lists::find(batch, "negative_counts"),
            quantiles: Lists::find(batch, "quantiles"),
        }
    }

    fn number(&self, row: usize) -> Result<NumberDataPoint, EncodeError> {
        let integer = self.value_int.at(row).map(number_data_point::Value::AsInt);
        Ok(NumberDataPoint {
            attributes: self.attributes.at(row)?,
            start_time_unix_nano: self.start_time(row)?,
            time_unix_nano: self.time(row)?,
            exemplars: self.exemplars.at(row, &self.residues[row])?,
            flags: self.flags.at(row).unwrap_or_default(),
            value: integer.or_else(|| self.value.at(row).map(number_data_point::Value::AsDouble)),
        })
    }

    fn histogram(&self, row: usize) -> Result<HistogramDataPoint, EncodeError> {
        let bounds = self.explicit_bounds.values::<Float64Array>();
        Ok(HistogramDataPoint {
            attributes: self.attributes.at(row)?,
            start_time_unix_nano: self.start_time(row)?,
            time_unix_nano: self.time(row)?,
            count: self.count.at(row).unwrap_or_default(),
            sum: self.sum.at(row),
            bucket_counts: counts(&self.bucket_counts, row),
            explicit_bounds: self.explicit_bounds.range(row).filter_map(|place| bounds.at(place)).collect(),
            exemplars: self.exemplars.at(row, &self.residues[row])?,
            flags: self.flags.at(row).unwrap_or_default(),
            min: self.min.at(row),
            max: self.max.at(row),
        })
    }

    fn exponential(&self, row: usize) -> Result<ExponentialHistogramDataPoint, EncodeError> {
        let buckets = |offset: &Column<'b, Int32Array>, lists: &Lists<'b>| {
            offset.at(row).map(|offset| Buckets { offset, bucket_counts: counts(lists, row) })
        };
        Ok(ExponentialHistogramDataPoint {
            attributes: self.attributes.at(row)?,
            start_time_unix_nano: self.start_time(row)?,
            time_unix_nano: self.time(row)?,
            count: self.count.at(row).unwrap_or_default(),
            sum: self.sum.at(row),
            scale: self.scale.at(row).unwrap_or_default(),
            zero_count: self.zero_count.at(row).unwrap_or_default(),
            positive: buckets(&self.positive_offset, &self.positive_counts),
            negative: buckets(&self.negative_offset, &self.negative_counts),
            flags: self.flags.at(row).unwrap_or_default(),
            exemplars: self.exemplars.at(row, &self.residues[row])?,
            min: self.min.at(row),
            max: self.max.at(row),
            zero_threshold: self.zero_threshold.at(row).unwrap_or_default(),
        })
    }

    fn summary(&self, row: usize) -> Result<SummaryDataPoint, EncodeError> {
        let (quantiles, values) =
            (self.quantiles.field::<Float64Array>("quantile"), self.quantiles.field::<Float64Array>("value"));
        let at_quantile = |place| ValueAtQuantile {
            quantile: quantiles.at(place).unwrap_or_default(),
            value: values.at(place).unwrap_or_default(),
        };
        Ok(SummaryDataPoint {
            attributes: self.attributes.at(row)?,
            start_time_unix_nano: self.start_time(row)?,
            time_unix_nano: self.time(row)?,
            count: self.count.at(row).unwrap_or_default(),
            sum: self.sum.at(row).unwrap_or_default(),
            quantile_values: self.quantiles.range(row).map(at_quantile).collect(),
            flags: self.flags.at(row).unwrap_or_default(),
        })
    }

    fn time(&self, row: usize) -> Result<u64, EncodeError> {
        self.residues[row].time("time_unix_nano", self.time.at(row))
    }

    fn start_time(&self, row: usize) -> Result<u64, EncodeError> {
        self.residues[row].time("start_time_unix_nano", self.start_time.at(row))
    }
}

fn counts(lists: &Lists<'_>, row: usize) -> Vec<u64> {
    let values = lists.values::<UInt64Array>();
    lists.range(row).filter_map(|place| values.at(place)).collect()
}

#[derive(Debug)]
struct Exemplars<'b> {
    lists: Lists<'b>,
    time: Column<'b, TimestampNanosecondArray>,
    value: Column<'b, Float64Array>,
    value_int: Column<'b, Int64Array>,
    trace_id: Column<'b, FixedSizeBinaryArray>,
    span_id: Column<'b, FixedSizeBinaryArray>,
    attributes: Column<'b, StringViewArray>,
}

impl<'b> Exemplars<'b> {
    fn of(batch: &'b Batch) -> Self {
        let lists = Lists::of(batch, "exemplars");
        Self {
            time: lists.field("time"),
            value: lists.field("value"),
            value_int: lists.field("value_int"),
            trace_id: lists.field("trace_id"),
            span_id: lists.field("span_id"),
            attributes: lists.field("attributes"),
            lists,
        }
    }

    fn at(&self, row: usize, residue: &Residue) -> Result<Vec<Exemplar>, EncodeError> {
        let exemplar = |(number, place)| {
            let integer = self.value_int.at(place).map(exemplar::Value::AsInt);
            Ok(Exemplar {
                filtered_attributes: read("exemplars", self.attributes.at(place))?,
                time_unix_nano: residue.nested_time("exemplars", number, self.time.at(place))?,
                span_id: self.span_id.at(place).unwrap_or_default().to_vec(),
                trace_id: self.trace_id.at(place).unwrap_or_default().to_vec(),
                value: integer.or_else(|| self.value.at(place).map(exemplar::Value::AsDouble)),
            })
        };
        self.lists.range(row).enumerate().map(exemplar).collect()
    }
}
