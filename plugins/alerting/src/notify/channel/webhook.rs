//! Any receiver of JSON. What is sent is signed, so that the receiver can tell who has sent it and when.
//!
//! To verify: take `t` and `v1` of the header `Observatory-Signature`, compute HMAC-SHA256 with the secret over `t`, a dot and the body
//! as it came, compare its hex with `v1` in constant time, and refuse a `t` that is older than five minutes.

use std::fmt::Write as _;

use ::http::HeaderValue;
use hmac::{Hmac, KeyInit, Mac};
use plugin::hub::Moment;
use plugin::model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Secret, Sending, Unsent, http};
use crate::notify::Item;

const SIGNATURE: &str = "observatory-signature";
const ID: &str = "observatory-id";

/// A receiver of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Webhook {
    pub(crate) url: String,
    /// Shared with the receiver, for the signature.
    pub(crate) secret: Option<Secret>,
}

impl Webhook {
    pub(super) async fn send(&self, sending: &Sending<'_>) -> Result<String, Unsent> {
        let mut request = http::json(&self.url, &body(sending))?;
        if let Some(secret) = &self.secret {
            let secret = sending.open(secret, "secret").await?;
            let signature = signature(&secret, sending.now.0.div_euclid(1_000_000_000), request.body());
            let signature = HeaderValue::try_from(signature).expect("digits and letters");
            request.headers_mut().insert(SIGNATURE, signature);
        }
        // The same when it is sent again, so that the receiver can tell.
        let id = HeaderValue::try_from(&sending.message.id).map_err(|_| Unsent::never("the id is no header"))?;
        request.headers_mut().insert(ID, id);
        http::call(&sending.desk.outgoing, sending.now, request).await
    }
}

fn body(sending: &Sending<'_>) -> Value {
    let message = sending.message;
    if let Some(own) = &message.words.body {
        return own.clone();
    }
    let items: Vec<Value> = message.items.iter().map(item).collect();
    let mut body = json!({
        "version": 1,
        "id": message.id,
        "tenant": message.tenant,
        "channel": sending.channel.name,
        "to": sending.to,
        "sent_at": Moment(sending.now).to_string(),
        "repeat": message.is_repeat,
        "severity": message.severity,
        "title": message.title(),
        "items": items,
        "more": message.more,
    });
    if let Some(own) = &message.words.text {
        body["text"] = json!(own);
    }
    if !message.words.unused.is_empty() {
        body["notes"] = json!(message.words.unused);
    }
    body
}

fn item(item: &Item) -> Value {
    json!({
        "subject": item.subject, "kind": item.kind, "severity": item.severity, "title": item.title, "text": item.text,
        "labels": item.labels, "annotations": item.annotations, "value": item.value, "links": item.links,
        "at": Moment(Timestamp(item.at)).to_string(),
    })
}

/// `t=<seconds since 1970>,v1=<hex>`.
fn signature(secret: &str, seconds: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(seconds.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    let mut signature = format!("t={seconds},v1=");
    for byte in mac.finalize().into_bytes() {
        let _ = write!(signature, "{byte:02x}");
    }
    signature
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_openssl_makes_of_it() {
        // printf '1767225600.{"a":1}' | openssl dgst -sha256 -hmac topsecret
        let signed = signature("topsecret", 1_767_225_600, b"{\"a\":1}");

        let expected = "4fe3c47468405ef2cad64bcbf4ce28b3077d4978f27c8082e5bc2a941bf2e6ac";
        assert_eq!(signed, format!("t=1767225600,v1={expected}"));
    }
}
