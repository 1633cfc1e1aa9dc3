//! `ExportMetricsServiceRequest` into rows of `metrics` and `histograms`.

use std::sync::LazyLock;

use arrow::datatypes::DataType;
use model::{Signal, Table, Timestamp};
use xxhash_rust::xxh3::Xxh3;

use super::attributes::{ItemAttributes, write_object};
use super::columns::Columns;
use super::context::{Envelope, Parts, Residue, Resource, Scope};
use super::names::TEMPORALITY;
use super::nested::{Exemplars, Numbers, Quantiles};
use super::refusals::{Reason, Refusals};
use super::spans::{FAR_FUTURE_NANOS, nanos};
use super::wire::fields;
use super::{DecodeError, Rows};

/// Places of the columns that both tables have.
#[derive(Debug)]
struct PointPlaces {
    time: usize,
    start_time: usize,
    name: usize,
    description: usize,
    unit: usize,
    kind: usize,
    temporality: usize,
    series_id: usize,
    flags: usize,
    exemplars: usize,
    metadata: usize,
    observed_time: usize,
    envelope: Envelope,
}

impl PointPlaces {
    fn of(signal: Signal) -> Self {
        let place = |name| Table::of(signal).index(name);
        Self {
            time: place("time"),
            start_time: place("start_time"),
            name: place("name"),
            description: place("description"),
            unit: place("unit"),
            kind: place("type"),
            temporality: place("temporality"),
            series_id: place("series_id"),
            flags: place("flags"),
            exemplars: place("exemplars"),
            metadata: place("metadata"),
            observed_time: place("observed_time"),
            envelope: Envelope::of(signal),
        }
    }
}

#[derive(Debug)]
struct NumberPlaces {
    point: PointPlaces,
    monotonic: usize,
    value: usize,
    value_int: usize,
}

#[derive(Debug)]
struct HistogramPlaces {
    point: PointPlaces,
    count: usize,
    sum: usize,
    min: usize,
    max: usize,
    bucket_counts: usize,
    explicit_bounds: usize,
    scale: usize,
    zero_count: usize,
    zero_threshold: usize,
    positive_offset: usize,
    positive_counts: usize,
    negative_offset: usize,
    negative_counts: usize,
    quantiles: usize,
}

static NUMBERS: LazyLock<NumberPlaces> = LazyLock::new(|| {
    let place = |name| Table::of(Signal::Metrics).index(name);
    NumberPlaces {
        point: PointPlaces::of(Signal::Metrics),
        monotonic: place("monotonic"),
        value: place("value"),
        value_int: place("value_int"),
    }
});

static HISTOGRAMS: LazyLock<HistogramPlaces> = LazyLock::new(|| {
    let place = |name| Table::of(Signal::Histograms).index(name);
    HistogramPlaces {
        point: PointPlaces::of(Signal::Histograms),
        count: place("count"),
        sum: place("sum"),
        min: place("min"),
        max: place("max"),
        bucket_counts: place("bucket_counts"),
        explicit_bounds: place("explicit_bounds"),
        scale: place("scale"),
        zero_count: place("zero_count"),
        zero_threshold: place("zero_threshold"),
        positive_offset: place("positive_offset"),
        positive_counts: place("positive_counts"),
        negative_offset: place("negative_offset"),
        negative_counts: place("negative_counts"),
        quantiles: place("quantiles"),
    }
});

pub(super) fn decode(body: &[u8], received: Timestamp) -> Result<Rows, DecodeError> {
    let mut metrics = Metrics::new(body.len(), received);
    for field in fields(body) {
        if let (1, value) = field? {
            metrics.resource(value.bytes()?)?;
        }
    }
    Ok(metrics.finish())
}

struct Metrics<'a> {
    numbers: Points<'a>,
    histograms: Points<'a>,
    shapes: Shapes,
    refusals: Refusals,
    received: i64,
}

/// Rows of one of the two tables.
struct Points<'a> {
    columns: Columns,
    attributes: ItemAttributes<'a>,
    exemplars: Exemplars<'a>,
    residue: Residue,
}

/// List columns of `histograms`.
#[derive(Default)]
struct Shapes {
    bucket_counts: Numbers,
    explicit_bounds: Numbers,
    positive_counts: Numbers,
    negative_counts: Numbers,
    quantiles: Quantiles,
}

/// What all points of a metric share.
struct Metric<'a> {
    name: &'a str,
    description: &'a str,
    unit: &'a str,
    metadata: String,
    kind: &'static str,
    temporality: Option<i32>,
    monotonic: Option<bool>,
    /// Hash of what makes the metric: a point's series is this and its attributes.
    identity: u64,
}

/// The fields of a point of any kind as they were said.
#[derive(Default)]
struct Point<'a> {
    attributes: Vec<&'a [u8]>,
    exemplars: Vec<&'a [u8]>,
    start: u64,
    time: u64,
    flags: u32,
    double: Option<f64>,
    integer: Option<i64>,
    count: u64,
    sum: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    bucket_counts: Vec<u64>,
    explicit_bounds: Vec<u64>,
    scale: i32,
    zero_count: u64,
    zero_threshold: f64,
    positive: Option<Buckets>,
    negative: Option<Buckets>,
    quantiles: Vec<&'a [u8]>,
}

#[derive(Default)]
struct Buckets {
    offset: i32,
    counts: Vec<u64>,
}

impl<'a> Metrics<'a> {
    fn new(body_bytes: usize, received: Timestamp) -> Self {
        let points = |signal| Points {
            columns: Columns::new(signal, body_bytes),
            attributes: ItemAttributes::new(signal),
            exemplars: Exemplars::new(),
            residue: Residue::default(),
        };
        Self {
            numbers: points(Signal::Metrics),
            histograms: points(Signal::Histograms),
            shapes: Shapes::default(),
            refusals: Refusals::default(),
            received: received.0,
        }
    }

    fn resource(&mut self, message: &'a [u8]) -> Result<(), DecodeError> {
        let parts = Parts::read(message)?;
        // Both tables have the same envelope at other places.
        let of_numbers = Resource::read(&NUMBERS.point.envelope, &parts.head, parts.schema_url)?;
        let of_histograms = Resource::read(&HISTOGRAMS.point.envelope, &parts.head, parts.schema_url)?;
        let from = (self.numbers.columns.rows(), self.histograms.columns.rows());
        let identity = hash_set(0, &of_numbers.key_values);
        for scope in &parts.items {
            self.scope(scope, (&of_numbers, &of_histograms), identity)?;
        }
        of_numbers.repeat(&NUMBERS.point.envelope, &mut self.numbers.columns, from.0);
        of_histograms.repeat(&HISTOGRAMS.point.envelope, &mut self.histograms.columns, from.1);
        Ok(())
    }

    fn scope(
        &mut self,
        message: &'a [u8],
        resources: (&Resource<'a>, &Resource<'a>),
        identity: u64,
    ) -> Result<(), DecodeError> {
        let parts = Parts::read(message)?;
        let scope = Scope::read(&parts.head, parts.schema_url)?;
        let identity = hash_texts(hash_set(identity, &scope.key_values), &[scope.name, scope.version]);
        let from = (self.numbers.columns.rows(), self.histograms.columns.rows());
        for metric in &parts.items {
            self.metric(metric, resources, identity)?;
        }
        scope.repeat(&NUMBERS.point.envelope, &mut self.numbers.columns, from.0);
        scope.repeat(&HISTOGRAMS.point.envelope, &mut self.histograms.columns, from.1);
        Ok(())
    }

    fn metric(
        &mut self,
        message: &'a [u8],
        resources: (&Resource<'a>, &Resource<'a>),
        identity: u64,
    ) -> Result<(), DecodeError> {
        let (mut name, mut description, mut unit, mut metadata, mut data) = ("", "", "", Vec::new(), None);
        for field in fields(message) {
            match field? {
                (1, value) => name = value.text()?,
                (2, value) => description = value.text()?,
                (3, value) => unit = value.text()?,
                (12, value) => metadata.push(value.bytes()?),
                (kind @ (5 | 7 | 9 | 10 | 11), value) => data = Some((kind, value.bytes()?)),
                _ => {}
            }
        }
        let Some((kind, data)) = data else { return Ok(()) };
        let (kind, has_temporality) = match kind {
            5 => ("gauge", false),
            7 => ("sum", true),
            9 => ("histogram", true),
            10 => ("exponential_histogram", true),
            _ => ("summary", false),
        };
        let (mut points, mut temporality, mut monotonic) = (Vec::new(), 0, false);
        for field in fields(data) {
            match field? {
                (1, value) => points.push(value.bytes()?),
                (2, value) if has_temporality => temporality = value.int32()?,
                (3, value) if kind == "sum" => monotonic = value.varint()? != 0,
                _ => {}
            }
        }
        let mut metadata_json = String::new();
        write_object(&mut metadata_json, &metadata)?;
        let metric = Metric {
            name,
            description,
            unit,
            metadata: metadata_json,
            kind,
            temporality: has_temporality.then_some(temporality),
            monotonic: (kind == "sum").then_some(monotonic),
            identity: hash_texts(identity, &[name, unit, kind]),
        };
        let table = if matches!(kind, "gauge" | "sum") { &mut self.numbers } else { &mut self.histograms };
        table.columns.expect(points.len(), message.len());
        for message in points {
            match kind {
                "gauge" | "sum" => self.number(&metric, &Point::number(message)?, resources.0)?,
                "histogram" => self.histogram(&metric, &Point::histogram(message)?, resources.1)?,
                "exponential_histogram" => self.histogram(&metric, &Point::exponential(message)?, resources.1)?,
                _ => self.histogram(&metric, &Point::summary(message)?, resources.1)?,
            }
        }
        Ok(())
    }

    fn number(&mut self, metric: &Metric<'_>, point: &Point<'a>, resource: &Resource<'_>) -> Result<(), DecodeError> {
        let columns = &mut self.numbers.columns;
        if let Some(monotonic) = metric.monotonic {
            columns.bool(NUMBERS.monotonic, monotonic);
        }
        if let Some(value) = point.double.or(point.integer.map(|integer| integer as f64)) {
            columns.double(NUMBERS.value, value);
        }
        if let Some(integer) = point.integer {
            columns.integer(NUMBERS.value_int, integer);
        }
        self.numbers.point(&NUMBERS.point, metric, point, resource, self.received, &mut self.refusals)
    }

    fn histogram(
        &mut self,
        metric: &Metric<'_>,
        point: &Point<'a>,
        resource: &Resource<'_>,
    ) -> Result<(), DecodeError> {
        let counts = point.bucket_counts.len();
        if counts != 0 && counts != point.explicit_bounds.len() + 1 {
            self.refusals.add(Reason::BucketCounts);
            return Ok(());
        }
        let places = &*HISTOGRAMS;
        let columns = &mut self.histograms.columns;
        let row = columns.rows();
        columns.unsigned(places.count, point.count);
        for (place, value) in [(places.sum, point.sum), (places.min, point.min), (places.max, point.max)] {
            if let Some(value) = value {
                columns.double(place, value);
            }
        }
        if metric.kind == "exponential_histogram" {
            columns.int32(places.scale, point.scale);
            columns.unsigned(places.zero_count, point.zero_count);
            columns.double(places.zero_threshold, point.zero_threshold);
            if let Some(positive) = &point.positive {
                columns.int32(places.positive_offset, positive.offset);
                self.shapes.positive_counts.row(row, &positive.counts);
            }
            if let Some(negative) = &point.negative {
                columns.int32(places.negative_offset, negative.offset);
                self.shapes.negative_counts.row(row, &negative.counts);
            }
        }
        self.shapes.bucket_counts.row(row, &point.bucket_counts);
        self.shapes.explicit_bounds.row(row, &point.explicit_bounds);
        self.shapes.quantiles.row(row, &point.quantiles)?;
        self.histograms.point(&places.point, metric, point, resource, self.received, &mut self.refusals)
    }

    fn finish(mut self) -> Rows {
        let (numbers, histograms) = (self.numbers.columns.rows(), self.histograms.columns.rows());
        self.numbers.columns.built(NUMBERS.point.exemplars, self.numbers.exemplars.finish(numbers));
        let places = &*HISTOGRAMS;
        let columns = &mut self.histograms.columns;
        columns.built(places.point.exemplars, self.histograms.exemplars.finish(histograms));
        columns.built(places.bucket_counts, self.shapes.bucket_counts.finish(histograms, &DataType::UInt64));
        columns.built(places.explicit_bounds, self.shapes.explicit_bounds.finish(histograms, &DataType::Float64));
        columns.built(places.positive_counts, self.shapes.positive_counts.finish(histograms, &DataType::UInt64));
        columns.built(places.negative_counts, self.shapes.negative_counts.finish(histograms, &DataType::UInt64));
        columns.built(places.quantiles, self.shapes.quantiles.finish(histograms));
        let batches = [self.numbers.columns, self.histograms.columns].into_iter().filter_map(Columns::finish);
        Rows { batches: batches.collect(), refusals: self.refusals }
    }
}

impl<'a> Points<'a> {
    /// What points of all kinds have; ends the row.
    fn point(
        &mut self,
        places: &PointPlaces,
        metric: &Metric<'_>,
        point: &Point<'a>,
        resource: &Resource<'_>,
        received: i64,
        refusals: &mut Refusals,
    ) -> Result<(), DecodeError> {
        let Self { columns, attributes, exemplars, residue } = self;
        let time = nanos(point.time, "time_unix_nano", residue);
        columns.time(places.time, time);
        let start = nanos(point.start, "start_time_unix_nano", residue);
        if start != 0 {
            columns.time(places.start_time, start);
        }
        if time == 0 || time.saturating_sub(received) > FAR_FUTURE_NANOS {
            columns.time(places.observed_time, received);
            refusals.add(Reason::SuspectTime);
        }
        columns.text(places.name, metric.name);
        columns.text(places.kind, metric.kind);
        for (place, text) in [
            (places.description, metric.description),
            (places.unit, metric.unit),
            (places.metadata, metric.metadata.as_str()),
        ] {
            if !text.is_empty() {
                columns.text(place, text);
            }
        }
        if let Some(temporality) = metric.temporality {
            columns.text(places.temporality, &TEMPORALITY.text(temporality));
        }
        columns.integer(places.series_id, hash_set(metric.identity, &point.attributes) as i64);
        columns.count(places.flags, point.flags);
        attributes.write(columns, &point.attributes)?;
        exemplars.row(columns.rows(), &point.exemplars, refusals, |number, time| {
            residue.number(&format!("exemplars.{number}.time_unix_nano"), time);
        })?;
        residue.write(columns, places.envelope.residue, resource);
        columns.end_row();
        Ok(())
    }
}

impl<'a> Point<'a> {
    fn number(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut point = Point::default();
        for field in fields(message) {
            match field? {
                (2, value) => point.start = value.fixed64()?,
                (3, value) => point.time = value.fixed64()?,
                (4, value) => (point.double, point.integer) = (Some(value.double()?), None),
                (5, value) => point.exemplars.push(value.bytes()?),
                (6, value) => (point.double, point.integer) = (None, Some(value.fixed64()? as i64)),
                (7, value) => point.attributes.push(value.bytes()?),
                (8, value) => point.flags = value.uint32()?,
                _ => {}
            }
        }
        Ok(point)
    }

    fn histogram(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut point = Point::default();
        for field in fields(message) {
            match field? {
                (2, value) => point.start = value.fixed64()?,
                (3, value) => point.time = value.fixed64()?,
                (4, value) => point.count = value.fixed64()?,
                (5, value) => point.sum = Some(value.double()?),
                (6, value) => value.repeated_fixed64(|count| point.bucket_counts.push(count))?,
                (7, value) => value.repeated_fixed64(|bound| point.explicit_bounds.push(bound))?,
                (8, value) => point.exemplars.push(value.bytes()?),
                (9, value) => point.attributes.push(value.bytes()?),
                (10, value) => point.flags = value.uint32()?,
                (11, value) => point.min = Some(value.double()?),
                (12, value) => point.max = Some(value.double()?),
                _ => {}
            }
        }
        Ok(point)
    }

    fn exponential(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut point = Point::default();
        for field in fields(message) {
            match field? {
                (1, value) => point.attributes.push(value.bytes()?),
                (2, value) => point.start = value.fixed64()?,
                (3, value) => point.time = value.fixed64()?,
                (4, value) => point.count = value.fixed64()?,
                (5, value) => point.sum = Some(value.double()?),
                (6, value) => point.scale = value.sint32()?,
                (7, value) => point.zero_count = value.fixed64()?,
                (8, value) => point.positive.get_or_insert_default().read(value.bytes()?)?,
                (9, value) => point.negative.get_or_insert_default().read(value.bytes()?)?,
                (10, value) => point.flags = value.uint32()?,
                (11, value) => point.exemplars.push(value.bytes()?),
                (12, value) => point.min = Some(value.double()?),
                (13, value) => point.max = Some(value.double()?),
                (14, value) => point.zero_threshold = value.double()?,
                _ => {}
            }
        }
        Ok(point)
    }

    fn summary(message: &'a [u8]) -> Result<Self, DecodeError> {
        let mut point = Point { sum: Some(0.0), ..Point::default() };
        for field in fields(message) {
            match field? {
                (2, value) => point.start = value.fixed64()?,
                (3, value) => point.time = value.fixed64()?,
                (4, value) => point.count = value.fixed64()?,
                (5, value) => point.sum = Some(value.double()?),
                (6, value) => point.quantiles.push(value.bytes()?),
                (7, value) => point.attributes.push(value.bytes()?),
                (8, value) => point.flags = value.uint32()?,
                _ => {}
            }
        }
        Ok(point)
    }
}

impl Buckets {
    fn read(&mut self, message: &[u8]) -> Result<(), DecodeError> {
        for field in fields(message) {
            match field? {
                (1, value) => self.offset = value.sint32()?,
                (2, value) => value.repeated_varint(|count| self.counts.push(count))?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Hash that does not depend on the order of the `KeyValue` messages, only on what they say.
///
/// Two encodings of one value hash apart; exporters write one form each, and a series belongs to one exporter.
fn hash_set(seed: u64, messages: &[&[u8]]) -> u64 {
    let sum = messages.iter().fold(0_u64, |sum, message| sum.wrapping_add(xxhash_rust::xxh3::xxh3_64(message)));
    xxhash_rust::xxh3::xxh3_64_with_seed(&sum.to_le_bytes(), seed)
}

fn hash_texts(seed: u64, texts: &[&str]) -> u64 {
    let mut hash = Xxh3::with_seed(seed);
    for text in texts {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    hash.digest()
}
