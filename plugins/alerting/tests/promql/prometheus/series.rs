//! Series that are the same for both: as OpenTelemetry sends them, and as Prometheus has them.
//!
//! Every sample is of a time that is a multiple of ten milliseconds; what is random is so from the seed on.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Histogram, HistogramDataPoint, NumberDataPoint, ResourceMetrics, Sum,
};
use testkit::PrometheusSeries;

use super::super::CUMULATIVE;
use super::super::bench::{BEGIN, metric, pairs};

/// How often most series have a sample, and how long, in milliseconds.
const STEP: i64 = 15_000;
const STEPS: i64 = 240;
/// `DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK`.
const NO_VALUE: u32 = 1;

/// A metric, with what it is called in Prometheus.
pub(super) struct Metric {
    name: &'static str,
    unit: &'static str,
    kind: Kind,
    named: &'static str,
    streams: Vec<Stream>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Points of one service and one set of attributes.
struct Stream {
    instance: &'static str,
    /// The key of OpenTelemetry, the label of Prometheus, the value.
    attributes: Vec<(&'static str, &'static str, String)>,
    /// By time, in milliseconds since the begin.
    points: Vec<(i64, Reading)>,
}

enum Reading {
    Number(f64),
    Whole(i64),
    /// How many in each bucket, the last without an upper bound.
    Buckets {
        bounds: &'static [f64],
        counts: Vec<u64>,
        sum: f64,
    },
    Ended,
}

/// All that is asked about.
pub(super) fn metrics(seed: u64) -> Vec<Metric> {
    let mut random = Random(seed);
    vec![
        steady(),
        requests(&mut random),
        queues(&mut random),
        limits(),
        odd(),
        durations(&mut random),
        balances(&mut random),
        started(),
    ]
}

/// First of all, for its first sample is the oldest: one each minute, on the minute.
fn steady() -> Metric {
    let points = (0..=60).map(|minute| (minute * 60_000, Reading::Number(minute as f64))).collect();
    let streams = vec![Stream { instance: "one", attributes: Vec::new(), points }];
    Metric { name: "steady", unit: "", kind: Kind::Gauge, named: "steady", streams }
}

/// Counters that begin again, have gaps, begin late, end with and without saying so.
fn requests(random: &mut Random) -> Metric {
    let mut streams = Vec::new();
    for instance in ["one", "two"] {
        for (place, (route, code)) in
            [("/", "200"), ("/", "500"), ("/cart", "200"), ("/cart", "500"), ("/pay", "200")].into_iter().enumerate()
        {
            // Far from zero, for what `DIFFERENCES` says of counters that begin.
            let (mut total, mut points) = (5000.0, Vec::new());
            for time in times(random) {
                total = if random.below(60) == 0 { 0.0 } else { total + random.below(20) as f64 * 1.5 };
                let is_there = match place {
                    1 => time > 35 * 60_000,
                    2 => time < 40 * 60_000,
                    3 => !(20 * 60_000..27 * 60_000).contains(&time),
                    _ => random.below(10) > 0,
                };
                if is_there {
                    points.push((time, Reading::Number(total)));
                }
            }
            if place == 2 && instance == "two" {
                points.push((40 * 60_000 + 10, Reading::Ended));
            }
            let attributes = vec![("http.route", "http_route", route.to_owned()), ("code", "code", code.to_owned())];
            streams.push(Stream { instance, attributes, points });
        }
    }
    Metric { name: "shop.requests", unit: "{request}", kind: Kind::Counter, named: "shop_requests_total", streams }
}

/// Gauges that go up and down, below zero too; one is of whole numbers, one ends and comes back, one is NaN at times.
fn queues(random: &mut Random) -> Metric {
    let mut streams = Vec::new();
    for (place, queue) in ["mail", "bills", "parcels", "returns"].into_iter().enumerate() {
        for instance in ["one", "two"] {
            let mut depth = 10.0 * place as f64;
            let mut points = Vec::new();
            for time in times(random) {
                depth += (random.below(2001) as f64 - 1000.0) / 100.0;
                let reading = match place {
                    0 => Reading::Whole(depth as i64),
                    1 if (30 * 60_000..45 * 60_000).contains(&time) => Reading::Ended,
                    2 if random.below(15) == 0 => Reading::Number(f64::NAN),
                    _ => Reading::Number(depth),
                };
                points.push((time, reading));
            }
            let attributes = vec![("queue", "queue", queue.to_owned())];
            streams.push(Stream { instance, attributes, points });
        }
    }
    Metric { name: "queue.depth", unit: "", kind: Kind::Gauge, named: "queue_depth", streams }
}

/// One for each queue but one, with a label more, all of one instance.
fn limits() -> Metric {
    let stream = |(queue, team, limit): (&str, &str, f64)| {
        let mut attributes = vec![("queue", "queue", queue.to_owned())];
        if !team.is_empty() {
            attributes.push(("team", "team", team.to_owned()));
        }
        let points = (0..STEPS).map(|step| (step * STEP + 20, Reading::Number(limit))).collect();
        Stream { instance: "one", attributes, points }
    };
    let streams = [("mail", "blue", 25.0), ("bills", "", 40.0), ("parcels", "red", 0.0)].map(stream).into();
    Metric { name: "queue.limit", unit: "By", kind: Kind::Gauge, named: "queue_limit_bytes", streams }
}

/// Numbers at the ends of what a float can say.
fn odd() -> Metric {
    let numbers = [
        ("nan", f64::NAN),
        ("up", f64::INFINITY),
        ("down", f64::NEG_INFINITY),
        ("zero", 0.0),
        ("large", 1.5e308),
        ("larger", 1.6e308),
        ("small", 1e-300),
        ("half", 2.5),
        ("below", -2.5),
    ];
    let stream = |(kind, number): (&str, f64)| {
        let points = (0..STEPS).map(|step| (step * STEP + 30, Reading::Number(number))).collect();
        Stream { instance: "one", attributes: vec![("kind", "kind", kind.to_owned())], points }
    };
    Metric { name: "odd", unit: "1", kind: Kind::Gauge, named: "odd_ratio", streams: numbers.map(stream).into() }
}

/// Histograms: two that begin again at times, one of which nothing is known, one whose numbers are above all bounds.
fn durations(random: &mut Random) -> Metric {
    const BOUNDS: &[f64] = &[0.005, 0.01, 0.1, 1.0, 2.5];
    let mut streams = Vec::new();
    for (place, route) in ["/", "/cart", "/none", "/slow"].into_iter().enumerate() {
        let (mut counts, mut sum, mut points) = (vec![0; BOUNDS.len() + 1], 0.0, Vec::new());
        for time in times(random) {
            if random.below(80) == 0 {
                (counts, sum) = (vec![0; BOUNDS.len() + 1], 0.0);
            }
            for _ in 0..random.below(30) {
                let bucket = random.below(BOUNDS.len() as u64 + 1) as usize;
                match place {
                    0 | 1 => counts[bucket] += 1,
                    2 => continue,
                    _ => counts[BOUNDS.len()] += 1,
                }
                sum += random.below(1000) as f64 / 250.0;
            }
            points.push((time, Reading::Buckets { bounds: BOUNDS, counts: counts.clone(), sum }));
        }
        if place == 1 {
            points.push((STEPS * STEP + 40, Reading::Ended));
        }
        let attributes = vec![("http.route", "http_route", route.to_owned())];
        streams.push(Stream { instance: "one", attributes, points });
    }
    Metric { name: "shop.duration", unit: "s", kind: Kind::Histogram, named: "shop_duration_seconds", streams }
}

/// Buckets below zero.
fn balances(random: &mut Random) -> Metric {
    const BOUNDS: &[f64] = &[-10.0, -1.0, 0.0, 1e6];
    let mut streams = Vec::new();
    for place in 0..2 {
        let (mut counts, mut points) = (vec![0; BOUNDS.len() + 1], Vec::new());
        for time in times(random) {
            let bucket = random.below(BOUNDS.len() as u64 + 1) as usize;
            counts[if place == 0 { 0 } else { bucket }] += random.below(5);
            points.push((time, Reading::Buckets { bounds: BOUNDS, counts: counts.clone(), sum: 0.0 }));
        }
        let attributes = vec![("account", "account", place.to_string())];
        streams.push(Stream { instance: "one", attributes, points });
    }
    Metric { name: "balance", unit: "", kind: Kind::Histogram, named: "balance", streams }
}

/// Counters that a range sees begin, the first of them a step away from zero.
fn started() -> Metric {
    let stream = |place: i64| {
        let begin = 10 * 60_000 + place * 7_010;
        let number = |step: i64| Reading::Number((40 * place + 10 * (step + 1)) as f64);
        let points = (0..160).map(|step| (begin + step * STEP, number(step))).collect();
        Stream { instance: "one", attributes: vec![("n", "n", place.to_string())], points }
    };
    let streams = (0..6).map(stream).collect();
    Metric { name: "started", unit: "", kind: Kind::Counter, named: "started_total", streams }
}

/// Each step, and up to two seconds later.
fn times(random: &mut Random) -> Vec<i64> {
    (0..STEPS).map(|step| step * STEP + 50 + 10 * random.below(200) as i64).collect()
}

/// As OpenTelemetry sends them.
pub(super) fn sent(metrics: &[Metric]) -> Vec<ResourceMetrics> {
    let of = |metric: &Metric| metric.streams.iter().map(|stream| stream.sent(metric)).collect::<Vec<_>>();
    metrics.iter().flat_map(of).collect()
}

/// As Prometheus has them.
pub(super) fn held(metrics: &[Metric]) -> Vec<PrometheusSeries> {
    let of = |metric: &Metric| metric.streams.iter().flat_map(|stream| stream.held(metric)).collect::<Vec<_>>();
    metrics.iter().flat_map(of).collect()
}

impl Stream {
    fn sent(&self, of: &Metric) -> ResourceMetrics {
        let data = match of.kind {
            Kind::Histogram => Data::Histogram(Histogram {
                data_points: self.points.iter().map(|(time, reading)| self.buckets(*time, reading)).collect(),
                aggregation_temporality: CUMULATIVE,
            }),
            Kind::Gauge => Data::Gauge(Gauge { data_points: self.numbers() }),
            Kind::Counter => {
                let data_points = self.numbers();
                Data::Sum(Sum { data_points, aggregation_temporality: CUMULATIVE, is_monotonic: true })
            }
        };
        let resource =
            [("service.name", "shop"), ("service.namespace", "market"), ("service.instance.id", self.instance)];
        metric(&resource, of.name, of.unit, data)
    }

    fn attributes(&self) -> Vec<(&str, &str)> {
        self.attributes.iter().map(|(key, _, value)| (*key, value.as_str())).collect()
    }

    fn numbers(&self) -> Vec<NumberDataPoint> {
        let point = |(time, reading): &(i64, Reading)| NumberDataPoint {
            attributes: pairs(&self.attributes()),
            time_unix_nano: nanos(*time),
            flags: reading.flags(),
            value: match reading {
                Reading::Number(number) => Some(Value::AsDouble(*number)),
                Reading::Whole(number) => Some(Value::AsInt(*number)),
                Reading::Buckets { .. } | Reading::Ended => None,
            },
            ..NumberDataPoint::default()
        };
        self.points.iter().map(point).collect()
    }

    fn buckets(&self, time: i64, reading: &Reading) -> HistogramDataPoint {
        let point = HistogramDataPoint {
            attributes: pairs(&self.attributes()),
            time_unix_nano: nanos(time),
            flags: reading.flags(),
            ..HistogramDataPoint::default()
        };
        let Reading::Buckets { bounds, counts, sum } = reading else { return point };
        HistogramDataPoint {
            count: counts.iter().sum(),
            sum: Some(*sum),
            explicit_bounds: bounds.to_vec(),
            bucket_counts: counts.clone(),
            ..point
        }
    }

    fn held(&self, of: &Metric) -> Vec<PrometheusSeries> {
        if of.kind != Kind::Histogram {
            return vec![self.series(of.named, None, |reading| match reading {
                Reading::Number(number) => *number,
                Reading::Whole(number) => *number as f64,
                Reading::Buckets { .. } | Reading::Ended => f64::NAN,
            })];
        }
        let Some((_, Reading::Buckets { bounds, .. })) = self.points.first() else { return Vec::new() };
        let up_to = |place: usize| {
            move |reading: &Reading| match reading {
                Reading::Buckets { counts, .. } => counts[..=place].iter().sum::<u64>() as f64,
                _ => f64::NAN,
            }
        };
        let bounds = bounds.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
        let bucket = |(place, bound)| self.series(&format!("{}_bucket", of.named), Some(bound), up_to(place));
        let mut all: Vec<PrometheusSeries> = bounds.enumerate().map(bucket).collect();
        all.push(self.series(&format!("{}_count", of.named), None, |reading| match reading {
            Reading::Buckets { counts, .. } => counts.iter().sum::<u64>() as f64,
            _ => f64::NAN,
        }));
        all.push(self.series(&format!("{}_sum", of.named), None, |reading| match reading {
            Reading::Buckets { sum, .. } => *sum,
            _ => f64::NAN,
        }));
        all
    }

    fn series(&self, named: &str, bound: Option<String>, value: impl Fn(&Reading) -> f64) -> PrometheusSeries {
        let fixed = [("__name__", named), ("job", "market/shop"), ("instance", self.instance)];
        let mut labels: BTreeMap<String, String> =
            fixed.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        labels.extend(self.attributes.iter().map(|(_, label, value)| ((*label).to_owned(), value.clone())));
        labels.extend(bound.map(|bound| ("le".to_owned(), bound)));
        let sample = |(time, reading): &(i64, Reading)| {
            let value = (!matches!(reading, Reading::Ended)).then(|| value(reading));
            (millis(*time), value)
        };
        PrometheusSeries { labels, samples: self.points.iter().map(sample).collect() }
    }
}

impl Reading {
    fn flags(&self) -> u32 {
        if matches!(self, Self::Ended) { NO_VALUE } else { 0 }
    }
}

/// Since 1970, of milliseconds since the begin.
pub(super) fn millis(time: i64) -> i64 {
    (BEGIN / 1_000_000).cast_signed() + time
}

fn nanos(time: i64) -> u64 {
    BEGIN + time.cast_unsigned() * 1_000_000
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}
