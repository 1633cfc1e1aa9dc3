//! What an expression comes to at one instant. Pure: series are an argument.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use promql_parser::label::MatchOp;

use super::aggregate::aggregate;
use super::expression::{BOUND, Expression, LabelReplace, Labels, Mapping, NAME, OverTime, Scalar, Selector, Vector};
use super::histogram::{self, Bucket};
use super::join::{joined, set, with_scalar};
use super::numbers::{larger, smaller};
use super::over_time::{self, Change, Point, Sample};

/// What the samples of some labels are.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) labels: Labels,
    /// By time, each later than the one before.
    pub(super) samples: Arc<[Sample]>,
}

/// A number with labels.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Element {
    pub(super) labels: Labels,
    pub(super) value: f64,
}

/// Why an expression comes to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failed(pub(super) String);

type Evaluated<T> = Result<T, Failed>;

/// An instant, and the series there are.
pub(super) struct Instant<'a> {
    /// Nanoseconds since 1970.
    pub(super) at: i64,
    pub(super) series: &'a dyn Fn(&Selector) -> Evaluated<Vec<Series>>,
}

impl Instant<'_> {
    /// A number is a vector of one without labels.
    pub(super) fn evaluate(&self, expression: &Expression) -> Evaluated<Vec<Element>> {
        match expression {
            Expression::Scalar(scalar) => Ok(vec![Element { labels: Labels::new(), value: self.scalar(scalar)? }]),
            Expression::Vector(vector) => self.vector(vector),
        }
    }

    fn seconds(&self) -> f64 {
        // Milliseconds, as in Prometheus: all digits of a float are of use then.
        (self.at / 1_000_000) as f64 / 1e3
    }

    fn scalar(&self, scalar: &Scalar) -> Evaluated<f64> {
        Ok(match scalar {
            Scalar::Number(number) => *number,
            Scalar::Time => self.seconds(),
            Scalar::OfVector(of) => match &self.vector(of)?[..] {
                [only] => only.value,
                _ => f64::NAN,
            },
            Scalar::Negated(of) => -self.scalar(of)?,
            Scalar::Calculated { operator, left, right } => {
                let (value, holds) = operator.apply(self.scalar(left)?, self.scalar(right)?);
                if operator.is_comparison() { f64::from(u8::from(holds)) } else { value }
            }
        })
    }

    fn vector(&self, vector: &Vector) -> Evaluated<Vec<Element>> {
        match vector {
            Vector::Selected(selector) => self.selected(selector, |point| point.value),
            Vector::TakenAt(selector) => {
                without_name(self.selected(selector, |point| (point.time / 1_000_000) as f64 / 1e3)?)
            }
            Vector::OfScalar(of) => Ok(vec![Element { labels: Labels::new(), value: self.scalar(of)? }]),
            Vector::OverTime { function, of } => self.over_time(function, of),
            Vector::Absent { of, labels } => Ok(absent(self.vector(of)?.is_empty(), labels)),
            Vector::AbsentOverTime { of, labels } => {
                let is_absent = self.ranges(of)?.is_empty();
                Ok(absent(is_absent, labels))
            }
            Vector::Mapped { function, of } => self.mapped(function, self.vector(of)?),
            Vector::HistogramQuantile { quantile, of } => histogram_quantile(self.scalar(quantile)?, self.vector(of)?),
            Vector::LabelReplaced { of, replace } => label_replaced(self.vector(of)?, replace),
            Vector::Aggregated { aggregation, grouping, of } => {
                let param = aggregation.param().map(|param| self.scalar(param)).transpose()?;
                aggregate(aggregation, param.unwrap_or_default(), grouping, self.vector(of)?)
            }
            Vector::WithScalar { operator, is_bool, vector, scalar, scalar_side } => {
                let (vector, scalar) = (self.vector(vector)?, self.scalar(scalar)?);
                let elements = with_scalar(*operator, *is_bool, vector, scalar, *scalar_side);
                if operator.is_comparison() && !is_bool { Ok(elements) } else { without_name(elements) }
            }
            Vector::Joined { operator, is_bool, left, right, matching, group } => {
                let (left, right) = (self.vector(left)?, self.vector(right)?);
                joined(*operator, *is_bool, [left, right], matching, group)
            }
            Vector::Set { operator, left, right, matching } => {
                Ok(set(*operator, self.vector(left)?, self.vector(right)?, matching))
            }
        }
    }

    fn selected(&self, selector: &Selector, value: impl Fn(Point) -> f64) -> Evaluated<Vec<Element>> {
        let window = selector.window(self.at);
        let element = |series: Series| {
            let point = over_time::last(&series.samples, window)?;
            Some(Element { labels: series.labels, value: value(point) })
        };
        Ok((self.series)(selector)?.into_iter().filter_map(element).collect())
    }

    /// Series with at least one point in the range.
    fn ranges(&self, selector: &Selector) -> Evaluated<Vec<(Labels, Vec<Point>)>> {
        let window = selector.window(self.at);
        let series = (self.series)(selector)?.into_iter();
        let ranges = series.map(|series| (series.labels, over_time::points(&series.samples, window)));
        Ok(ranges.filter(|(_, points)| !points.is_empty()).collect())
    }

    fn over_time(&self, function: &OverTime, of: &Selector) -> Evaluated<Vec<Element>> {
        let param = match function {
            OverTime::Quantile(param) | OverTime::PredictLinear(param) => self.scalar(param)?,
            _ => 0.0,
        };
        let window = of.window(self.at);
        let value = |points: &[Point]| {
            Some(match function {
                OverTime::Rate => return over_time::change(points, window, Change::Rate),
                OverTime::Increase => return over_time::change(points, window, Change::Increase),
                OverTime::Delta => return over_time::change(points, window, Change::Delta),
                OverTime::Irate => return over_time::last_change(points, true),
                OverTime::Idelta => return over_time::last_change(points, false),
                OverTime::Deriv => over_time::line(points, points.first()?.time)?.1,
                OverTime::PredictLinear(_) => {
                    let (now, slope) = over_time::line(points, self.at)?;
                    now + slope * param
                }
                OverTime::Changes => over_time::changes(points),
                OverTime::Resets => over_time::resets(points),
                OverTime::Avg => over_time::average(points),
                OverTime::Min => over_time::best(points, |value, best| value < best),
                OverTime::Max => over_time::best(points, |value, best| value > best),
                OverTime::Sum => over_time::sum(points),
                OverTime::Count => points.len() as f64,
                OverTime::Last => points.last()?.value,
                OverTime::Stddev => over_time::variance_of(points).sqrt(),
                OverTime::Stdvar => over_time::variance_of(points),
                OverTime::Present => 1.0,
                OverTime::Quantile(_) => over_time::quantile_of(points, param),
            })
        };
        let ranges = self.ranges(of)?.into_iter();
        let elements = ranges.filter_map(|(labels, points)| Some(Element { labels, value: value(&points)? })).collect();
        if matches!(function, OverTime::Last) { Ok(elements) } else { without_name(elements) }
    }

    fn mapped(&self, function: &Mapping, mut of: Vec<Element>) -> Evaluated<Vec<Element>> {
        let mut map = |map: &dyn Fn(f64) -> f64| of.iter_mut().for_each(|element| element.value = map(element.value));
        match function {
            Mapping::Negated => map(&|value| -value),
            Mapping::Abs => map(&f64::abs),
            Mapping::Ceil => map(&f64::ceil),
            Mapping::Floor => map(&f64::floor),
            Mapping::Exp => map(&f64::exp),
            Mapping::Ln => map(&f64::ln),
            Mapping::Log2 => map(&f64::log2),
            Mapping::Log10 => map(&f64::log10),
            Mapping::Sqrt => map(&f64::sqrt),
            Mapping::Sgn => map(&|value| if value == 0.0 || value.is_nan() { value } else { value.signum() }),
            Mapping::Timestamp => map(&|_| self.seconds()),
            Mapping::Round(to) => {
                let inverse = to.as_ref().map_or(Ok(1.0), |to| self.scalar(to).map(|to| 1.0 / to))?;
                map(&|value| (value * inverse + 0.5).floor() / inverse);
            }
            Mapping::ClampMin(min) => {
                let min = self.scalar(min)?;
                map(&|value| larger(value, min));
            }
            Mapping::ClampMax(max) => {
                let max = self.scalar(max)?;
                map(&|value| smaller(value, max));
            }
            Mapping::Clamp { min, max } => {
                let (min, max) = (self.scalar(min)?, self.scalar(max)?);
                if max < min {
                    return Ok(Vec::new());
                }
                map(&|value| larger(min, smaller(max, value)));
            }
        }
        without_name(of)
    }
}

fn absent(is_absent: bool, labels: &Labels) -> Vec<Element> {
    if is_absent { vec![Element { labels: labels.clone(), value: 1.0 }] } else { Vec::new() }
}

/// What is computed of a metric is not the metric any more. Series that only their names tell apart cannot lose them.
pub(super) fn without_name(mut elements: Vec<Element>) -> Evaluated<Vec<Element>> {
    let is_of_one_name = elements.windows(2).all(|pair| pair[0].labels.get(NAME) == pair[1].labels.get(NAME));
    let mut names: HashMap<Labels, Option<String>> = HashMap::new();
    for element in &mut elements {
        let name = element.labels.remove(NAME);
        if is_of_one_name {
            continue;
        }
        if let Some(other) = names.insert(element.labels.clone(), name.clone())
            && other != name
        {
            return Err(alike(&element.labels));
        }
    }
    Ok(elements)
}

fn alike(labels: &Labels) -> Failed {
    Failed(format!("series that were different would all be {}", shown(labels)))
}

pub(super) fn shown(labels: &Labels) -> String {
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{{{}}}", labels.join(", "))
}

/// A histogram is what has the same labels but for the bounds; what has no bound is no bucket.
fn histogram_quantile(share: f64, of: Vec<Element>) -> Evaluated<Vec<Element>> {
    let mut histograms: BTreeMap<Labels, Vec<Bucket>> = BTreeMap::new();
    for mut element in of {
        let bound = element.labels.remove(BOUND).and_then(|bound| bound.parse().ok());
        let Some(bound) = bound else { continue };
        histograms.entry(element.labels).or_default().push(Bucket { bound, count: element.value });
    }
    let quantile = |(labels, buckets)| Element { labels, value: histogram::quantile(share, buckets) };
    without_name(histograms.into_iter().map(quantile).collect())
}

fn label_replaced(mut of: Vec<Element>, replace: &LabelReplace) -> Evaluated<Vec<Element>> {
    let MatchOp::Re(pattern) = &replace.pattern.op else { return Ok(of) };
    let mut before: HashMap<Labels, Labels> = HashMap::new();
    for element in &mut of {
        let old = element.labels.clone();
        let source = old.get(&replace.from).map_or("", String::as_str);
        if let Some(captures) = pattern.captures(source) {
            let mut value = String::new();
            captures.expand(&replace.replacement, &mut value);
            match value.is_empty() {
                true => element.labels.remove(&replace.to),
                false => element.labels.insert(replace.to.clone(), value),
            };
        }
        if let Some(other) = before.insert(element.labels.clone(), old.clone())
            && other != old
        {
            return Err(alike(&element.labels));
        }
    }
    Ok(of)
}
