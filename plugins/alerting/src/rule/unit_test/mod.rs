//! Tests of rules: what telemetry there is, and which alerts must fire when.
//!
//! The format is promtool's, with spans and logs beside series.

mod difference;
mod notation;

use std::collections::BTreeMap;
use std::time::Duration;

use plugin::yaml::{self, Fault, Faults, Node, Place, Record, Value, Wrong};

pub(crate) use self::difference::difference;
pub(crate) use self::notation::Sample;
use super::{duration, record};

/// Most tests of a file, and most series, spans, logs and expectations of a test.
const ITEMS_MAX: usize = 1000;
/// Most samples, spans and log records of a file.
pub(crate) const SAMPLES_MAX: usize = 1_000_000;
/// Latest time at which alerts are expected.
const EVAL_TIME_MAX: Duration = Duration::from_secs(31 * 86_400);
const INTERVAL_DEFAULT: Duration = Duration::from_secs(60);
const SPAN_DURATION_DEFAULT: Duration = Duration::from_millis(10);
const DAY: Duration = Duration::from_secs(86_400);

const FILE_MEMBERS: [&str; 3] = ["rule_files", "evaluation_interval", "tests"];
const TEST_MEMBERS: [&str; 6] = ["name", "interval", "input_series", "spans", "logs", "alert_rule_test"];

/// A file of tests.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TestFile {
    /// Paths, from where the file is.
    pub(crate) rule_files: Vec<String>,
    /// How often rules are evaluated that do not say.
    pub(crate) evaluation_interval: Duration,
    pub(crate) tests: Vec<Test>,
}

/// Telemetry from the time 0 on, and what is expected of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Test {
    pub(crate) name: Option<String>,
    pub(crate) place: Place,
    /// Between two samples of a series.
    pub(crate) interval: Duration,
    pub(crate) series: Vec<Series>,
    pub(crate) spans: Vec<Spans>,
    pub(crate) logs: Vec<Logs>,
    pub(crate) expectations: Vec<Expectation>,
}

/// A series with a sample each interval.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) samples: Vec<Sample>,
}

/// Spans that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spans {
    pub(crate) service: String,
    pub(crate) operation: String,
    pub(crate) kind: SpanKind,
    pub(crate) status: SpanStatus,
    pub(crate) duration: Duration,
    pub(crate) attributes: BTreeMap<String, String>,
    /// How many in each minute.
    pub(crate) per_minute: Vec<u32>,
}

/// As OpenTelemetry has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpanKind {
    Internal,
    Server,
    Client,
    Producer,
    Consumer,
}

/// As OpenTelemetry has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpanStatus {
    Unset,
    Ok,
    Error,
}

/// Log records that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Logs {
    pub(crate) service: String,
    pub(crate) severity: LogSeverity,
    pub(crate) body: String,
    pub(crate) attributes: BTreeMap<String, String>,
    /// How many in each minute.
    pub(crate) per_minute: Vec<u32>,
}

/// As OpenTelemetry has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogSeverity {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

/// Which alerts of one name fire at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expectation {
    pub(crate) place: Place,
    /// Since the time 0.
    pub(crate) eval_time: Duration,
    /// The name of the rule as its file has it (`Written::alertname`).
    pub(crate) alertname: String,
    pub(crate) alerts: Vec<ExpectedAlert>,
}

/// An alert that fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ExpectedAlert {
    pub(crate) labels: BTreeMap<String, String>,
    /// All of them; not looked at when the test does not say.
    pub(crate) annotations: Option<BTreeMap<String, String>>,
}

impl TestFile {
    /// Reads a file of tests; all that is wrong with it is told.
    pub(crate) fn read(text: &str) -> Result<Self, Vec<Fault>> {
        let node = yaml::parse(text).map_err(|fault| vec![fault])?;
        let mut reader = Reader { faults: Faults::default(), samples_left: SAMPLES_MAX };
        let file = reader.file(&node);
        match file {
            Some(file) => reader.faults.or(file),
            None => Err(reader.faults.or(()).expect_err("what could not be read is a fault")),
        }
    }
}

/// Reads the parts of a file, and counts what it would have to make.
struct Reader {
    faults: Faults,
    samples_left: usize,
}

impl Reader {
    fn file(&mut self, node: &Node<'_>) -> Option<TestFile> {
        let file = node.record("a file of tests", &FILE_MEMBERS, &mut self.faults)?;
        let interval = self.time(&file, "evaluation_interval", DAY).unwrap_or(INTERVAL_DEFAULT);
        file.required("rule_files", "the file", &mut self.faults);
        let rule_files = self.items(&file, "rule_files", |reader, node| {
            node.text("a path of a rule file", &mut reader.faults).map(ToOwned::to_owned)
        });
        file.required("tests", "the file", &mut self.faults);
        let tests = self.items(&file, "tests", |reader, node| reader.test(node, interval));
        Some(TestFile { rule_files, evaluation_interval: interval, tests })
    }

    fn test(&mut self, node: &Node<'_>, evaluation_interval: Duration) -> Option<Test> {
        let test = node.record("a test", &TEST_MEMBERS, &mut self.faults)?;
        Some(Test {
            name: test.text("name", &mut self.faults).map(ToOwned::to_owned),
            place: node.place,
            interval: self.time(&test, "interval", DAY).unwrap_or(evaluation_interval),
            series: self.items(&test, "input_series", Self::series),
            spans: self.items(&test, "spans", Self::spans),
            logs: self.items(&test, "logs", Self::logs),
            expectations: self.items(&test, "alert_rule_test", Self::expectation),
        })
    }

    fn series(&mut self, node: &Node<'_>) -> Option<Series> {
        let series = node.record("a series", &["series", "values"], &mut self.faults)?;
        self.require(&series, "the series", &["series", "values"]);
        let named = series.parsed("series", notation::series, &mut self.faults);
        let left = self.samples_left;
        let samples = series.parsed("values", |text| notation::samples(text, left), &mut self.faults)?;
        self.samples_left -= samples.len();
        let (name, labels) = named?;
        Some(Series { name, labels, samples })
    }

    fn spans(&mut self, node: &Node<'_>) -> Option<Spans> {
        let members = ["service", "operation", "kind", "status", "duration", "attributes", "per_minute"];
        let spans = node.record("spans", &members, &mut self.faults)?;
        self.require(&spans, "the spans", &["service", "per_minute"]);
        let service = spans.text("service", &mut self.faults);
        let operation = spans.text("operation", &mut self.faults).unwrap_or("test");
        let kind = spans.parsed("kind", kind, &mut self.faults).unwrap_or(SpanKind::Server);
        let status = spans.parsed("status", status, &mut self.faults).unwrap_or(SpanStatus::Unset);
        let upto = |text: &str| duration::parse_within(text, Duration::ZERO, DAY);
        let duration = spans.parsed("duration", upto, &mut self.faults).unwrap_or(SPAN_DURATION_DEFAULT);
        let attributes = self.texts(&spans, "attributes").unwrap_or_default();
        let per_minute = self.per_minute(&spans)?;
        let (service, operation) = (service?.to_owned(), operation.to_owned());
        Some(Spans { service, operation, kind, status, duration, attributes, per_minute })
    }

    fn logs(&mut self, node: &Node<'_>) -> Option<Logs> {
        let members = ["service", "severity", "body", "attributes", "per_minute"];
        let logs = node.record("logs", &members, &mut self.faults)?;
        self.require(&logs, "the logs", &["service", "per_minute"]);
        let service = logs.text("service", &mut self.faults);
        let severity = logs.parsed("severity", log_severity, &mut self.faults).unwrap_or(LogSeverity::Info);
        let body = logs.text("body", &mut self.faults).unwrap_or("test").to_owned();
        let attributes = self.texts(&logs, "attributes").unwrap_or_default();
        let per_minute = self.per_minute(&logs)?;
        Some(Logs { service: service?.to_owned(), severity, body, attributes, per_minute })
    }

    fn expectation(&mut self, node: &Node<'_>) -> Option<Expectation> {
        let members = ["eval_time", "alertname", "exp_alerts"];
        let expectation = node.record("an expectation", &members, &mut self.faults)?;
        self.require(&expectation, "the expectation", &["eval_time", "alertname"]);
        let upto = |text: &str| duration::parse_within(text, Duration::ZERO, EVAL_TIME_MAX);
        let eval_time = expectation.parsed("eval_time", upto, &mut self.faults);
        let alertname = expectation.text("alertname", &mut self.faults);
        let alerts = self.items(&expectation, "exp_alerts", Self::expected);
        Some(Expectation { place: node.place, eval_time: eval_time?, alertname: alertname?.to_owned(), alerts })
    }

    fn expected(&mut self, node: &Node<'_>) -> Option<ExpectedAlert> {
        let alert = node.record("an alert", &["exp_labels", "exp_annotations"], &mut self.faults)?;
        let mut labels = self.texts(&alert, "exp_labels").unwrap_or_default();
        // The name is not one of the labels here; promtool lets tests name it.
        labels.remove("alertname");
        Some(ExpectedAlert { labels, annotations: self.texts(&alert, "exp_annotations") })
    }

    fn require(&mut self, record: &Record<'_, '_>, what: &str, members: &[&str]) {
        for member in members {
            record.required(member, what, &mut self.faults);
        }
    }

    fn time(&mut self, record: &Record<'_, '_>, member: &str, most: Duration) -> Option<Duration> {
        record::time(record, member, (Duration::from_secs(1), most), &mut self.faults)
    }

    /// How many there are in each minute; all of them count towards the samples of the file.
    fn per_minute(&mut self, record: &Record<'_, '_>) -> Option<Vec<u32>> {
        let left = self.samples_left;
        let counts = record.parsed("per_minute", |text| notation::counts(text, left), &mut self.faults)?;
        self.samples_left -= counts.iter().map(|count| *count as usize).sum::<usize>() + counts.len();
        Some(counts)
    }

    /// What `read` makes of the items of a list that may be missing.
    fn items<T>(
        &mut self,
        record: &Record<'_, '_>,
        member: &str,
        read: impl Fn(&mut Self, &Node<'_>) -> Option<T>,
    ) -> Vec<T> {
        let Some(node) = record.get(member) else { return Vec::new() };
        let items = node.list(&format!("`{member}`"), &mut self.faults).unwrap_or_default();
        if items.len() > ITEMS_MAX {
            let problem = format!("`{member}` has {} items, more than {ITEMS_MAX}", items.len());
            self.faults.add(node.place, problem, "make two files");
        }
        items.iter().take(ITEMS_MAX).filter_map(|item| read(self, item)).collect()
    }

    /// Names with texts, if the member is there.
    fn texts(&mut self, record: &Record<'_, '_>, member: &str) -> Option<BTreeMap<String, String>> {
        let members = record.get(member)?.members(&format!("`{member}`"), &mut self.faults)?;
        let mut texts = BTreeMap::new();
        for (key, node) in members {
            match &node.value {
                Value::Text(text) => drop(texts.insert(key.name.clone(), text.clone())),
                _ => self.faults.add(node.place, format!("`{}` is {}", key.name, node.kind()), "write a text"),
            }
        }
        Some(texts)
    }
}

fn kind(text: &str) -> Result<SpanKind, Wrong> {
    let kinds = [
        ("internal", SpanKind::Internal),
        ("server", SpanKind::Server),
        ("client", SpanKind::Client),
        ("producer", SpanKind::Producer),
        ("consumer", SpanKind::Consumer),
    ];
    record::one_of(text, &kinds)
}

fn status(text: &str) -> Result<SpanStatus, Wrong> {
    record::one_of(text, &[("unset", SpanStatus::Unset), ("ok", SpanStatus::Ok), ("error", SpanStatus::Error)])
}

fn log_severity(text: &str) -> Result<LogSeverity, Wrong> {
    let severities = [
        ("trace", LogSeverity::Trace),
        ("debug", LogSeverity::Debug),
        ("info", LogSeverity::Info),
        ("warn", LogSeverity::Warn),
        ("error", LogSeverity::Error),
        ("fatal", LogSeverity::Fatal),
    ];
    record::one_of(text, &severities)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_tests_is_read() {
        let file = TestFile::read(
            r#"
rule_files: [shop.yaml]
evaluation_interval: 30s
tests:
  - name: checkout fails
    interval: 15s
    input_series:
      - series: 'up{job="shop"}'
        values: '1x2 _ 0 stale'
    spans:
      - {service: checkout, status: error, duration: 250ms, attributes: {http.route: /cart}, per_minute: '10x1 0'}
    logs:
      - {service: checkout, severity: error, body: no money, per_minute: 3}
    alert_rule_test:
      - eval_time: 10m
        alertname: High Error Rate
        exp_alerts:
          - exp_labels: {service: checkout, alertname: High Error Rate}
            exp_annotations: {summary: bad}
      - {eval_time: 20m, alertname: High Error Rate}
"#,
        )
        .expect("it is right");

        let test = &file.tests[0];
        assert_eq!(
            (file.rule_files, file.evaluation_interval),
            (vec!["shop.yaml".to_owned()], Duration::from_secs(30))
        );
        assert_eq!((test.interval, test.name.as_deref()), (Duration::from_secs(15), Some("checkout fails")));
        assert_eq!((test.series[0].name.as_str(), test.series[0].samples.len()), ("up", 6));
        assert_eq!((test.spans[0].kind, test.spans[0].status), (SpanKind::Server, SpanStatus::Error));
        assert_eq!((&test.spans[0].per_minute, &test.logs[0].per_minute), (&vec![10, 10, 0], &vec![3]));
        assert_eq!(test.logs[0].severity, LogSeverity::Error);
        assert_eq!(test.expectations[0].alerts[0].labels.len(), 1);
        assert!(test.expectations[1].alerts.is_empty());
    }

    #[test]
    fn all_that_is_wrong_with_a_file_of_tests_is_told_with_its_place() {
        let faults = TestFile::read(
            r#"
rule_files: shop.yaml
group_eval_order: []
tests:
  - input_series:
      - series: 'up{job=shop}'
        values: '1 two 3'
    spans:
      - {status: bad, per_minute: '1.5'}
    alert_rule_test:
      - {eval_time: soon}
"#,
        )
        .expect_err("it is wrong");

        let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
        let expected = [
            "line 2, column 13: `rule_files` is a text; write a list",
            "line 3, column 1: a file of tests has no member `group_eval_order`; there is rule_files, evaluation_interval, tests",
            "line 6, column 25: a label has no value in quotes; write it as in `up{job=\"shop\"}`",
            "line 7, column 20: `two` is not a value; write it as in `0+10x5 _ 7 stale`",
            "line 9, column 9: the spans has no `service`; write `service: …`",
            "line 9, column 18: `bad` is none of unset, ok, error; there is unset, ok, error",
            "line 9, column 36: `1.5` is no number of things; write whole numbers, as in `10x5 0x3`",
            "line 11, column 9: the expectation has no `alertname`; write `alertname: …`",
            "line 11, column 21: `soon` is not a length of time; write it as in 30s, 5m, 1h30m or 2d",
        ];
        assert_eq!(told, expected, "\n{}", told.join("\n"));
    }

    #[test]
    fn a_file_that_would_make_too_much_is_refused() {
        let file = |values: &str| {
            format!("{{rule_files: [], tests: [{{input_series: [{{series: up, values: '{values}'}}]}}]}}")
        };

        assert!(TestFile::read(&file("1x999999")).is_ok());
        let faults = TestFile::read(&file("1x18446744073709551615")).expect_err("it is too much");
        assert!(faults[0].problem.contains("more than 1000000"), "{faults:?}");
    }
}
