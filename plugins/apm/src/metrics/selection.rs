//! Which points of a metric are meant: its name, the values of some labels, and labels to tell series apart by.
//!
//! A label is an attribute of the point, or else of its resource.

use std::collections::BTreeMap;

use plugin::Failure;
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;

use super::PointTable;
use crate::conditions::Conditions;
use crate::range::Range;

/// Most labels of a filter.
const FILTERS_MAX: usize = 20;
/// Most labels that series are told apart by.
const LABELS_MAX: usize = 4;
/// The types that points have.
pub(super) const TYPES: [&str; 5] = ["gauge", "sum", "histogram", "exponential_histogram", "summary"];
/// A point that says that there is none has the first flag of OTLP.
pub(crate) const IS_RECORDED: &str = "flags % 2 = 0";

/// Which points.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct PointsWanted {
    /// Labels and their values as a JSON object: `{"http.route": "/cart", "host.name": "a"}`; null for points without
    /// the label. A label is an attribute of the point, or else of its resource.
    filter: Option<String>,
    /// Only points of this type: `gauge`, `sum`, `histogram`, `exponential_histogram` or `summary`; for names that are
    /// sent as several.
    r#type: Option<String>,
}

/// Points of one metric.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    pub(crate) name: String,
    filter: Vec<(String, Option<String>)>,
    kind: Option<String>,
}

impl Selection {
    pub(crate) fn read(name: String, wanted: &PointsWanted) -> Result<Self, Failure> {
        let kind = wanted.r#type.clone().filter(|kind| !kind.is_empty());
        if let Some(kind) = &kind {
            check_type(kind)?;
        }
        Ok(Self { name, filter: filter(wanted.filter.as_deref())?, kind })
    }

    /// The conditions of its points in the range.
    pub(super) fn conditions(&self, range: Range) -> Conditions {
        let mut conditions = Conditions::in_range("time", range);
        conditions.equal("name", self.name.as_str()).and(IS_RECORDED);
        conditions.equal_if_said("type", self.kind.as_deref());
        for (key, value) in &self.filter {
            let label = label(&mut conditions, key);
            match value {
                Some(value) => conditions.equal(&label, value.as_str()),
                None => conditions.and(format!("{label} IS NULL")),
            };
        }
        conditions
    }

    /// The tables that can have its points.
    pub(super) fn tables(&self) -> impl Iterator<Item = PointTable> {
        let only = self.kind.as_deref().map(table_of);
        PointTable::ALL.into_iter().filter(move |table| only.is_none_or(|only| only == *table))
    }
}

/// Refuses what is no type.
pub(super) fn check_type(kind: &str) -> Result<(), Failure> {
    if TYPES.contains(&kind) {
        return Ok(());
    }
    Err(Failure::invalid(format!("'type' is '{kind}', expected {}", TYPES.join(", "))))
}

/// The table of a type.
pub(super) fn table_of(kind: &str) -> PointTable {
    if matches!(kind, "gauge" | "sum") { PointTable::Numbers } else { PointTable::Histograms }
}

/// A label of a point, in SQL.
pub(super) fn label(conditions: &mut Conditions, key: &str) -> String {
    let key = conditions.param(key);
    format!("coalesce(attributes->>cast({key} AS text), resource_attributes->>cast({key} AS text))")
}

/// Labels that series are told apart by, as in `service.name,http.route`.
pub(super) fn by(written: Option<&str>) -> Result<Vec<String>, Failure> {
    let mut labels: Vec<String> = Vec::new();
    for label in written.unwrap_or_default().split(',').map(str::trim).filter(|label| !label.is_empty()) {
        if !labels.iter().any(|known| known == label) {
            labels.push(label.to_owned());
        }
    }
    if labels.len() > LABELS_MAX {
        let message = format!("'by' has {} labels, at most {LABELS_MAX} tell series apart", labels.len());
        return Err(Failure::invalid(message).hinting("leave some out, or choose their values with 'filter'"));
    }
    Ok(labels)
}

/// Labels and their values, as the text that `->>` gives of them.
fn filter(written: Option<&str>) -> Result<Vec<(String, Option<String>)>, Failure> {
    let Some(written) = written.filter(|written| !written.is_empty()) else { return Ok(Vec::new()) };
    let wrong = |what: &str| {
        let failure = Failure::invalid(format!("'filter' {what}"));
        failure.hinting(r#"write a JSON object of texts, numbers, booleans and nulls, as in {"http.route": "/cart"}"#)
    };
    let labels: BTreeMap<String, Value> =
        serde_json::from_str(written).map_err(|cause| wrong(&format!("is no JSON object: {cause}")))?;
    if labels.len() > FILTERS_MAX {
        return Err(wrong(&format!("has {} labels, at most {FILTERS_MAX} are possible", labels.len())));
    }
    let texts = labels.into_iter().map(|(key, value)| match value {
        Value::Null => Ok((key, None)),
        Value::String(text) => Ok((key, Some(text))),
        Value::Number(number) => Ok((key, Some(number.to_string()))),
        Value::Bool(value) => Ok((key, Some(value.to_string()))),
        Value::Array(_) | Value::Object(_) => {
            Err(wrong(&format!("has a value for '{key}' that is not a text, number, boolean or null")))
        }
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(filter: &str, kind: Option<&str>) -> PointsWanted {
        PointsWanted { filter: Some(filter.to_owned()), r#type: kind.map(str::to_owned) }
    }

    #[test]
    fn what_is_chosen_is_never_part_of_the_text() {
        let evil = "' OR 1=1 --";
        let filter = serde_json::json!({ evil: evil, "b": null, "c": 1 }).to_string();

        let selection = Selection::read(evil.to_owned(), &wanted(&filter, Some("sum"))).expect("a selection");
        let conditions = selection.conditions(Range { from: 0, until: 1 });

        let text = conditions.text();
        assert!(!text.contains("1=1"), "{text}");
        assert!((1..=conditions.params().len()).all(|number| text.contains(&format!("${number}"))), "{text}");
        assert_eq!(selection.tables().collect::<Vec<_>>(), [PointTable::Numbers]);
    }

    #[test]
    fn what_cannot_be_chosen_is_refused() {
        for (filter, kind) in [("[]", None), ("{", None), (r#"{"a": [1]}"#, None), ("{}", Some("counter"))] {
            assert!(Selection::read("a".to_owned(), &wanted(filter, kind)).is_err(), "{filter} {kind:?}");
        }
        assert!(by(Some("a,b,c,d,e")).is_err());
        assert_eq!(by(Some(" a, b,,a")).expect("labels"), ["a", "b"]);
        assert_eq!(by(None).expect("labels"), Vec::<String>::new());
    }
}
