//! What of a channel's settings may be seen.

use serde_json::{Value, json};

use super::{Secret, Settings};

impl Settings {
    /// The settings without secrets; of those, where they are.
    pub(crate) fn shown(&self) -> Value {
        match self {
            Self::Email(email) => json!({
                "server": email.server, "port": email.port, "tls": email.tls, "ca_file": email.ca_file,
                "from": email.from, "user": email.user, "password": email.password.as_ref().map(place),
            }),
            Self::Slack(slack) => json!({"url": place(&slack.url)}),
            Self::Teams(teams) => json!({"url": place(&teams.url)}),
            Self::PagerDuty(pagerduty) => {
                json!({"url": pagerduty.url, "routing_key": place(&pagerduty.routing_key)})
            }
            Self::Sms(sms) => {
                json!({"url": sms.url, "account": sms.account, "from": sms.from, "token": place(&sms.token)})
            }
            Self::Webhook(webhook) => json!({"url": webhook.url, "secret": webhook.secret.as_ref().map(place)}),
        }
    }
}

fn place(secret: &Secret) -> String {
    match secret {
        Secret::Sealed(_) => "sealed".to_owned(),
        Secret::File(file) => format!("in the file {}", file.display()),
        Secret::Env(name) => format!("in the environment variable {name}"),
    }
}
