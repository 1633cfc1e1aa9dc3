//! Which log records are wanted: as conditions of a statement, and of rows as they arrive.
//!
//! Both say the same. What users write is checked here, before anything is asked or followed.

use std::hash::{Hash, Hasher};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::buffer::BooleanBuffer;
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use plugin::model::patterns::{self, Covers};
use plugin::model::words::WordQuery;
use plugin::model::{AttributeType, Batch, Level, Signal, Table, Tenant, conventions};
use plugin::{Failure, PluginContext};
use serde::Deserialize;
use utoipa::IntoParams;

use super::member::member;
use super::severity;
use crate::conditions::Conditions;
use crate::filter::attributes;
use crate::patterns::of_id;
use crate::rows::{hex, is_id};

/// Longest name of a service, an environment or a host, in bytes.
const NAME_BYTES_MAX: usize = 1024;
/// Longest `attributes`, in bytes.
const ATTRIBUTES_BYTES_MAX: usize = 8 << 10;

/// What log records must be like; all of it, where more than one thing is said.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct LogWanted {
    /// Words and phrases of the body, as in `connection refused`, `"connection refused" -retry` or `timeout OR refused`.
    pub(crate) text: Option<String>,
    /// The least severity: `trace`, `debug`, `info`, `warn`, `error`, `fatal`, or a number from 1 to 24.
    pub(crate) severity: Option<String>,
    /// Name of the service.
    pub(crate) service: Option<String>,
    /// The environment (`deployment.environment.name`).
    pub(crate) environment: Option<String>,
    /// The host (`host.name`).
    pub(crate) host: Option<String>,
    /// The trace, as 32 hex digits.
    pub(crate) trace_id: Option<String>,
    /// The span, as 16 hex digits.
    pub(crate) span_id: Option<String>,
    /// Attributes of the record or its resource and their values, as a JSON object: `{"http.route": "/cart", "shop.items": 3}`.
    pub(crate) attributes: Option<String>,
    /// Id of a pattern, as `GET /logs/patterns` tells it: records of its service whose bodies have its template.
    pub(crate) pattern: Option<String>,
}

/// Log records that are wanted. Two filters that are equal want the same records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct LogFilter {
    words: Option<BodyWords>,
    severity: Option<i32>,
    names: Vec<(&'static str, String)>,
    trace_id: Option<[u8; 16]>,
    span_id: Option<[u8; 8]>,
    attributes: Vec<(String, String)>,
    pattern: Option<OfPattern>,
}

/// What records of a pattern are like.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct OfPattern {
    /// Empty for records that name none; of any service when it is none.
    pub(crate) service: Option<String>,
    pub(crate) template: String,
}

/// Words of the body, and how they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
struct BodyWords {
    written: String,
    query: WordQuery,
}

impl Hash for BodyWords {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.written.hash(state);
    }
}

impl LogWanted {
    /// The filter, when everything in it can be meant. What is said and empty is not said.
    pub(crate) async fn find(&self, context: &PluginContext, tenant: &Tenant) -> Result<LogFilter, Failure> {
        let filter = self.read()?;
        let Some(id) = said(&self.pattern) else { return Ok(filter) };
        Ok(LogFilter { pattern: Some(of_id(&context.records, tenant, id).await?), ..filter })
    }

    /// The same without the pattern, which stands in the records.
    fn read(&self) -> Result<LogFilter, Failure> {
        let names = [
            ("service", "service_name", &self.service),
            ("environment", "deployment_environment_name", &self.environment),
            ("host", "host_name", &self.host),
        ];
        let names = names.into_iter().filter_map(|(parameter, column, name)| Some((parameter, column, said(name)?)));
        let names = names.map(|(parameter, column, name)| {
            within(parameter, name, NAME_BYTES_MAX)?;
            Ok((column, name.to_owned()))
        });
        let written = said(&self.attributes);
        written.map(|written| within("attributes", written, ATTRIBUTES_BYTES_MAX)).transpose()?;
        Ok(LogFilter {
            words: said(&self.text).map(words).transpose()?,
            severity: said(&self.severity).map(severity::read).transpose()?,
            names: names.collect::<Result<_, Failure>>()?,
            trace_id: said(&self.trace_id).map(|written| id("trace_id", written)).transpose()?,
            span_id: said(&self.span_id).map(|written| id("span_id", written)).transpose()?,
            attributes: attributes("attributes", written.map(serde_json::Value::from).as_ref())?,
            pattern: None,
        })
    }
}

fn said(written: &Option<String>) -> Option<&str> {
    written.as_deref().filter(|written| !written.trim().is_empty())
}

fn within(parameter: &str, written: &str, bytes_max: usize) -> Result<(), Failure> {
    if written.len() > bytes_max {
        let bytes = written.len();
        return Err(Failure::invalid(format!("'{parameter}' is {bytes} bytes, over the limit of {bytes_max}")));
    }
    Ok(())
}

fn words(written: &str) -> Result<BodyWords, Failure> {
    let query = WordQuery::parse(written);
    let query = query.map_err(|cause| Failure::invalid(format!("'text': {cause}")).hinting(cause.hint()))?;
    Ok(BodyWords { written: written.to_owned(), query })
}

fn id<const N: usize>(parameter: &str, written: &str) -> Result<[u8; N], Failure> {
    if !is_id(written, N) {
        let failure = Failure::invalid(format!("'{parameter}' is '{written}', which is not an id"));
        return Err(failure.hinting(format!("write it as {} hex digits", 2 * N)));
    }
    let byte = |place: usize| u8::from_str_radix(&written[2 * place..2 * place + 2], 16);
    Ok(std::array::from_fn(|place| byte(place).expect("an id is of hex digits")))
}

impl LogFilter {
    /// True when all records that are wanted are of one trace.
    pub(crate) fn is_of_one_trace(&self) -> bool {
        self.trace_id.is_some()
    }

    /// Adds what a row of `logs` must be like.
    pub(crate) fn add_to(&self, conditions: &mut Conditions) {
        if let Some(least) = self.severity {
            let least = conditions.param(least);
            conditions.and(format!("severity_number >= {least}"));
        }
        for (column, name) in &self.names {
            conditions.equal(column, name.as_str());
        }
        if let Some(id) = &self.trace_id {
            conditions.equal("trace_id", hex(id));
        }
        if let Some(id) = &self.span_id {
            conditions.equal("span_id", hex(id));
        }
        for (key, value) in &self.attributes {
            conditions.attribute(key, value);
        }
        if let Some(BodyWords { written, .. }) = &self.words {
            let words = conditions.param(written.as_str());
            conditions.and(format!("matches(body, {words})"));
        }
        if let Some(pattern) = &self.pattern {
            pattern.add_to(conditions);
        }
    }

    /// True for the rows of a batch of logs that a statement with these conditions would find.
    pub(crate) fn matching(&self, logs: &Batch) -> BooleanArray {
        let mut rows = Rows::all(logs);
        if let Some(least) = self.severity {
            rows.keep("severity_number", |column, row| column.as_primitive::<Int32Type>().value(row) >= least);
        }
        for (column, name) in &self.names {
            rows.keep(column, |column, row| column.as_string_view().value(row) == name);
        }
        if let Some(id) = &self.trace_id {
            rows.keep("trace_id", |column, row| column.as_fixed_size_binary().value(row) == id);
        }
        if let Some(id) = &self.span_id {
            rows.keep("span_id", |column, row| column.as_fixed_size_binary().value(row) == id);
        }
        for (key, value) in &self.attributes {
            let (item, resource) = (Attribute::of(logs, Level::Item, key), Attribute::of(logs, Level::Resource, key));
            rows.keep_where(|row| item.is(row, value) || resource.is(row, value));
        }
        if let Some(BodyWords { query, .. }) = &self.words {
            rows.keep("body", |column, row| query.matches(column.as_string_view().value(row)));
        }
        if let Some(pattern) = &self.pattern {
            pattern.keep(&mut rows);
        }
        BooleanArray::new(rows.kept, None)
    }
}

impl OfPattern {
    fn add_to(&self, conditions: &mut Conditions) {
        match self.service.as_deref() {
            None => {}
            Some("") => _ = conditions.and("coalesce(service_name, '') = ''"),
            Some(service) => _ = conditions.equal("service_name", service),
        }
        // The store knows words beforehand, and spares rows that have not all of them.
        if let Some(words) = patterns::words(&self.template) {
            let words = conditions.param(words);
            conditions.and(format!("matches(body, {words})"));
        }
        let template = conditions.param(self.template.as_str());
        conditions.and(format!("{}(body, {template})", patterns::FUNCTION));
    }

    fn keep(&self, rows: &mut Rows<'_>) {
        if let Some(service) = self.service.as_deref() {
            let column = said_in(rows.logs, "service_name");
            rows.keep_where(|row| {
                let named = column.filter(|column| column.is_valid(row));
                named.map_or("", |column| column.as_string_view().value(row)) == service
            });
        }
        let mut covers = Covers::of(&self.template);
        rows.keep("body", |column, row| covers.covers(column.as_string_view().value(row)));
    }
}

/// The rows of a batch that are left.
struct Rows<'a> {
    logs: &'a Batch,
    kept: BooleanBuffer,
}

impl<'a> Rows<'a> {
    fn all(logs: &'a Batch) -> Self {
        Self { logs, kept: BooleanBuffer::new_set(logs.rows()) }
    }

    /// Keeps rows that say something in the column which is what is wanted; none, where the batch says nothing there.
    fn keep(&mut self, column: &str, mut is_wanted: impl FnMut(&ArrayRef, usize) -> bool) {
        match said_in(self.logs, column) {
            Some(column) => self.keep_where(|row| column.is_valid(row) && is_wanted(column, row)),
            None => self.kept = BooleanBuffer::new_unset(self.logs.rows()),
        }
    }

    /// Looks only at rows that are left.
    fn keep_where(&mut self, mut is_wanted: impl FnMut(usize) -> bool) {
        self.kept = BooleanBuffer::collect_bool(self.kept.len(), |row| self.kept.value(row) && is_wanted(row));
    }
}

fn said_in<'a>(logs: &'a Batch, column: &str) -> Option<&'a ArrayRef> {
    logs.said(Table::of(Signal::Logs).index(column))
}

/// An attribute of a batch, as `->>` reaches it: a column of its own, the JSON of its level, or both.
struct Attribute<'a> {
    column: Option<&'a ArrayRef>,
    json: Option<&'a ArrayRef>,
    key: &'a str,
}

impl<'a> Attribute<'a> {
    fn of(logs: &'a Batch, level: Level, key: &'a str) -> Self {
        let json = match level {
            Level::Item => "attributes",
            Level::Resource => "resource_attributes",
        };
        let convention = conventions::find(Signal::Logs, level, key);
        // A text column holds the text of every value; of a key with an integer column, other values are in the JSON.
        let is_in_json = convention.is_none_or(|convention| convention.value == AttributeType::Integer);
        Self {
            column: convention.and_then(|convention| said_in(logs, convention.column)),
            json: said_in(logs, json).filter(|_| is_in_json),
            key,
        }
    }

    fn is(&self, row: usize, wanted: &str) -> bool {
        if let Some(column) = self.column.filter(|column| column.is_valid(row)) {
            return match column.data_type() {
                DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string() == wanted,
                _ => column.as_string_view().value(row) == wanted,
            };
        }
        let object = self.json.filter(|json| json.is_valid(row)).map(|json| json.as_string_view().value(row));
        object.and_then(|object| member(object, self.key)).is_some_and(|value| value == wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wanted: &LogWanted, sql: &str) {
        let mut conditions = Conditions::none();
        wanted.read().expect("a filter").add_to(&mut conditions);
        assert_eq!(conditions.text(), sql);
    }

    fn refused(wanted: &LogWanted, because: &str) {
        let failure = format!("{:?}", wanted.read().expect_err("no filter"));
        assert!(failure.contains(because), "{failure}");
    }

    fn of(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn everything_that_is_said_is_a_condition() {
        check(&LogWanted::default(), "");
        check(&LogWanted { text: of(" "), service: of(""), ..LogWanted::default() }, "");
        check(
            &LogWanted { text: of("'; DROP"), severity: of("WARN"), ..LogWanted::default() },
            "severity_number >= $1 AND matches(body, $2)",
        );
        check(
            &LogWanted { host: of("a"), environment: of("b"), trace_id: of(&"Ab".repeat(16)), ..LogWanted::default() },
            "deployment_environment_name = $1 AND host_name = $2 AND trace_id = $3",
        );
    }

    #[test]
    fn a_pattern_is_its_service_its_words_and_its_template() {
        let asked = |service: Option<&str>| {
            let (service, template) = (service.map(str::to_owned), "order <*> is paid".to_owned());
            let mut conditions = Conditions::none();
            LogFilter { pattern: Some(OfPattern { service, template }), ..LogFilter::default() }
                .add_to(&mut conditions);
            conditions.text()
        };

        assert_eq!(asked(Some("cart")), "service_name = $1 AND matches(body, $2) AND has_template(body, $3)");
        assert_eq!(asked(None), "matches(body, $1) AND has_template(body, $2)");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        refused(&LogWanted { severity: of("loud"), ..LogWanted::default() }, "'loud'");
        refused(&LogWanted { severity: of("25"), ..LogWanted::default() }, "1 to 24");
        refused(&LogWanted { text: of("\"open"), ..LogWanted::default() }, "not closed");
        refused(&LogWanted { trace_id: of("12"), ..LogWanted::default() }, "32 hex digits");
        refused(&LogWanted { span_id: of(&"\u{e9}".repeat(8)), ..LogWanted::default() }, "16 hex digits");
        refused(&LogWanted { attributes: of("[]"), ..LogWanted::default() }, "no JSON object");
        refused(&LogWanted { service: of(&"x".repeat(NAME_BYTES_MAX + 1)), ..LogWanted::default() }, "over the limit");
    }

    #[test]
    fn filters_that_want_the_same_are_equal() {
        let read = |attributes: &str| {
            LogWanted { attributes: of(attributes), ..LogWanted::default() }.read().expect("a filter")
        };

        assert_eq!(read(r#"{"a": 1, "b": true}"#), read(r#"{"b": true, "a": "1"}"#));
        assert_ne!(read(r#"{"a": 1}"#), LogFilter::default());
    }
}
