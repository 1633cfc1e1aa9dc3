//! A channel's own words for what it tells, written as templates in the language of rules' annotations.
//!
//! A template is checked when it is written. One that cannot be used for a message after all is replaced by the standard words, which
//! then say so: nobody is told nothing because of a template.

use std::borrow::Cow;
use std::collections::BTreeMap;

use plugin::hub::Moment;
use plugin::model::{Tenant, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::channel::Kind;
use super::message::{Message, Story, cut, one_line};
use super::{Item, ItemKind, Link, severity_name};
use crate::labels::Labels;
use crate::rule::{FIRING, Facts, RESOLVED, Severity, Template};
use plugin::yaml::Wrong;

/// Longest title that a template makes, in characters.
const TITLE_CHARACTERS_MAX: usize = 300;
/// Longest text that a template makes, in bytes; kinds of channels may have room for less.
const TEXT_BYTES_MAX: usize = 16 << 10;
/// Longest body that a template makes, in bytes.
const BODY_BYTES_MAX: usize = 128 << 10;

/// Templates of a channel; the standard words where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wording {
    /// One line: subject of a mail, summary of an event.
    pub(crate) title: Option<String>,
    pub(crate) text: Option<String>,
    /// All that a webhook is sent, as JSON.
    pub(crate) body: Option<String>,
}

/// What a channel's templates have made of a message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    pub(crate) title: Option<String>,
    /// In the markup of the channel.
    pub(crate) text: Option<String>,
    pub(crate) body: Option<Value>,
    /// Which templates could not be used, and why.
    pub(crate) unused: Vec<String>,
}

impl Wording {
    /// Says which template is wrong, if one is, and how.
    pub(crate) fn check(&self) -> Result<(), (&'static str, Wrong)> {
        for (name, template) in [("title", &self.title), ("text", &self.text), ("body", &self.body)] {
            if let Some(template) = template {
                Template::parse_message(template).map_err(|wrong| (name, wrong))?;
            }
        }
        match self.body.as_deref().map(|body| written_body(body, &example().facts("example"))) {
            Some(Err(why)) => {
                let remedy = "write JSON, with what stands for a text in quotes: {\"text\": \"{{ .Title }}\"}";
                Err(("body", Wrong::new(format!("with an example {why}"), remedy)))
            }
            _ => Ok(()),
        }
    }

    /// What is said of a message over a channel of this name and kind.
    pub(crate) fn words(&self, message: &Message, (channel, kind): (&str, Kind)) -> Words {
        let (mut words, facts) = (Words::default(), message.facts(channel));
        let mut said = |name: &str, said: Option<Result<String, String>>| match said? {
            Ok(said) => Some(said),
            Err(why) => {
                words.unused.push(format!("the channel's template for its {name} cannot be used: {why}"));
                None
            }
        };
        let title = self.title.as_deref().map(|title| written(title, &facts, str::to_owned, TEXT_BYTES_MAX));
        let title = said("title", title).map(|title| cut(&one_line(&title), TITLE_CHARACTERS_MAX));
        let text = self.text.as_deref().map(|text| written(text, &facts, kind.escapes(), TEXT_BYTES_MAX));
        let text = said("text", text);
        let body = self.body.as_deref().map(|body| written_body(body, &facts));
        let body = said("body", body).and_then(|body| serde_json::from_str(&body).ok());
        Words { title, text, body, ..words }
    }
}

/// What the template says; nothing is not enough.
fn written(template: &str, facts: &Facts<'_>, escaped: fn(&str) -> String, bytes_max: usize) -> Result<String, String> {
    let template = Template::parse_message(template).map_err(|wrong| wrong.problem)?;
    let written = template.render_about(facts, escaped, bytes_max);
    if written.trim().is_empty() { Err("it says nothing".to_owned()) } else { Ok(written) }
}

/// The same as JSON. One that is cut is none.
fn written_body(template: &str, facts: &Facts<'_>) -> Result<String, String> {
    let body = written(template, facts, in_json, BODY_BYTES_MAX)?;
    match serde_json::from_str::<serde::de::IgnoredAny>(&body) {
        Ok(_) => Ok(body),
        Err(cause) => Err(format!("it is no JSON of at most {BODY_BYTES_MAX} bytes: {cause}")),
    }
}

/// As it stands between the quotes of a text in JSON.
fn in_json(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

impl Message {
    /// What templates can say of it.
    fn facts(&self, channel: &str) -> Facts<'_> {
        let stories = self.stories();
        let is_firing = stories.iter().any(|story| status(story.item.kind) == FIRING);
        let labels: Labels = common(&stories, labels_of).into_iter().collect();
        let annotations = common(&stories, annotations_of).into_iter();
        let annotations = annotations.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let fields = vec![
            ("Status", if is_firing { FIRING } else { RESOLVED }.to_owned()),
            ("Severity", severity_name(self.severity).to_owned()),
            ("Title", self.standard_title()),
            ("Receiver", channel.to_owned()),
            ("ExternalURL", self.public_url.clone().unwrap_or_default()),
            ("TruncatedAlerts", self.more.to_string()),
        ];
        Facts {
            labels: Cow::Owned(labels),
            annotations: Cow::Owned(annotations.collect()),
            value: None,
            fields,
            alerts: stories.into_iter().map(facts_of).collect(),
        }
    }
}

/// What is the same in all of them.
fn common<'m>(stories: &[Story<'m>], of: fn(&Item) -> BTreeMap<&str, &str>) -> BTreeMap<&'m str, &'m str> {
    let mut all = stories.iter().map(|story| of(story.item));
    let mut common = all.next().unwrap_or_default();
    for other in all {
        common.retain(|name, value| other.get(name).is_some_and(|known| *known == *value));
    }
    common
}

fn labels_of(item: &Item) -> BTreeMap<&str, &str> {
    item.labels.iter().collect()
}

fn annotations_of(item: &Item) -> BTreeMap<&str, &str> {
    item.annotations.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn facts_of(Story { item, .. }: Story<'_>) -> Facts<'_> {
    let links: Vec<String> = item.links.iter().map(|Link { name, url }| format!("{name}: {url}")).collect();
    let leads_to_alert = |link: &&Link| link.name == "Alert";
    let fields = vec![
        ("Status", status(item.kind).to_owned()),
        ("Severity", severity_name(item.severity).to_owned()),
        ("Title", one_line(&item.title)),
        ("Text", item.text.clone()),
        ("StartsAt", Moment(Timestamp(item.at)).to_string()),
        ("Links", links.join("\n")),
        ("GeneratorURL", item.links.iter().find(leads_to_alert).map(|link| link.url.clone()).unwrap_or_default()),
    ];
    let (labels, annotations) = (Cow::Borrowed(&item.labels), Cow::Borrowed(&item.annotations));
    Facts { labels, annotations, value: item.value, fields, alerts: Vec::new() }
}

fn status(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::AlertResolved | ItemKind::IncidentResolved => RESOLVED,
        ItemKind::AlertFiring
        | ItemKind::IncidentOpened
        | ItemKind::IncidentEscalated
        | ItemKind::Undeliverable
        | ItemKind::Test => FIRING,
    }
}

/// A message with which bodies are tried.
fn example() -> Message {
    let item = Item {
        subject: "alert/High Error Rate/1".to_owned(),
        kind: ItemKind::AlertFiring,
        severity: Severity::Critical,
        title: "High Error Rate: \"checkout\" fails".to_owned(),
        text: "Value: 0.03".to_owned(),
        labels: Labels::from_iter([("service", "checkout")]),
        annotations: [("summary".to_owned(), "\"checkout\" fails".to_owned())].into(),
        value: Some(0.03),
        links: vec![Link { name: "Alert".to_owned(), url: "https://observatory.example.org/alerts".to_owned() }],
        at: 0,
    };
    Message {
        id: "1".to_owned(),
        tenant: Tenant::default_tenant(),
        severity: Severity::Critical,
        items: vec![item],
        more: 0,
        is_repeat: false,
        public_url: None,
        words: Words::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wording(title: &str, text: &str) -> Wording {
        Wording { title: Some(title.to_owned()), text: Some(text.to_owned()), body: None }
    }

    #[test]
    fn a_message_is_told_in_the_channels_own_words() {
        let wording = wording(
            "[{{ .Status }}:{{ len .Alerts }}]\n{{ .CommonLabels.service }} over {{ .Receiver }}",
            "{{ range .Alerts }}{{ .Annotations.summary }} at {{ .Value | humanizePercentage }}, {{ .StartsAt }}{{ end }}",
        );

        let words = wording.words(&example(), ("ops", Kind::Webhook));

        assert_eq!(words.title.as_deref(), Some("[firing:1] checkout over ops"));
        assert_eq!(words.text.as_deref(), Some("\"checkout\" fails at 3%, 1970-01-01T00:00:00Z"));
        assert!(words.unused.is_empty() && wording.check().is_ok());
    }

    #[test]
    fn what_says_nothing_is_replaced_and_told() {
        let words = wording("{{ .CommonLabels.none }}", "{{ .Title }}").words(&example(), ("ops", Kind::Email));
        let message = Message { words, ..example() };

        assert_eq!(message.title(), message.standard_title(), "the standard title is taken");
        let said = "the channel's template for its title cannot be used: it says nothing";
        assert!(message.plain().contains(said), "{}", message.plain());
    }

    #[test]
    fn a_body_is_json_whatever_others_said() {
        let body = |body: &str| Wording { body: Some(body.to_owned()), ..Wording::default() };
        let good = body("{\"what\": \"{{ .Title }}\", \"number\": {{ len .Alerts }}}");

        let words = good.words(&example(), ("ops", Kind::Webhook));

        let title = example().standard_title();
        assert_eq!(words.body, Some(serde_json::json!({"what": title, "number": 1})));
        let (member, wrong) = body("{\"what\": {{ .Title }}}").check().expect_err("it is no JSON");
        assert!(member == "body" && wrong.problem.contains("no JSON"), "{wrong:?}");
        let many = body("{\"number\": {{ .CommonLabels.service }}}").words(&example(), ("ops", Kind::Webhook));
        assert!(many.body.is_none() && many.unused[0].contains("body cannot be used"), "{many:?}");
    }
}
