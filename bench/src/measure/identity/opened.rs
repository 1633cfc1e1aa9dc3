//! A server whose first owner has signed in: everything that needs somebody begins with it.

use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::measure::Measure;
use crate::measure::api::{Answer, Client};
use crate::measure::process::{Server, Settings};

/// The first owner's, when the settings do not say another.
pub(super) const EMAIL: &str = "owner@localhost";
pub(super) const PASSWORD: &str = "correct horse battery staple";
const SESSION: &str = "/api/v1/hub/session";
/// So many that what is measured is the work, and not the limit of one address.
const PER_MINUTE: u32 = 10_000_000;
/// The owner is told of right after the server is ready.
const TOLD_MAX: Duration = Duration::from_secs(10);

/// A server over a directory of its own, and a key that writes telemetry.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) server: Server,
    key: String,
    _data: TempDir,
}

impl Opened {
    /// `anonymous` is whom the server lets in without a key: `nobody`, or `loopback`.
    pub(super) async fn start(measure: &Measure, anonymous: &str) -> anyhow::Result<Self> {
        let data = tempfile::tempdir().context("no temporary directory")?;
        let mut settings = Settings::default();
        settings.environment.extend([
            ("OBSERVATORY_HUB__ANONYMOUS", anonymous.to_owned()),
            ("OBSERVATORY_HUB__ATTEMPTS_PER_MINUTE", PER_MINUTE.to_string()),
            ("OBSERVATORY_HUB__REQUESTS_PER_MINUTE", PER_MINUTE.to_string()),
        ]);
        let server = Server::start(&measure.server()?, data.path(), &settings).await?;
        let one_time = wait_for_one_time_password(&server).await?;
        let key = make_key(&Client::new(server.api()), &one_time).await?;
        Ok(Self { server, key, _data: data })
    }

    /// What goes with a request of whoever has the key.
    pub(super) fn header(&self) -> anyhow::Result<(HeaderName, HeaderValue)> {
        Ok((AUTHORIZATION, HeaderValue::try_from(format!("Bearer {}", self.key))?))
    }
}

/// What the server says to an e-mail and a password.
pub(super) async fn sign_in(client: &Client, email: &str, password: &str) -> anyhow::Result<StatusCode> {
    let (status, _) = client.post(SESSION, None, &json!({"email": email, "password": password})).await?;
    Ok(status)
}

async fn wait_for_one_time_password(server: &Server) -> anyhow::Result<String> {
    let asked = Instant::now();
    while asked.elapsed() < TOLD_MAX {
        if let Some(password) = one_time_password(&server.said()?) {
            return Ok(password.to_owned());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bail!("the first start told of no owner within {TOLD_MAX:?}: {}", server.said()?)
}

/// The password in what a first start says, once the line goes on behind it.
fn one_time_password(said: &str) -> Option<&str> {
    let (_, rest) = said.split_once(" with the one-time password ")?;
    rest.split_once(' ').map(|(password, _)| password)
}

/// Signs in as the first owner, and makes a key.
async fn make_key(client: &Client, one_time: &str) -> anyhow::Result<String> {
    let body = json!({"email": EMAIL, "password": one_time, "new_password": PASSWORD});
    let session = told(&client.post(SESSION, None, &body).await?)?;
    let token = session["access_token"].as_str().context("a session has an access token")?;
    let body = json!({"name": "observatory-bench", "roles": ["exporter"]});
    let made = told(&client.post("/api/v1/hub/keys", Some(token), &body).await?)?;
    Ok(made["key"].as_str().context("a key is told when it is made")?.to_owned())
}

fn told((status, body): &Answer) -> anyhow::Result<Value> {
    ensure!(status.is_success(), "the hub refused: {status} {}", String::from_utf8_lossy(body));
    Ok(serde_json::from_slice(body)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_found_when_its_line_is_complete() {
        let line = "First sign-in  owner@localhost with the one-time password 4fZk2   (told once; docs/hub.md)";
        for (said, expected) in [
            (format!("    API   http://127.0.0.1:8036\n    {line}\n"), Some("4fZk2")),
            (line.split_inclusive("4fZ").next().unwrap_or_default().to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(one_time_password(&said), expected, "{said}");
        }
    }
}
