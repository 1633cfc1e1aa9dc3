//! Slack, by an incoming webhook.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Secret, Sending, Unsent, http};
use crate::notify::message::{Message, cut, is_web};

/// Longest text, in characters; Slack cuts behind 40 000.
const TEXT_CHARACTERS_MAX: usize = 12_000;

/// An incoming webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Slack {
    /// Who has it may post.
    pub(crate) url: Secret,
}

impl Slack {
    pub(super) async fn send(&self, sending: &Sending<'_>) -> Result<String, Unsent> {
        let url = sending.open(&self.url, "url").await?;
        let mut body = json!({"text": text(sending.message), "unfurl_links": false});
        if let Some(to) = sending.to {
            body["channel"] = to.into();
        }
        http::call(&sending.desk.outgoing, sending.now, http::json(&url, &body)?).await
    }
}

/// In Slack's own markup, in which only three characters mean something everywhere. In that of the channel's own text all means
/// something that is not from outside.
fn text(message: &Message) -> String {
    let mut text = format!("*{}*", escaped(&message.title()));
    if let Some(own) = &message.words.text {
        text.push_str(&format!("\n{own}"));
    }
    for story in message.stories_told() {
        text.push_str(&format!("\n\n*{}*", escaped(&story.headline())));
        for line in story.lines() {
            text.push_str(&format!("\n{}", escaped(&line)));
        }
        // Anything else between these brackets could call everybody in the channel.
        for link in story.item.links.iter().filter(|link| is_web(&link.url)) {
            text.push_str(&format!("\n<{}|{}>", escaped(&link.url).replace('|', "%7C"), escaped(&link.name)));
        }
    }
    for rest in message.rest() {
        text.push_str(&format!("\n\n{}", escaped(&rest)));
    }
    cut(&text, TEXT_CHARACTERS_MAX)
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
