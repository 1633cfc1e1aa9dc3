//! What texts about messages have beside those about rules: blocks, and what stands behind a dot.

use plugin::near;

use super::parse::{Action, Cursor, DEPTH_MAX, no_labels_as_a_whole};
use super::{ALERT_FIELDS, Expression, MESSAGE_FIELDS, Part, Which};
use plugin::yaml::Wrong;

pub(super) const EQUAL: &str = "eq";
pub(super) const LEN: &str = "len";

/// What a text is about, which decides what it may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    Rule,
    Message,
    /// Within `range`.
    Alert,
}

/// What ends a block, or the first half of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    End,
    Else,
}

impl Cursor<'_> {
    fn block(&mut self, action: usize) -> Result<(Vec<Part>, End, usize), Wrong> {
        self.blocks += 1;
        if self.blocks > DEPTH_MAX {
            return Err(Wrong::new(format!("blocks are more than {DEPTH_MAX} deep"), "write fewer").at(action));
        }
        let (parts, ended) = self.parts()?;
        self.blocks -= 1;
        let unended = || Wrong::new("this has no `{{ end }}`", "write one behind it").at(action);
        ended.map(|(end, at)| (parts, end, at)).ok_or_else(unended)
    }

    /// What is said of each alert.
    pub(super) fn each(&mut self, which: Which, action: usize) -> Result<Part, Wrong> {
        let outer = std::mem::replace(&mut self.scope, Scope::Alert);
        let (parts, end, at) = self.block(action)?;
        self.scope = outer;
        match end {
            End::End => Ok(Part::Each(which, parts)),
            End::Else => Err(Wrong::new("`else` is for `if` alone", "write `{{ end }}`").at(at)),
        }
    }

    pub(super) fn choice(&mut self, condition: Expression, action: usize) -> Result<Part, Wrong> {
        let (parts, end, _) = self.block(action)?;
        if end == End::End {
            return Ok(Part::Choice(condition, parts, Vec::new()));
        }
        match self.block(action)? {
            (others, End::End, _) => Ok(Part::Choice(condition, parts, others)),
            (_, End::Else, at) => Err(Wrong::new("there is an `else` already", "write `{{ end }}`").at(at)),
        }
    }

    pub(super) fn range(&mut self) -> Result<Action, Wrong> {
        let start = self.at;
        match self.operand()? {
            Expression::Count(which) => Ok(Action::Each(which)),
            _ => Err(Wrong::new("`range` is for alerts alone", "write `range .Alerts`").at(start)),
        }
    }

    /// What a message or one of its alerts has behind a dot.
    pub(super) fn field(&mut self) -> Result<Expression, Wrong> {
        let (start, behind) = (self.at, &self.rest()[1..]);
        let name = &behind[..behind.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(behind.len())];
        self.at += 1 + name.len();
        let found = match (self.scope, name) {
            (Scope::Message, "CommonLabels") | (Scope::Alert, "Labels") => return self.label(),
            (Scope::Message, "CommonAnnotations") | (Scope::Alert, "Annotations") => return self.annotation(start),
            (Scope::Alert, "Value") => Some(Expression::Value),
            (Scope::Message, "Alerts") => Some(Expression::Count(self.which())),
            (scope, name) => fields(scope).iter().find(|known| **known == name).map(|known| Expression::Field(known)),
        };
        match found {
            Some(field) if !self.rest().starts_with('.') => Ok(field),
            Some(_) => Err(self.wrong(format!("`.{name}` has no parts"), "write it alone")),
            None => Err(unknown_field(self.scope, name).at(start)),
        }
    }

    fn annotation(&mut self, start: usize) -> Result<Expression, Wrong> {
        match self.label()? {
            Expression::Label(name) if !name.is_empty() => Ok(Expression::Annotation(name)),
            _ => Err(Wrong::new("this names no annotation", "write its name behind a dot").at(start)),
        }
    }

    /// What follows `.Alerts`.
    fn which(&mut self) -> Which {
        if self.take(".Firing") {
            Which::Firing
        } else if self.take(".Resolved") {
            Which::Resolved
        } else {
            Which::All
        }
    }
}

/// A function that only texts about messages have.
pub(super) fn call_of_messages(name: &str, arguments: Vec<Expression>) -> Result<Expression, Wrong> {
    no_labels_as_a_whole(&arguments)?;
    let arguments: Result<[Expression; 2], _> = match (name, arguments.as_slice()) {
        (LEN, [Expression::Count(which)]) => return Ok(Expression::Count(*which)),
        (LEN, _) => return Err(Wrong::new("`len` is for alerts alone", "write `len .Alerts`")),
        _ => arguments.try_into(),
    };
    match arguments {
        Ok([one, other]) => Ok(Expression::Equal(Box::new(one), Box::new(other))),
        Err(_) => Err(Wrong::new("`eq` takes two values", "write `eq .Status \"firing\"`")),
    }
}

fn fields(scope: Scope) -> &'static [&'static str] {
    match scope {
        Scope::Rule => &[],
        Scope::Message => &MESSAGE_FIELDS,
        Scope::Alert => &ALERT_FIELDS,
    }
}

fn unknown_field(scope: Scope, name: &str) -> Wrong {
    let alone = ["Labels", "Annotations", "Value"];
    if scope == Scope::Message && (alone.contains(&name) || ALERT_FIELDS.contains(&name)) {
        let remedy = "write it between `{{ range .Alerts }}` and `{{ end }}`";
        return Wrong::new(format!("`.{name}` is not supported here"), remedy);
    }
    let others: &[&str] = match scope {
        Scope::Alert => &alone,
        _ => &["CommonLabels", "CommonAnnotations", "Alerts"],
    };
    let names = others.iter().chain(fields(scope)).copied();
    let meant = near(name, names.clone());
    let remedy = match meant.is_empty() {
        true => format!("there is .{}", names.collect::<Vec<_>>().join(", .")),
        false => format!("did you mean .{}?", meant.join(", .")),
    };
    Wrong::new(format!("`.{name}` is not supported here"), remedy)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::super::{FIRING, Facts, RESOLVED, Template};
    use crate::labels::Labels;

    #[test]
    fn what_a_message_does_not_have_is_refused_with_its_place() {
        let check = |text: &str, offset: usize, says: &str| {
            let wrong = Template::parse_message(text).expect_err(text);
            let said = format!("{}; {}", wrong.problem, wrong.remedy);
            assert_eq!(wrong.offset, offset, "{text}: {said}");
            assert!(said.contains(says), "{text}: {said}");
        };

        check("x {{ .Statuz }}", 5, "did you mean .Status?");
        check("{{ .Labels.a }}", 3, "range .Alerts");
        check("{{ .StartsAt }}", 3, "range .Alerts");
        check("{{ range .Alerts }}{{ .Alerts }}{{ end }}", 22, "not supported here");
        check("{{ range .Status }}{{ end }}", 9, "alerts alone");
        check("{{ range .Alerts }}", 0, "`{{ end }}`");
        check("{{ range .Alerts }}{{ else }}{{ end }}", 19, "`if` alone");
        check("{{ if .Status }}{{ else }}{{ else }}{{ end }}", 26, "already");
        check("a{{ end }}", 1, "nothing is open");
        check("{{ if }}x{{ end }}", 6, "not supported");
        check("{{ .Status.x }}", 10, "has no parts");
        check("{{ .CommonAnnotations }}", 3, "names no annotation");
        check("{{ len .Status }}", 3, "alerts alone");
        check("{{ eq .Status }}", 3, "two values");
        check("{{ .CommonLabels }}", 3, "names no label");
        check(&"{{ if .Status }}".repeat(9), 128, "deep");
        assert!(Template::parse("{{ .Status }}").is_err() && Template::parse("{{ len $value }}").is_err());
    }

    /// Two alerts of `checkout`, one of which is over.
    fn message() -> Facts<'static> {
        let labels = |pod: &str| Cow::Owned(Labels::from_iter([("service", "checkout"), ("pod", pod)]));
        let alert = |pod: &str, status: &str, value| Facts {
            labels: labels(pod),
            annotations: Cow::Owned([("summary".to_owned(), format!("{pod} is <slow>"))].into()),
            value: Some(value),
            fields: vec![("Status", status.to_owned())],
            alerts: Vec::new(),
        };
        Facts {
            labels: Cow::Owned(Labels::from_iter([("service", "checkout")])),
            fields: vec![("Status", FIRING.to_owned()), ("Receiver", "ops".to_owned())],
            alerts: vec![alert("a", FIRING, 0.5), alert("b", RESOLVED, 0.0)],
            ..Facts::default()
        }
    }

    fn check_message(text: &str, expected: &str) {
        let template = Template::parse_message(text).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"));
        let escaped = |text: &str| text.replace('<', "&lt;");
        assert_eq!(template.render_about(&message(), escaped, 1000), expected, "{text}");
    }

    #[test]
    fn a_message_has_what_its_alerts_have_in_common_and_each_of_them() {
        check_message(
            "{{ .Status | toUpper }} <{{ .CommonLabels.service }}{{ .CommonLabels.pod }}>",
            "FIRING <checkout>",
        );
        check_message("{{ len .Alerts }}/{{ .Alerts.Firing | len }}/{{ .Alerts.Resolved | len }}", "2/1/1");
        check_message("{{ range .Alerts }}[{{ .Labels.pod }} {{ .Value }}]{{ end }}", "[a 0.5][b 0]");
        check_message("{{ range .Alerts.Firing }}<{{ .Annotations.summary }}>{{ end }}", "<a is &lt;slow>>");
        check_message("{{ range .Alerts -}}  {{ $labels.pod }}{{- end }} {{ $labels.service }}", "ab checkout");
        check_message("{{ if eq .Status \"firing\" }}on{{ else }}off{{ end }}", "on");
        check_message("{{ range .Alerts }}{{ if .Value }}{{ .Value }}{{ else }}none {{ end }}{{ end }}", "0.5none ");
        check_message("{{ if .CommonAnnotations.summary }}x{{ end }}{{ .Title }}{{/* nothing */}}", "");
        check_message("{{ printf \"%.0f to %s\" .Alerts .Receiver }}", "2 to ops");
    }

    #[test]
    fn a_message_that_is_too_long_is_cut_and_says_so() {
        let text = format!("{{{{ range .Alerts }}}}{}{{{{ end }}}}", "ü".repeat(300));
        let template = Template::parse_message(&text).expect("a template");

        let rendered = template.render_about(&message(), str::to_owned, 1000);

        assert!(rendered.len() <= 1000 && rendered.ends_with("ü…"), "{}", rendered.len());
    }
}
