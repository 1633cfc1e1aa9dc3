//! What a notification says, in the words of people; each kind of channel puts it into a form of its own.

use std::fmt::Write as _;

use plugin::hub::Moment;
use plugin::model::{Tenant, Timestamp};

use super::wording::Words;
use super::{Item, ItemKind, severity_name};
use crate::rule::Severity;

/// Longest text message, in characters: two or three parts of an SMS.
const SMS_CHARACTERS_MAX: usize = 320;

/// A message that is about to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// The notification's; the same when it is sent again.
    pub(crate) id: String,
    pub(crate) tenant: Tenant,
    pub(crate) severity: Severity,
    /// In the order in which they happened.
    pub(crate) items: Vec<Item>,
    /// What had no room, counted.
    pub(crate) more: u64,
    /// It was sent before, and nobody knows whether it arrived.
    pub(crate) is_repeat: bool,
    pub(crate) public_url: Option<String>,
    /// In which it is told, where the channel has some.
    pub(crate) words: Words,
}

/// What a message says of one subject.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Story<'a> {
    pub(crate) word: &'static str,
    /// What was said of it last.
    pub(crate) item: &'a Item,
}

impl Message {
    /// One story for each subject: what began and ended since the last message is one.
    pub(crate) fn stories(&self) -> Vec<Story<'_>> {
        let mut stories: Vec<Story<'_>> = Vec::new();
        for item in &self.items {
            match stories.iter_mut().find(|story| story.item.subject == item.subject) {
                Some(story) => *story = Story { word: word_after(story.item.kind, item.kind), item },
                None => stories.push(Story { word: word(item.kind), item }),
            }
        }
        stories
    }

    /// One line.
    pub(crate) fn title(&self) -> String {
        let title = self.words.title.clone().unwrap_or_else(|| self.standard_title());
        format!("{}{title}", self.repeat_mark())
    }

    /// The title of who has no words of its own.
    pub(crate) fn standard_title(&self) -> String {
        let stories = self.stories();
        let said = match stories.as_slice() {
            [story] if self.more == 0 => format!("{}: {}", story.word, one_line(&story.item.title)),
            stories => counted(stories, self.more),
        };
        format!("[{}] {said}", severity_name(self.severity))
    }

    fn repeat_mark(&self) -> &'static str {
        if self.is_repeat { "(may be a repeat) " } else { "" }
    }

    /// What is said of those that had no room, and of the channel's own words that could not be used.
    pub(crate) fn rest(&self) -> Vec<String> {
        let at = self.public_url.as_ref().map(|url| format!(", see {url}/alerts")).unwrap_or_default();
        let more = (self.more > 0).then(|| format!("and {} more{at}", self.more));
        more.into_iter().chain(self.words.unused.iter().cloned()).collect()
    }

    /// The stories to tell; none when the channel has a text of its own.
    pub(crate) fn stories_told(&self) -> Vec<Story<'_>> {
        if self.words.text.is_some() { Vec::new() } else { self.stories() }
    }

    /// As plain text, in lines.
    pub(crate) fn plain(&self) -> String {
        let mut text = self.words.text.as_ref().map(|own| format!("{own}\n\n")).unwrap_or_default();
        for story in self.stories_told() {
            let _ = writeln!(text, "{}", story.headline());
            for line in story.lines() {
                let _ = writeln!(text, "  {line}");
            }
            for link in &story.item.links {
                let _ = writeln!(text, "  {}: {}", link.name, link.url);
            }
            text.push('\n');
        }
        for rest in self.rest() {
            let _ = writeln!(text, "{rest}");
        }
        text
    }

    /// As HTML, with everything that was said by others escaped.
    pub(crate) fn html(&self) -> String {
        let mut html = format!("<h2>{}</h2>\n", escaped(&self.title()));
        if let Some(own) = &self.words.text {
            let lines: Vec<String> = own.lines().map(escaped).collect();
            let _ = writeln!(html, "<p>{}</p>", lines.join("<br>\n"));
        }
        for story in self.stories_told() {
            let _ = writeln!(html, "<h3>{}</h3>", escaped(&story.headline()));
            let lines: Vec<String> = story.lines().map(|line| escaped(&line)).collect();
            let _ = writeln!(html, "<p>{}</p>", lines.join("<br>\n"));
            for link in story.item.links.iter().filter(|link| is_web(&link.url)) {
                let _ = writeln!(html, "<p><a href=\"{}\">{}</a></p>", escaped(&link.url), escaped(&link.name));
            }
        }
        for rest in self.rest() {
            let _ = writeln!(html, "<p>{}</p>", escaped(&rest));
        }
        html
    }

    /// As one line that a phone shows.
    pub(crate) fn sms(&self) -> String {
        let link = self.items.last().and_then(|item| item.links.first()).map(|link| format!(" {}", link.url));
        let link = link.filter(|link| link.len() < SMS_CHARACTERS_MAX / 2).unwrap_or_default();
        let room = SMS_CHARACTERS_MAX - link.chars().count();
        let mut said = match &self.words.text {
            Some(own) => format!("{}{own}", self.repeat_mark()),
            None => self.title(),
        };
        for unused in &self.words.unused {
            said.push_str(&format!(" ({unused})"));
        }
        format!("{}{link}", cut(&one_line(&said), room))
    }
}

impl Story<'_> {
    pub(crate) fn headline(&self) -> String {
        format!("{}: {}", self.word, one_line(&self.item.title))
    }

    /// What else there is to say.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        let at = Moment(Timestamp(self.item.at)).to_string();
        let labels = (self.item.labels.len() > 0).then(|| self.item.labels.to_string());
        let said = self.item.text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned);
        said.chain(labels).chain([at])
    }
}

fn word(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::AlertFiring => "Firing",
        ItemKind::AlertResolved => "Resolved",
        ItemKind::IncidentOpened => "Incident opened",
        ItemKind::IncidentEscalated => "Incident escalated",
        ItemKind::IncidentResolved => "Incident resolved",
        ItemKind::Undeliverable => "Undeliverable",
        ItemKind::Test => "Test",
    }
}

fn word_after(before: ItemKind, now: ItemKind) -> &'static str {
    match (before, now) {
        (ItemKind::AlertFiring, ItemKind::AlertResolved) => "Fired and resolved",
        (ItemKind::IncidentOpened | ItemKind::IncidentEscalated, ItemKind::IncidentResolved) => {
            "Incident opened and resolved"
        }
        _ => word(now),
    }
}

/// As in `2 firing, 1 resolved, 12 more`.
fn counted(stories: &[Story<'_>], more: u64) -> String {
    let mut counts: Vec<(&str, u64)> = Vec::new();
    for story in stories {
        match counts.iter_mut().find(|(word, _)| *word == story.word) {
            Some((_, count)) => *count += 1,
            None => counts.push((story.word, 1)),
        }
    }
    if more > 0 {
        counts.push(("more", more));
    }
    let counts: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {}", word.to_lowercase())).collect();
    counts.join(", ")
}

/// Without line breaks and other control characters, of which a receiver could make something else than text.
pub(crate) fn one_line(text: &str) -> String {
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// At most so many characters, the last of which says that there was more.
pub(crate) fn cut(text: &str, characters_max: usize) -> String {
    if text.chars().count() <= characters_max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(characters_max.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// True for an address that a page may lead to.
pub(crate) fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// As it stands behind the question mark of an address, and in forms.
pub(crate) fn form_encoded(value: &str) -> String {
    let mut encoded = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => encoded.push(char::from(byte)),
            b' ' => encoded.push('+'),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Labels;
    use crate::notify::Link;

    fn item(subject: &str, kind: ItemKind, title: &str) -> Item {
        let links = vec![
            Link { name: "Runbook".to_owned(), url: "https://example.org/?a=1&b=2".to_owned() },
            Link { name: "Bad".to_owned(), url: "javascript:alert(1)".to_owned() },
        ];
        Item {
            subject: subject.to_owned(),
            kind,
            severity: Severity::Critical,
            title: title.to_owned(),
            text: "one\n\ntwo <b>".to_owned(),
            labels: Labels::from_iter([("service", "checkout")]),
            annotations: [].into(),
            value: None,
            links,
            at: 0,
        }
    }

    fn message(items: Vec<Item>, more: u64) -> Message {
        let tenant = Tenant::default_tenant();
        let (id, severity) = ("1".to_owned(), Severity::Critical);
        Message {
            id,
            tenant,
            severity,
            items,
            more,
            is_repeat: false,
            public_url: Some("https://o.example".to_owned()),
            words: Words::default(),
        }
    }

    #[test]
    fn what_began_and_ended_between_two_messages_is_one_story() {
        let items = vec![
            item("a", ItemKind::AlertFiring, "A"),
            item("b", ItemKind::AlertFiring, "B"),
            item("a", ItemKind::AlertResolved, "A"),
        ];

        let message = message(items, 3);

        assert_eq!(message.title(), "[critical] 1 fired and resolved, 1 firing, 3 more");
        assert!(message.plain().contains("Fired and resolved: A\n"), "{}", message.plain());
        assert!(message.plain().ends_with("and 3 more, see https://o.example/alerts\n"), "{}", message.plain());
    }

    #[test]
    fn what_others_said_is_text_and_nothing_else() {
        let message = message(vec![item("a", ItemKind::AlertFiring, "<script>\r\nBcc: all@example.org")], 0);

        assert_eq!(message.title(), "[critical] Firing: <script> Bcc: all@example.org");
        let html = message.html();
        assert!(!html.contains("<script>") && !html.contains("<b>") && !html.contains("javascript:"), "{html}");
        assert!(html.contains("https://example.org/?a=1&amp;b=2"), "{html}");
    }

    #[test]
    fn a_text_message_is_one_short_line() {
        let message = Message { is_repeat: true, ..message(vec![item("a", ItemKind::Test, &"é ".repeat(400))], 0) };

        let sms = message.sms();

        assert_eq!(sms.chars().count(), SMS_CHARACTERS_MAX);
        assert!(sms.starts_with("(may be a repeat) [critical] Test: é") && !sms.contains('\n'), "{sms}");
        assert!(sms.ends_with("… https://example.org/?a=1&b=2"), "{sms}");
    }
}
