//! Texts with `{{ $labels.service }}` and `{{ $value | humanize }}` in them, as Prometheus writes them; those of messages also have
//! `{{ .CommonLabels.service }}` and `{{ range .Alerts }}`, as Alertmanager does.
//!
//! What is not understood is refused when the file is read, so that rendering never fails.

mod message;
mod numbers;
mod parse;
mod printf;

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::labels::Labels;

/// What a message has behind a dot, beside `CommonLabels`, `CommonAnnotations` and `Alerts`.
pub(crate) const MESSAGE_FIELDS: [&str; 6] =
    ["Status", "Severity", "Title", "Receiver", "ExternalURL", "TruncatedAlerts"];
/// What one of its alerts has, beside `Labels`, `Annotations` and `Value`.
pub(crate) const ALERT_FIELDS: [&str; 7] = ["Status", "Severity", "Title", "Text", "StartsAt", "Links", "GeneratorURL"];
/// The `Status` of what goes on.
pub(crate) const FIRING: &str = "firing";
/// The `Status` of what is over.
pub(crate) const RESOLVED: &str = "resolved";

/// Longest rendered text, in bytes; a longer one is cut and ends with `…`.
pub(crate) const RENDERED_BYTES_MAX: usize = 4096;

/// What a text is about: a row of a rule, a message, or an alert of a message. What is not there is empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts<'a> {
    /// Of a message those that all its alerts have.
    pub(crate) labels: Cow<'a, Labels>,
    pub(crate) annotations: Cow<'a, BTreeMap<String, String>>,
    pub(crate) value: Option<f64>,
    /// By the names in [`MESSAGE_FIELDS`] or [`ALERT_FIELDS`].
    pub(crate) fields: Vec<(&'static str, String)>,
    /// Of a message.
    pub(crate) alerts: Vec<Facts<'a>>,
}

/// A text of a label, an annotation or a message.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Expression(Expression),
    /// Once for each alert.
    Each(Which, Vec<Part>),
    /// The first parts if the expression is neither empty nor 0, else the second ones.
    Choice(Expression, Vec<Part>, Vec<Part>),
}

/// Which alerts of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    All,
    Firing,
    Resolved,
}

#[derive(Clone, Debug, PartialEq)]
enum Expression {
    Value,
    Label(String),
    Annotation(String),
    Field(&'static str),
    /// How many alerts.
    Count(Which),
    Text(String),
    Number(f64),
    Equal(Box<Expression>, Box<Expression>),
    Call(Function, Box<Expression>),
    Printf(Vec<Piece>),
}

/// What is done with one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Humanize,
    Humanize1024,
    HumanizePercentage,
    HumanizeDuration,
    Title,
    ToUpper,
    ToLower,
}

/// A part of what `printf` writes.
#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    Argument(Layout, Expression),
}

/// How `printf` writes a value, as in `%-8.2f`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    to_the_left: bool,
    width: usize,
    verb: Verb,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    /// `%v`, `%s`
    Plain,
    /// `%f`, with digits behind the point.
    Fixed(usize),
    /// `%e`
    Power(usize),
    /// `%g`, with digits in all.
    General(Option<usize>),
}

/// What an expression comes to.
#[derive(Debug)]
enum Computed {
    Number(f64),
    Text(String),
}

impl Template {
    /// As it is written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Does it change when the value does?
    pub(crate) fn tells_value(&self) -> bool {
        self.parts.iter().any(Part::tells_value)
    }

    /// With the labels and the value of a row in it.
    pub(crate) fn render(&self, labels: &Labels, value: Option<f64>) -> String {
        let facts = Facts { labels: Cow::Borrowed(labels), value, ..Facts::default() };
        self.render_about(&facts, str::to_owned, RENDERED_BYTES_MAX)
    }

    /// With all that there is to say; what comes from outside the template is escaped. What is longer is cut and ends with `…`.
    pub(crate) fn render_about(&self, facts: &Facts<'_>, escaped: fn(&str) -> String, bytes_max: usize) -> String {
        let mut rendered = String::new();
        write(&self.parts, facts, escaped, bytes_max, &mut rendered);
        if rendered.len() > bytes_max {
            rendered.truncate(rendered.floor_char_boundary(bytes_max - '…'.len_utf8()));
            rendered.push('…');
        }
        rendered
    }
}

/// Stops when there is more than may be.
fn write(parts: &[Part], facts: &Facts<'_>, escaped: fn(&str) -> String, bytes_max: usize, rendered: &mut String) {
    for part in parts {
        match part {
            Part::Text(text) => rendered.push_str(text),
            Part::Expression(expression) => rendered.push_str(&escaped(&expression.computed(facts).plain())),
            Part::Each(which, parts) => {
                for alert in facts.alerts.iter().filter(|alert| which.takes(alert)) {
                    write(parts, alert, escaped, bytes_max, rendered);
                }
            }
            Part::Choice(condition, parts, others) => {
                let is_true = condition.computed(facts).is_true();
                write(if is_true { parts } else { others }, facts, escaped, bytes_max, rendered);
            }
        }
        if rendered.len() > bytes_max {
            return;
        }
    }
}

impl Facts<'_> {
    fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text)
    }
}

impl Which {
    fn takes(self, alert: &Facts<'_>) -> bool {
        match self {
            Self::All => true,
            Self::Firing => alert.field("Status") == FIRING,
            Self::Resolved => alert.field("Status") == RESOLVED,
        }
    }
}

impl Part {
    fn tells_value(&self) -> bool {
        match self {
            Self::Text(_) => false,
            Self::Expression(expression) => expression.tells_value(),
            Self::Each(_, parts) => parts.iter().any(Self::tells_value),
            Self::Choice(condition, parts, others) => {
                condition.tells_value() || parts.iter().chain(others).any(Self::tells_value)
            }
        }
    }
}

impl Expression {
    fn is_number(&self) -> bool {
        matches!(self, Self::Value | Self::Number(_) | Self::Count(_))
    }

    fn tells_value(&self) -> bool {
        match self {
            Self::Value => true,
            Self::Call(_, argument) => argument.tells_value(),
            Self::Printf(pieces) => {
                pieces.iter().any(|piece| matches!(piece, Piece::Argument(_, argument) if argument.tells_value()))
            }
            Self::Equal(one, other) => one.tells_value() || other.tells_value(),
            Self::Label(_)
            | Self::Annotation(_)
            | Self::Field(_)
            | Self::Count(_)
            | Self::Text(_)
            | Self::Number(_) => false,
        }
    }

    fn computed(&self, facts: &Facts<'_>) -> Computed {
        match self {
            Self::Value => facts.value.map_or_else(|| Computed::Text(String::new()), Computed::Number),
            Self::Number(number) => Computed::Number(*number),
            Self::Count(which) => {
                let number = facts.alerts.iter().filter(|alert| which.takes(alert)).count();
                Computed::Number(number as f64)
            }
            Self::Label(name) => Computed::Text(facts.labels.get(name).unwrap_or_default().to_owned()),
            Self::Annotation(name) => Computed::Text(facts.annotations.get(name).cloned().unwrap_or_default()),
            Self::Field(name) => Computed::Text(facts.field(name).to_owned()),
            Self::Text(text) => Computed::Text(text.clone()),
            Self::Call(function, argument) => Computed::Text(function.of(argument.computed(facts))),
            Self::Printf(pieces) => Computed::Text(pieces.iter().map(|piece| piece.written(facts)).collect()),
            Self::Equal(one, other) => {
                let is_equal = one.computed(facts).plain() == other.computed(facts).plain();
                Computed::Text(if is_equal { "true".to_owned() } else { String::new() })
            }
        }
    }
}

impl Function {
    fn of(self, argument: Computed) -> String {
        match self {
            Self::Humanize => argument.humanized(numbers::humanized),
            Self::Humanize1024 => argument.humanized(numbers::humanized_1024),
            Self::HumanizePercentage => argument.humanized(numbers::percentage),
            Self::HumanizeDuration => argument.humanized(numbers::duration),
            Self::Title => title(&argument.plain()),
            Self::ToUpper => argument.plain().to_uppercase(),
            Self::ToLower => argument.plain().to_lowercase(),
        }
    }
}

impl Piece {
    fn written(&self, facts: &Facts<'_>) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Argument(layout, argument) => layout.laid_out(argument.computed(facts)),
        }
    }
}

impl Layout {
    fn laid_out(self, value: Computed) -> String {
        let text = match (self.verb, value) {
            (Verb::Fixed(digits), Computed::Number(number)) if number.is_finite() => format!("{number:.digits$}"),
            (Verb::Power(digits), Computed::Number(number)) => numbers::power(number, digits),
            (Verb::General(digits), Computed::Number(number)) => numbers::general(number, digits),
            (_, value) => value.plain(),
        };
        match (self.to_the_left, self.width) {
            (true, width) => format!("{text:<width$}"),
            (false, width) => format!("{text:>width$}"),
        }
    }
}

impl Computed {
    fn is_true(&self) -> bool {
        match self {
            Self::Number(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
        }
    }

    fn plain(self) -> String {
        match self {
            Self::Number(number) => numbers::general(number, None),
            Self::Text(text) => text,
        }
    }

    /// A text that is a number is taken as one; another stays as it is.
    fn humanized(self, humanize: fn(f64) -> String) -> String {
        match self {
            Self::Number(number) => humanize(number),
            Self::Text(text) => text.parse().map(humanize).unwrap_or(text),
        }
    }
}

/// With the first letter of each word large.
fn title(text: &str) -> String {
    let mut is_in_word = false;
    let mut titled = String::with_capacity(text.len());
    for c in text.chars() {
        if is_in_word {
            titled.push(c);
        } else {
            titled.extend(c.to_uppercase());
        }
        is_in_word = c.is_alphanumeric() || c == '_';
    }
    titled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, value: f64, expected: &str) {
        let labels: Labels = [("service", "check out"), ("a.b", "dotted"), ("bytes", "2048")].into_iter().collect();
        let template = Template::parse(text).expect(text);
        assert_eq!(template.render(&labels, Some(value)), expected, "{text}");
    }

    #[test]
    fn labels_and_the_value_are_put_in() {
        check("{{ $labels.service }} is at {{ $value }}", 0.25, "check out is at 0.25");
        check("{{.Labels.service}} {{.Value}}", 7.0, "check out 7");
        check(r#"{{ $labels["a.b"] }} {{ index $labels "a.b" }}"#, 0.0, "dotted dotted");
        check("{{ $labels.missing }}.", 0.0, ".");
        check("no braces } { here", 0.0, "no braces } { here");
        check("a {{- \" b \" -}} c {{/* nothing */}}d", 0.0, "a b c d");
        check(r#"{{ "}} \"quoted\"" }}{{ `raw\` }}"#, 0.0, r#"}} "quoted"raw\"#);
    }

    #[test]
    fn functions_and_pipes_write_what_prometheus_writes() {
        check("{{ $value | humanize }}", 1_234_567.0, "1.235M");
        check("{{ humanize $value }}", 0.001_234, "1.234m");
        check("{{ humanize1024 $labels.bytes }}B", 0.0, "2kiB");
        check("{{ $value | humanizePercentage }}", 0.123_456, "12.35%");
        check("{{ $value | humanizeDuration }}", 3_725.0, "1h 2m 5s");
        check("{{ printf \"%.2f\" $value }}", 1.0 / 3.0, "0.33");
        check("{{ $value | printf \"%.1f%% of %s\" $value }}", 2.0, "2.0% of 2");
        check("{{ $value | humanize | printf \"[%6s|%-4v]\" $labels.bytes }}", 1500.0, "[  2048|1.5k]");
        check("{{ $labels.service | title | printf \"%s!\" }}", 0.0, "Check Out!");
        check("{{ toUpper $labels.service }} {{ toLower (title $labels.service) }}", 0.0, "CHECK OUT check out");
        check("{{ humanize $labels.service }}", 0.0, "check out");
        check("{{ $value }}", 1e6, "1e+06");
    }

    #[test]
    fn a_value_that_is_not_there_is_empty() {
        let template = Template::parse("<{{ $value | humanize }}{{ printf \"%.2f\" $value }}>").expect("a template");

        assert_eq!(template.render(&Labels::default(), None), "<>");
    }

    #[test]
    fn a_text_that_is_too_long_is_cut_and_says_so() {
        let labels: Labels = [("long", "ü".repeat(400))].into_iter().collect();
        let template = Template::parse(&"{{ $labels.long }}".repeat(20)).expect("a template");

        let rendered = template.render(&labels, None);

        assert!(rendered.len() <= RENDERED_BYTES_MAX && rendered.ends_with("ü…"));
    }
}
