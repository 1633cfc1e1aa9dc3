//! Microsoft Teams, by a webhook of Workflows, with an Adaptive Card.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Secret, Sending, Unsent, http};
use crate::notify::message::{Message, Story, cut, is_web};

/// Largest message, in bytes: Teams refuses more than 28 KB.
const MESSAGE_BYTES_MAX: usize = 24 << 10;
/// Most links of a card.
const LINKS_MAX: usize = 4;
/// Longest paragraph, in characters.
const TEXT_CHARACTERS_MAX: usize = 2000;

/// A webhook of Workflows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Teams {
    /// Who has it may post.
    pub(crate) url: Secret,
}

impl Teams {
    pub(super) async fn send(&self, sending: &Sending<'_>) -> Result<String, Unsent> {
        let url = sending.open(&self.url, "url").await?;
        http::call(&sending.desk.outgoing, sending.now, http::json(&url, &body(sending.message))?).await
    }
}

fn body(message: &Message) -> Value {
    let stories = message.stories();
    let paragraphs: Vec<Vec<Value>> = match &message.words.text {
        Some(own) => own.lines().map(|line| vec![run(line, false)]).collect(),
        None => stories.iter().map(told).collect(),
    };
    let mut shown = paragraphs.len();
    loop {
        let body = card(message, &stories, &paragraphs, shown);
        if body.to_string().len() <= MESSAGE_BYTES_MAX || shown <= 1 {
            return body;
        }
        shown = shown * 3 / 4;
    }
}

fn told(story: &Story<'_>) -> Vec<Value> {
    let lines = story.lines().map(|line| run(&line, false));
    std::iter::once(run(&story.headline(), true)).chain(lines).collect()
}

fn card(message: &Message, stories: &[Story<'_>], paragraphs: &[Vec<Value>], shown: usize) -> Value {
    let mut body = vec![run(&message.title(), true)];
    body.extend(paragraphs[..shown].iter().flatten().cloned());
    let left_out = paragraphs.len() - shown;
    if left_out > 0 {
        body.push(run(&format!("and {left_out} more for which a message of Teams has no room"), false));
    }
    body.extend(message.rest().iter().map(|rest| run(rest, false)));
    let links = stories.iter().flat_map(|story| &story.item.links).filter(|link| is_web(&link.url));
    let actions: Vec<Value> = links
        .take(LINKS_MAX)
        .map(|link| json!({"type": "Action.OpenUrl", "title": link.name, "url": link.url}))
        .collect();
    json!({"type": "message", "attachments": [{
        "contentType": "application/vnd.microsoft.card.adaptive",
        "content": {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard", "version": "1.4", "body": body, "actions": actions,
        },
    }]})
}

/// A paragraph in which no character means anything but itself, unlike in a `TextBlock`.
fn run(text: &str, is_bold: bool) -> Value {
    let weight = if is_bold { "bolder" } else { "default" };
    json!({"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": cut(text, TEXT_CHARACTERS_MAX), "weight": weight}]})
}
