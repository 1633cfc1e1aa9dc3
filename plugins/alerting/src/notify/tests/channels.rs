//! What each kind of channel sends over HTTP, as its receiver's documentation has it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use plugin::hub::outgoing;
use plugin::records::Expected;
use serde_json::json;
use sha2::Sha256;

use super::office::{BEGIN, Office, SECOND, rule};
use super::receiver::{Answer, Receiver};
use crate::notify::channel::Channel;
use crate::notify::notification::State;
use crate::rule::Severity;

/// An alert fires, then is over, over a channel of this kind.
async fn told(channel: &str, office: &Office) {
    let yaml = format!("public_url: https://o.example/\nchannels:\n  - {{name: it, default: true, {channel}}}\n");
    office.settle(&yaml).await;
    let critical = rule("High Error Rate", Severity::Critical, &[]);
    let alert = office.fire(&critical, "checkout").await;
    office.pass(2);
    office.round().await;
    office.resolve(&critical, &alert).await;
    office.pass(2);
    office.round().await;
    assert!(
        office.notifications().await.iter().all(|told| told.state == State::Sent),
        "{:?}",
        office.notifications().await
    );
}

#[tokio::test]
async fn slack_gets_text_in_which_others_words_mean_nothing() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    let url = office.secret(&format!("{}/services/T0/B0/x", receiver.url()));

    told(&format!("receivers: ['#ops'], slack: {{url_file: {url}}}"), &office).await;

    let bodies = receiver.json();
    assert_eq!(receiver.received()[0].path, "/services/T0/B0/x");
    assert_eq!(bodies[0]["channel"], "#ops");
    let text = bodies[0]["text"].as_str().expect("a text");
    let title = "*[critical] Firing: High Error Rate: checkout is &lt;bad&gt; &amp; slow*";
    assert!(text.starts_with(title), "{text}");
    assert!(text.contains("<https://example.org/runbook|Runbook>"), "{text}");
    assert!(text.contains("<https://o.example/alerts?rule=High+Error+Rate|Alert>"), "{text}");
    assert!(bodies[1]["text"].as_str().is_some_and(|text| text.contains("Resolved: ")), "{bodies:?}");
}

#[tokio::test]
async fn teams_gets_an_adaptive_card() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    receiver.answer([Answer::Status(202), Answer::Status(202)]);
    let url = office.secret(&receiver.url());

    told(&format!("teams: {{url_file: {url}}}"), &office).await;

    let attachment = &receiver.json()[0]["attachments"][0];
    assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
    let card = &attachment["content"];
    assert_eq!((&card["type"], &card["version"]), (&json!("AdaptiveCard"), &json!("1.4")));
    let title = "[critical] Firing: High Error Rate: checkout is <bad> & slow";
    assert_eq!(card["body"][0]["inlines"][0]["text"], title);
    let link = json!({"type": "Action.OpenUrl", "title": "Runbook", "url": "https://example.org/runbook"});
    assert_eq!(card["actions"][0], link);
}

#[tokio::test]
async fn pagerduty_joins_what_begins_and_ends() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    receiver.answer([Answer::Status(202), Answer::Status(202)]);
    let key = office.secret("R0UT1NG");

    told(&format!("pagerduty: {{routing_key_file: {key}, url: '{}'}}", receiver.url()), &office).await;

    let events = receiver.json();
    assert_eq!(receiver.received()[0].path, "/v2/enqueue");
    assert_eq!((&events[0]["event_action"], &events[1]["event_action"]), (&json!("trigger"), &json!("resolve")));
    assert_eq!(events[0]["routing_key"], "R0UT1NG");
    assert_eq!(events[0]["dedup_key"], events[1]["dedup_key"]);
    let payload = &events[0]["payload"];
    assert_eq!((&payload["severity"], &payload["source"]), (&json!("critical"), &json!("checkout")));
    assert_eq!(payload["timestamp"], "2026-11-24T10:00:00Z");
    assert_eq!(payload["custom_details"]["labels"]["service"], "checkout");
}

#[tokio::test]
async fn sms_goes_out_as_a_form_with_account_and_token() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    receiver.answer([Answer::Status(201), Answer::Status(201)]);
    let token = office.secret("t0ken");
    let sms = format!("{{account: AC00, token_file: {token}, from: '+15550199', url: '{}'}}", receiver.url());

    told(&format!("receivers: ['+15550100'], sms: {sms}"), &office).await;

    let received = &receiver.received()[0];
    assert_eq!(received.path, "/2010-04-01/Accounts/AC00/Messages.json");
    let expected = format!("Basic {}", STANDARD.encode("AC00:t0ken"));
    assert_eq!(received.headers["authorization"], expected.as_str());
    let body = String::from_utf8_lossy(&received.body);
    assert!(
        body.starts_with("To=%2B15550100&From=%2B15550199&Body=%5Bcritical%5D+Firing%3A+High+Error+Rate"),
        "{body}"
    );
    assert!(!body.contains("%0A"), "{body}");
}

#[tokio::test]
async fn a_webhook_is_signed_over_time_and_body() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    let secret = office.secret("shared");

    told(&format!("webhook: {{url: '{}/hook', secret_file: {secret}}}", receiver.url()), &office).await;

    let received = &receiver.received()[0];
    let header = received.headers["observatory-signature"].to_str().expect("a text");
    let (time, signature) = header.strip_prefix("t=").and_then(|rest| rest.split_once(",v1=")).expect("both");
    let mut mac = Hmac::<Sha256>::new_from_slice(b"shared").expect("a key");
    mac.update(format!("{time}.").as_bytes());
    mac.update(&received.body);
    let expected: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(signature, expected);
    assert_eq!(time, ((BEGIN / SECOND) + 2).to_string());
    let body = &receiver.json()[0];
    assert_eq!(body["id"], received.headers["observatory-id"].to_str().expect("a text"));
    assert_eq!((&body["version"], &body["tenant"], &body["repeat"]), (&json!(1), &json!("acme"), &json!(false)));
    let item = &body["items"][0];
    assert_eq!((&item["kind"], &item["at"]), (&json!("alert_firing"), &json!("2026-11-24T10:00:00Z")));
    assert_eq!(item["subject"], receiver.json()[1]["items"][0]["subject"]);
}

#[tokio::test]
async fn a_receiver_is_told_in_the_words_of_its_channel() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    let url = office.secret(&format!("{}/slack", receiver.url()));
    let yaml = format!(
        "channels:
  - name: hook
    default: true
    title: '[{{{{ .Status | toUpper }}}}:{{{{ .Alerts.Firing | len }}}}] {{{{ .CommonLabels.service }}}}'
    body: '{{\"what\": \"{{{{ .CommonAnnotations.summary }}}}\", \"number\": {{{{ len .Alerts }}}}}}'
    webhook: {{url: '{0}/hook'}}
  - name: chat
    default: true
    title: '[{{{{ .Status | toUpper }}}}:{{{{ .Alerts.Firing | len }}}}] {{{{ .CommonLabels.service }}}}'
    text: |
      {{{{ range .Alerts }}}}*{{{{ .Annotations.summary }}}}* is at {{{{ .Value | humanizePercentage }}}}
      {{{{ end }}}}
    slack: {{url_file: {url}}}
",
        receiver.url()
    );
    office.settle(&yaml).await;
    office.fire(&rule("High Error Rate", Severity::Critical, &[]), "checkout").await;
    office.pass(2);

    office.round().await;

    let received = receiver.received();
    let of = |path: &str| {
        let place = received.iter().position(|one| one.path == path).unwrap_or_else(|| panic!("{path} was told"));
        receiver.json()[place].clone()
    };
    assert_eq!(of("/hook"), json!({"what": "checkout is <bad> & slow", "number": 1}));
    let text = of("/slack")["text"].as_str().expect("a text").to_owned();
    assert_eq!(text.trim_end(), "*[FIRING:1] checkout*\n*checkout is &lt;bad&gt; &amp; slow* is at 50%");
}

#[tokio::test]
async fn a_template_that_cannot_be_used_after_all_is_replaced_and_told() {
    let (office, receiver) = (Office::open(), Receiver::open().await);
    let body = "{\"severity\": {{ .CommonLabels.level }}0}";
    let yaml =
        format!("channels: [{{name: h, default: true, body: '{body}', webhook: {{url: '{}'}}}}]\n", receiver.url());
    office.settle(&yaml).await;
    let down = rule("Down", Severity::Critical, &[]);
    office.fire(&down, "checkout").await;
    office.pass(2);
    office.round().await;
    assert_eq!(receiver.json()[0], json!({"severity": 0}), "the label is not there");

    let (_, told) = office.ask("GET", "/channels/h", json!(null)).await;

    assert_eq!(told["body"], body);
    // As an older version may have left it.
    let channels = office.desk.records.collection::<Channel>();
    let id = Channel::id("h").expect("an id");
    let mut stored = channels.get(&office.acme, &id).await.expect("an answer").expect("a channel").body;
    stored.wording.body = Some("{{ .Gone }}".to_owned());
    channels.put(&office.acme, &id, &stored, Expected::Any).await.expect("it is put");
    office.fire(&down, "payments").await;
    office.pass(2);
    office.round().await;
    let standard = &receiver.json()[1];
    assert_eq!(standard["title"], "[critical] Firing: Down: payments is <bad> & slow");
    let why = "the channel's template for its body cannot be used: `.Gone` is not supported here";
    assert_eq!(standard["notes"], json!([why]));
}

#[tokio::test]
async fn what_is_not_public_is_not_called() {
    let office = Office::with(&outgoing::Config::default());
    let password = office.secret("p");
    office
        .settle(&format!(
            "channels:\n  - {{name: a, webhook: {{url: 'http://169.254.169.254/'}}}}\n  - {{name: b, receivers: [o@example.org], email: {{server: 127.0.0.1, from: o@example.org, user: o, password_file: {password}}}}}\n"
        ))
        .await;

    for channel in ["a", "b"] {
        let (status, told) = office.ask("POST", &format!("/channels/{channel}/test"), json!({})).await;
        assert_eq!((status, &told["is_sent"]), (200, &json!(false)), "{told}");
        assert!(told["answer"].as_str().is_some_and(|said| said.contains("outgoing.allow_networks")), "{told}");
    }
}
