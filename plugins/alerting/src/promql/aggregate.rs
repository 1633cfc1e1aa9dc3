//! Aggregations: many elements become one by group, or fewer.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::evaluate::{Element, Failed};
use super::expression::{Aggregation, Grouping, Labels, NAME, Scalar};
use super::numbers::{Sum, mean, quantile, variance};

impl Aggregation {
    /// What it wants to know besides.
    pub(super) fn param(&self) -> Option<&Scalar> {
        match self {
            Self::Quantile(param) | Self::Top(param) | Self::Bottom(param) => Some(param),
            _ => None,
        }
    }
}

impl Grouping {
    fn labels(&self, labels: &Labels) -> Labels {
        let is_kept = |name: &String| match self {
            Self::By(names) => names.contains(name),
            Self::Without(names) => name != NAME && !names.contains(name),
        };
        labels.iter().filter(|(name, _)| is_kept(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// Elements by group, each aggregated.
pub(super) fn aggregate(
    aggregation: &Aggregation,
    param: f64,
    grouping: &Grouping,
    of: Vec<Element>,
) -> Result<Vec<Element>, Failed> {
    let mut groups: BTreeMap<Labels, Vec<Element>> = BTreeMap::new();
    for element in of {
        groups.entry(grouping.labels(&element.labels)).or_default().push(element);
    }
    match aggregation {
        Aggregation::Top(_) | Aggregation::Bottom(_) if param.is_nan() => {
            Err(Failed("`topk` and `bottomk` want a number of elements, not NaN".to_owned()))
        }
        Aggregation::Top(_) => Ok(first(groups, param, |one, other| other.total_cmp(one))),
        Aggregation::Bottom(_) => Ok(first(groups, param, f64::total_cmp)),
        _ => {
            let one = |(labels, group): (_, Vec<Element>)| {
                let values: Vec<f64> = group.iter().map(|element| element.value).collect();
                Element { labels, value: value(aggregation, param, values) }
            };
            Ok(groups.into_iter().map(one).collect())
        }
    }
}

/// So many of each group; NaN is the last. Of equal ones the first by label, or a rule would find others each time.
fn first(groups: BTreeMap<Labels, Vec<Element>>, count: f64, order: impl Fn(&f64, &f64) -> Ordering) -> Vec<Element> {
    // A negative number is none, and a large one all.
    let count = count as usize;
    let some = groups.into_values().flat_map(|mut group| {
        group.sort_by(|one, other| {
            let nan_last = one.value.is_nan().cmp(&other.value.is_nan());
            let by_value = nan_last.then_with(|| order(&one.value, &other.value));
            by_value.then_with(|| one.labels.cmp(&other.labels))
        });
        group.truncate(count);
        group
    });
    some.collect()
}

fn value(aggregation: &Aggregation, param: f64, values: Vec<f64>) -> f64 {
    let best = |is_better: fn(f64, f64) -> bool| {
        let better = |best: f64, value: f64| if best.is_nan() || is_better(value, best) { value } else { best };
        values.iter().copied().fold(f64::NAN, better)
    };
    match aggregation {
        Aggregation::Sum => values.into_iter().collect::<Sum>().total(),
        Aggregation::Avg => mean(&values),
        Aggregation::Min => best(|value, best| value < best),
        Aggregation::Max => best(|value, best| value > best),
        Aggregation::Count => values.len() as f64,
        Aggregation::Group | Aggregation::Top(_) | Aggregation::Bottom(_) => 1.0,
        Aggregation::Stddev => variance(&values).sqrt(),
        Aggregation::Stdvar => variance(&values),
        Aggregation::Quantile(_) => quantile(values, param),
    }
}
