//! What a span must be like: the filter that searches, heat maps and comparisons share.

use std::collections::BTreeMap;

use plugin::Failure;
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::conditions::Conditions;

/// Most attributes of a filter, and most that must not be there.
const ATTRIBUTES_MAX: usize = 20;
/// Longest duration of a filter: a year.
const MILLIS_MAX: f64 = 366.0 * 86_400_000.0;
const KINDS: [&str; 5] = ["server", "client", "internal", "producer", "consumer"];
const STATUSES: [&str; 3] = ["error", "ok", "unset"];

/// What a span must be like; all of it must be true.
#[derive(Clone, Debug, Default, Deserialize, IntoParams, ToSchema)]
#[into_params(parameter_in = Query)]
pub(crate) struct SpanFilter {
    /// Name of its service.
    service: Option<String>,
    /// Its name.
    operation: Option<String>,
    /// Its environment (`deployment.environment.name`).
    environment: Option<String>,
    /// The namespace of its service, or that of Kubernetes it runs in.
    namespace: Option<String>,
    /// The version of its service.
    version: Option<String>,
    /// The host it runs on (`host.name`).
    host: Option<String>,
    /// `server`, `client`, `internal`, `producer` or `consumer`.
    kind: Option<String>,
    /// `error`, `ok` or `unset`.
    status: Option<String>,
    /// It takes at least so many milliseconds.
    min_duration_ms: Option<f64>,
    /// It takes at most so many milliseconds.
    max_duration_ms: Option<f64>,
    /// Attributes of the span or its resource and their values, as a JSON object: `{"http.route": "/cart", "shop.items": 3}`.
    #[param(value_type = Option<String>)]
    #[schema(value_type = Option<Object>)]
    attributes: Option<Value>,
    /// Attributes that neither the span nor its resource has with these values, in the same way.
    #[param(value_type = Option<String>)]
    #[schema(value_type = Option<Object>)]
    not_attributes: Option<Value>,
    /// Words that are in its name, its message of status or exception, its route, path or query, its other attributes,
    /// or those of its last event.
    text: Option<String>,
}

impl SpanFilter {
    /// Spans that are like that and fulfil the conditions.
    pub(crate) fn narrow(&self, conditions: &mut Conditions) -> Result<(), Failure> {
        one_of("kind", self.kind.as_deref(), &KINDS)?;
        one_of("status", self.status.as_deref(), &STATUSES)?;
        conditions
            .equal_if_said("service_name", self.service.as_deref())
            .equal_if_said("name", self.operation.as_deref())
            .equal_if_said("deployment_environment_name", self.environment.as_deref())
            .equal_if_said("service_version", self.version.as_deref())
            .equal_if_said("host_name", self.host.as_deref())
            .equal_if_said("kind", self.kind.as_deref())
            .equal_if_said("status_code", self.status.as_deref());
        if let Some(namespace) = self.namespace.as_deref() {
            let name = conditions.param(namespace);
            conditions.and(format!("(service_namespace = {name} OR k8s_namespace_name = {name})"));
        }
        self.narrow_durations(conditions)?;
        self.narrow_attributes(conditions)?;
        if let Some(words) = self.text.as_deref().filter(|words| !words.trim().is_empty()) {
            let words = conditions.param(words);
            let anywhere: Vec<String> = TEXTS.iter().map(|column| format!("matches({column}, {words})")).collect();
            conditions.and(format!("({})", anywhere.join(" OR ")));
        }
        Ok(())
    }

    /// True when it says which kinds of spans it is about.
    pub(crate) fn says_kind(&self) -> bool {
        self.kind.is_some()
    }

    fn narrow_durations(&self, conditions: &mut Conditions) -> Result<(), Failure> {
        for (name, millis, comparison) in
            [("min_duration_ms", self.min_duration_ms, ">="), ("max_duration_ms", self.max_duration_ms, "<=")]
        {
            if let Some(millis) = millis {
                let nanos = conditions.param(nanos(name, millis)?);
                conditions.and(format!("duration_ns {comparison} {nanos}"));
            }
        }
        Ok(())
    }

    fn narrow_attributes(&self, conditions: &mut Conditions) -> Result<(), Failure> {
        for (key, value) in attributes("attributes", self.attributes.as_ref())? {
            conditions.attribute(&key, &value);
        }
        for (key, value) in attributes("not_attributes", self.not_attributes.as_ref())? {
            let (key, value) = (conditions.param(key), conditions.param(value));
            conditions.and(format!(
                "((attributes->>cast({key} AS text)) = {value}) IS NOT TRUE
                AND ((resource_attributes->>cast({key} AS text)) = {value}) IS NOT TRUE"
            ));
        }
        Ok(())
    }
}

/// Columns in which words are looked for.
const TEXTS: [&str; 10] = [
    "name",
    "status_message",
    "exception_type",
    "exception_message",
    "http_route",
    "url_path",
    "url_full",
    "db_query_text",
    "attributes",
    // An exception is mostly the last event.
    "events[-1]['attributes']",
];

fn one_of(name: &str, written: Option<&str>, known: &[&str]) -> Result<(), Failure> {
    match written.filter(|written| !known.contains(written)) {
        Some(written) => {
            Err(Failure::invalid(format!("'{name}' is '{written}', expected one of {}", known.join(", "))))
        }
        None => Ok(()),
    }
}

fn nanos(name: &str, millis: f64) -> Result<i64, Failure> {
    if !(0.0..=MILLIS_MAX).contains(&millis) {
        return Err(Failure::invalid(format!("'{name}' is {millis}, expected 0 to {MILLIS_MAX}")));
    }
    Ok((millis * 1_000_000.0).round() as i64)
}

/// Keys and values, as the text that `->>` gives of them; behind a question mark they are written as text.
pub(crate) fn attributes(name: &str, written: Option<&Value>) -> Result<Vec<(String, String)>, Failure> {
    let wrong = |what: &str| {
        let failure = Failure::invalid(format!("'{name}' {what}"));
        failure.hinting(r#"write a JSON object of texts, numbers and booleans, as in {"http.route": "/cart"}"#)
    };
    let attributes: BTreeMap<String, Value> = match written {
        None => return Ok(Vec::new()),
        Some(Value::String(text)) if text.is_empty() => return Ok(Vec::new()),
        Some(Value::String(text)) => serde_json::from_str(text),
        Some(value) => BTreeMap::deserialize(value),
    }
    .map_err(|cause| wrong(&format!("is no JSON object: {cause}")))?;
    if attributes.len() > ATTRIBUTES_MAX {
        return Err(wrong(&format!("has {} keys, at most {ATTRIBUTES_MAX} can be searched", attributes.len())));
    }
    let texts = attributes.into_iter().map(|(key, value)| match value {
        Value::String(text) => Ok((key, text)),
        Value::Number(number) => Ok((key, number.to_string())),
        Value::Bool(value) => Ok((key, value.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(wrong(&format!("has a value for '{key}' that is not a text, number or boolean")))
        }
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn attributes_are_a_json_object_of_plain_values() {
        let written = json!({"b": 3, "a": "x", "c": true, "d": 1.5});
        let expected = [("a", "x"), ("b", "3"), ("c", "true"), ("d", "1.5")];

        for written in [written.to_string().into(), written] {
            let read = attributes("attributes", Some(&written)).expect("attributes");

            let texts: Vec<_> = read.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            assert_eq!(texts, expected);
        }
        for wrong in [json!("[]"), json!("{"), json!(r#"{"a": null}"#), json!({"a": [1]}), json!("a=b"), json!([1])] {
            assert!(attributes("attributes", Some(&wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_searched_is_never_part_of_the_text() {
        let evil = "' OR 1=1 --";
        let said = || Some(evil.to_owned());
        let filter = SpanFilter {
            service: said(),
            operation: said(),
            environment: said(),
            namespace: said(),
            version: said(),
            host: said(),
            attributes: Some(json!({ evil: evil })),
            not_attributes: Some(json!({ evil: evil })),
            text: said(),
            ..SpanFilter::default()
        };
        let mut conditions = Conditions::none();

        filter.narrow(&mut conditions).expect("conditions");

        let text = conditions.text();
        assert!(!text.contains("1=1"), "{text}");
        for number in 1..=conditions.params().len() {
            assert!(text.contains(&format!("${number}")), "${number} is used: {text}");
        }
    }

    #[test]
    fn a_filter_that_is_none_is_refused() {
        let status = SpanFilter { status: Some("bad".to_owned()), ..SpanFilter::default() };
        let kind = SpanFilter { kind: Some("ingress".to_owned()), ..SpanFilter::default() };
        let duration = SpanFilter { min_duration_ms: Some(-1.0), ..SpanFilter::default() };

        for wrong in [status, kind, duration] {
            assert!(wrong.narrow(&mut Conditions::none()).is_err(), "{wrong:?}");
        }
    }
}
