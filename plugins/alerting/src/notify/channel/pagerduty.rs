//! PagerDuty, by its Events API v2. Each subject is an alert there, known by its deduplication key, so nothing is gathered.

use plugin::hub::Moment;
use plugin::model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_128;

use super::{Secret, Sending, Unsent, http};
use crate::notify::message::{cut, is_web, one_line};
use crate::notify::{Item, ItemKind, severity_name};

/// Where events go if the channel does not say.
pub(super) const URL: &str = "https://events.pagerduty.com";
/// Longest summary, in characters, by the API.
const SUMMARY_CHARACTERS_MAX: usize = 1024;
/// Longest deduplication key, in bytes, by the API.
const KEY_BYTES_MAX: usize = 255;

/// A service of PagerDuty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PagerDuty {
    pub(crate) routing_key: Secret,
    pub(crate) url: String,
}

impl PagerDuty {
    pub(super) async fn send(&self, sending: &Sending<'_>) -> Result<String, Unsent> {
        let routing_key = sending.open(&self.routing_key, "routing_key").await?;
        let url = format!("{}/v2/enqueue", self.url.trim_end_matches('/'));
        let mut said = String::new();
        for item in &sending.message.items {
            for action in actions(item.kind) {
                let event = event(sending, item, action, &routing_key);
                said = http::call(&sending.desk.outgoing, sending.now, http::json(&url, &event)?).await?;
            }
        }
        Ok(said)
    }
}

/// A test leaves nothing open.
fn actions(kind: ItemKind) -> &'static [&'static str] {
    match kind {
        ItemKind::AlertResolved | ItemKind::IncidentResolved => &["resolve"],
        ItemKind::Test => &["trigger", "resolve"],
        ItemKind::AlertFiring | ItemKind::IncidentOpened | ItemKind::IncidentEscalated | ItemKind::Undeliverable => {
            &["trigger"]
        }
    }
}

fn event(sending: &Sending<'_>, item: &Item, action: &str, routing_key: &str) -> Value {
    let message = sending.message;
    let key = deduplication_key(&format!("observatory/{}/{}", message.tenant, item.subject));
    if action == "resolve" {
        return json!({"routing_key": routing_key, "event_action": action, "dedup_key": key});
    }
    let source = item.labels.get("service").or(item.labels.get("host")).unwrap_or("observatory");
    let links: Vec<Value> = item
        .links
        .iter()
        .filter(|link| is_web(&link.url))
        .map(|link| json!({"href": link.url, "text": link.name}))
        .collect();
    let (title, text) = (message.words.title.as_ref(), message.words.text.as_ref());
    let mut event = json!({
        "routing_key": routing_key, "event_action": action, "dedup_key": key, "links": links,
        "client": "Observatory", "client_url": message.public_url,
        "payload": {
            "summary": cut(&one_line(title.unwrap_or(&item.title)), SUMMARY_CHARACTERS_MAX),
            "source": source, "severity": severity_name(item.severity),
            "timestamp": Moment(Timestamp(item.at)).to_string(),
            "custom_details": {
                "text": text.unwrap_or(&item.text), "labels": item.labels, "repeat": message.is_repeat,
            },
        },
    });
    if !message.words.unused.is_empty() {
        event["payload"]["custom_details"]["notes"] = json!(message.words.unused);
    }
    event
}

/// The text itself, or its hash when it is too long.
fn deduplication_key(text: &str) -> String {
    if text.len() <= KEY_BYTES_MAX {
        text.to_owned()
    } else {
        format!("observatory/{:032x}", xxh3_128(text.as_bytes()))
    }
}
