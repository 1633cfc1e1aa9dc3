//! Text messages, by the API of Twilio, which others speak as well.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use serde::{Deserialize, Serialize};

use super::{Secret, Sending, Unsent};
use crate::notify::message::form_encoded;

/// Where messages are sent if the channel does not say.
pub(super) const URL: &str = "https://api.twilio.com";

/// An account that sends text messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sms {
    pub(crate) account: String,
    pub(crate) token: Secret,
    /// The sender's phone number or name.
    pub(crate) from: String,
    pub(crate) url: String,
}

impl Sms {
    pub(super) async fn send(&self, sending: &Sending<'_>) -> Result<String, Unsent> {
        let (to, token) = (sending.to()?, sending.open(&self.token, "token").await?);
        let url = format!("{}/2010-04-01/Accounts/{}/Messages.json", self.url.trim_end_matches('/'), self.account);
        let body = form(&[("To", to), ("From", &self.from), ("Body", &sending.message.sms())]);
        let mut request = super::http::request(&url, "application/x-www-form-urlencoded", body.into())?;
        request.headers_mut().insert(AUTHORIZATION, basic(&self.account, &token)?);
        super::http::call(&sending.desk.outgoing, sending.now, request).await
    }
}

fn basic(user: &str, password: &str) -> Result<HeaderValue, Unsent> {
    let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
        .map_err(|_| Unsent::never("the account cannot stand in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// As `application/x-www-form-urlencoded` has it.
fn form(members: &[(&str, &str)]) -> String {
    let members: Vec<String> = members.iter().map(|(name, value)| format!("{name}={}", form_encoded(value))).collect();
    members.join("&")
}
