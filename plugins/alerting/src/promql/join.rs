//! Operators between vectors and numbers, and between two vectors whose elements belong together by their labels.

use std::collections::{HashMap, HashSet};

use super::evaluate::{Element, Failed, shown};
use super::expression::{Group, Labels, Matching, NAME, Operator, SetOperator, Side};

impl Matching {
    /// The labels by which elements belong together.
    fn key(&self, labels: &Labels) -> Labels {
        let is_kept = |name: &String| match self {
            Self::On(names) => names.contains(name),
            Self::Ignoring(names) => name != NAME && !names.contains(name),
        };
        labels.iter().filter(|(name, _)| is_kept(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

/// Each element with a number; a comparison keeps the element's value.
pub(super) fn with_scalar(
    operator: Operator,
    is_bool: bool,
    vector: Vec<Element>,
    scalar: f64,
    scalar_side: Side,
) -> Vec<Element> {
    let calculated = |mut element: Element| {
        let (value, holds) = match scalar_side {
            Side::Left => operator.apply(scalar, element.value),
            Side::Right => operator.apply(element.value, scalar),
        };
        match (operator.is_comparison(), is_bool) {
            (true, true) => element.value = f64::from(u8::from(holds)),
            (true, false) if !holds => return None,
            (true, false) => {}
            (false, _) => element.value = value,
        }
        Some(element)
    };
    vector.into_iter().filter_map(calculated).collect()
}

/// Elements of both sides that belong together.
pub(super) fn joined(
    operator: Operator,
    is_bool: bool,
    [left, right]: [Vec<Element>; 2],
    matching: &Matching,
    group: &Group,
) -> Result<Vec<Element>, Failed> {
    let (many, one, one_side) = match group {
        Group::OneToMany(_) => (right, left, Side::Left),
        Group::OneToOne | Group::ManyToOne(_) => (left, right, Side::Right),
    };
    // What is not there matches nothing, whatever the other side is.
    if many.is_empty() || one.is_empty() {
        return Ok(Vec::new());
    }
    let ones = by_key(&one, matching, one_side)?;
    let mut seen: HashSet<(Labels, Labels)> = HashSet::new();
    let mut all = Vec::new();
    for element in &many {
        let key = matching.key(&element.labels);
        let Some(one) = ones.get(&key) else { continue };
        let (value, holds) = match one_side {
            Side::Left => operator.apply(one.value, element.value),
            Side::Right => operator.apply(element.value, one.value),
        };
        let value = match operator.is_comparison() {
            true if is_bool => f64::from(u8::from(holds)),
            true if !holds => continue,
            _ => value,
        };
        let labels = result(&element.labels, &one.labels, operator.is_comparison() && !is_bool, matching, group);
        let told_apart_by = if matches!(group, Group::OneToOne) { Labels::new() } else { labels.clone() };
        if !seen.insert((key, told_apart_by)) {
            return Err(many_matches(&element.labels, group));
        }
        all.push(Element { labels, value });
    }
    Ok(all)
}

fn by_key<'a>(one: &'a [Element], matching: &Matching, side: Side) -> Result<HashMap<Labels, &'a Element>, Failed> {
    let mut ones: HashMap<Labels, &Element> = HashMap::new();
    for element in one {
        let key = matching.key(&element.labels);
        if let Some(other) = ones.insert(key.clone(), element) {
            let side = if side == Side::Left { "left" } else { "right" };
            let (key, pair) = (shown(&key), [shown(&other.labels), shown(&element.labels)].join(" and "));
            return Err(Failed(format!(
                "on the {side} side of an operator, two series belong to {key}: {pair}; \
                 say `on` or `ignoring`, or aggregate them, so that there is one"
            )));
        }
    }
    Ok(ones)
}

fn many_matches(labels: &Labels, group: &Group) -> Failed {
    let remedy = match group {
        Group::OneToOne => "say so with `group_left` or `group_right`",
        Group::ManyToOne(_) | Group::OneToMany(_) => "their labels must tell them apart",
    };
    Failed(format!(
        "several series of one side of an operator match one of the other, such as {}; {remedy}",
        shown(labels)
    ))
}

/// Labels of what two elements come to.
fn result(many: &Labels, one: &Labels, keeps_name: bool, matching: &Matching, group: &Group) -> Labels {
    let mut labels = many.clone();
    if !keeps_name {
        labels.remove(NAME);
    }
    let taken = match group {
        Group::OneToOne => {
            match matching {
                Matching::On(names) => labels.retain(|name, _| names.contains(name)),
                Matching::Ignoring(names) => labels.retain(|name, _| !names.contains(name)),
            }
            return labels;
        }
        Group::ManyToOne(taken) | Group::OneToMany(taken) => taken,
    };
    for name in taken {
        match one.get(name) {
            Some(value) => labels.insert(name.clone(), value.clone()),
            None => labels.remove(name),
        };
    }
    labels
}

/// `and`, `or`, `unless`.
pub(super) fn set(operator: SetOperator, left: Vec<Element>, right: Vec<Element>, matching: &Matching) -> Vec<Element> {
    let keys = |elements: &[Element]| -> HashSet<Labels> {
        elements.iter().map(|element| matching.key(&element.labels)).collect()
    };
    let kept = |elements: Vec<Element>, keys: &HashSet<Labels>, is_in: bool| {
        elements.into_iter().filter(move |element| keys.contains(&matching.key(&element.labels)) == is_in).collect()
    };
    match operator {
        SetOperator::And => kept(left, &keys(&right), true),
        SetOperator::Unless => kept(left, &keys(&right), false),
        SetOperator::Or => {
            let others: Vec<Element> = kept(right, &keys(&left), false);
            left.into_iter().chain(others).collect()
        }
    }
}
