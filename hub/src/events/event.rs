//! What products tell each other, in the form of CloudEvents 1.0.

use std::fmt::Debug;

use model::{Tenant, Timestamp};
use records::Transaction;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::error::EventsError;

/// Largest body of an event as JSON, in bytes; what is larger belongs into records, and its id into the event.
pub const EVENT_BYTES_MAX: usize = 256 << 10;
/// Longest type, in bytes.
pub const TYPE_BYTES_MAX: usize = 128;

/// Something that happened. As JSON it is a CloudEvent; `tenant` and `traceparent` are its extensions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "CloudEvent", try_from = "CloudEvent")]
pub struct Event {
    /// Tells events apart that come twice.
    pub id: Uuid,
    /// Who says so: the product, such as `orchestrator`.
    pub source: String,
    /// What kind of thing happened, such as `orchestrator.job.failed`. CloudEvents call it `type`.
    pub kind: String,
    /// To what it happened, such as `job/42`.
    pub subject: Option<String>,
    /// When it was published, by the clock of the process that did.
    pub time: Timestamp,
    /// Whose it is.
    pub tenant: Tenant,
    /// The trace that it belongs to, as W3C writes it.
    pub traceparent: Option<String>,
    /// All else.
    pub data: Value,
}

impl Event {
    /// The trace that it belongs to, in hex.
    pub(crate) fn trace_id(&self) -> Option<&str> {
        self.traceparent.as_deref()?.split('-').nth(1)
    }
}

impl From<records::Event> for Event {
    fn from(published: records::Event) -> Self {
        let records::Event { id, tenant, topic: kind, at: time, body, .. } = published;
        let product = || kind.split('.').next().unwrap_or_default().to_owned();
        // Whoever publishes by records alone says no more than type and data.
        let Body { source, subject, traceparent, data } = serde_json::from_str(&body).unwrap_or_else(|_| {
            let data = serde_json::from_str(&body).unwrap_or(Value::String(body));
            Body { source: product(), subject: None, traceparent: None, data }
        });
        Self { id, source, kind, subject, time, tenant, traceparent, data }
    }
}

/// An event on its way into the outbox.
#[derive(Clone, Debug)]
pub struct NewEvent {
    kind: String,
    body: Body,
}

/// What the outbox keeps of an event beside its own columns.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    source: String,
    subject: Option<String>,
    traceparent: Option<String>,
    data: Value,
}

impl NewEvent {
    /// An event of a product; the type begins with the product's name and has only `a-z 0-9 . _ -`.
    pub fn new(kind: &str, data: &impl Serialize) -> Result<Self, EventsError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        let source = kind.split('.').next().unwrap_or_default().to_owned();
        if source.is_empty() || kind.len() > TYPE_BYTES_MAX || !kind.bytes().all(allowed) {
            let kind = kind.chars().take(TYPE_BYTES_MAX).collect();
            return Err(EventsError::InvalidName { what: "type of event", name: kind, bytes_max: TYPE_BYTES_MAX });
        }
        let data = serde_json::to_value(data).map_err(EventsError::NotJson)?;
        Ok(Self { kind: kind.to_owned(), body: Body { source, subject: None, traceparent: None, data } })
    }

    /// To what it happened.
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.body.subject = Some(subject.into());
        self
    }

    /// The trace it belongs to; what is not a `traceparent` is left out.
    pub fn traced(mut self, traceparent: &str) -> Self {
        self.body.traceparent = is_traceparent(traceparent).then(|| traceparent.to_owned());
        self
    }

    /// Publishes it with the transaction: when that lasts, everybody who wants the event gets it, and nobody else ever does.
    pub async fn publish(&self, transaction: &Transaction, tenant: &Tenant) -> Result<Uuid, EventsError> {
        let bytes = serde_json::to_vec(&self.body).map_err(EventsError::NotJson)?.len();
        if bytes > EVENT_BYTES_MAX {
            return Err(EventsError::TooLarge { kind: self.kind.clone(), bytes });
        }
        Ok(transaction.publish(tenant, &self.kind, &self.body).await?)
    }
}

/// `00-<trace id>-<span id>-<flags>`, or a later version of it.
fn is_traceparent(text: &str) -> bool {
    let is_hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [2, 32, 16, 2] && text.split('-').all(is_hex)
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct CloudEvent {
    specversion: SpecVersion,
    id: Uuid,
    source: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    time: String,
    tenant: Tenant,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    datacontenttype: ContentType,
    data: Value,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum SpecVersion {
    #[serde(rename = "1.0")]
    V1,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum ContentType {
    #[serde(rename = "application/json")]
    Json,
}

impl From<Event> for CloudEvent {
    fn from(event: Event) -> Self {
        let Event { id, source, kind, subject, time, tenant, traceparent, data } = event;
        let time = OffsetDateTime::from_unix_timestamp_nanos(time.0.into()).ok();
        let time =
            time.and_then(|time| time.format(&Rfc3339).ok()).expect("64 bits of nanoseconds are in years 1677 to 2262");
        let (specversion, datacontenttype) = (SpecVersion::V1, ContentType::Json);
        Self { specversion, id, source, kind, subject, time, tenant, traceparent, datacontenttype, data }
    }
}

impl TryFrom<CloudEvent> for Event {
    type Error = String;

    fn try_from(event: CloudEvent) -> Result<Self, String> {
        let CloudEvent { id, source, kind, subject, time, tenant, traceparent, data, .. } = event;
        let nanos = OffsetDateTime::parse(&time, &Rfc3339).map(OffsetDateTime::unix_timestamp_nanos).ok();
        let nanos =
            nanos.and_then(|nanos| i64::try_from(nanos).ok()).ok_or_else(|| format!("'{time}' is not a time"))?;
        Ok(Self { id, source, kind, subject, time: Timestamp(nanos), tenant, traceparent, data })
    }
}

/// Which types a consumer wants.
#[derive(Clone, Debug)]
pub(super) struct Types(Vec<String>);

impl Types {
    pub(super) fn new(types: &[&str]) -> Self {
        Self(types.iter().map(|kind| (*kind).to_owned()).collect())
    }

    /// A name as it is, or all that begin with what stands before `*`.
    pub(super) fn want(&self, kind: &str) -> bool {
        self.0.iter().any(|wanted| match wanted.strip_suffix('*') {
            Some(beginning) => kind.starts_with(beginning),
            None => kind == wanted,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event() -> Event {
        Event {
            id: Uuid::nil(),
            source: "orchestrator".to_owned(),
            kind: "orchestrator.job.failed".to_owned(),
            subject: Some("job/42".to_owned()),
            time: Timestamp(1_700_000_000_000_000_001),
            tenant: Tenant::default_tenant(),
            traceparent: None,
            data: json!({"exit": 1}),
        }
    }

    #[test]
    fn as_json_it_is_a_cloud_event() {
        let json = serde_json::to_value(event()).expect("an event is JSON");

        assert_eq!(
            json,
            json!({
                "specversion": "1.0",
                "id": "00000000-0000-0000-0000-000000000000",
                "source": "orchestrator",
                "type": "orchestrator.job.failed",
                "subject": "job/42",
                "time": "2023-11-14T22:13:20.000000001Z",
                "tenant": "default",
                "datacontenttype": "application/json",
                "data": {"exit": 1},
            })
        );
        assert_eq!(serde_json::from_value::<Event>(json).expect("it can be read again"), event());
    }

    #[test]
    fn a_type_that_is_no_name_is_refused() {
        for kind in ["", ".", ".job", "Job", "job failed", "job*", &"a".repeat(TYPE_BYTES_MAX + 1)] {
            assert!(NewEvent::new(kind, &()).is_err(), "{kind}");
        }
    }

    #[test]
    fn only_a_traceparent_is_carried_as_one() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for (text, expected) in [(good, Some(good)), ("", None), (&good[1..], None), (&good.to_uppercase(), None)] {
            let event = NewEvent::new("a.b", &()).expect("a valid type").traced(text);

            assert_eq!(event.body.traceparent.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_consumer_gets_the_types_it_names() {
        let types = Types::new(&["catalog.*", "orchestrator.job.failed"]);
        for (kind, is_wanted) in [
            ("catalog.service.changed", true),
            ("catalogue", false),
            ("orchestrator.job.failed", true),
            ("orchestrator.job.failed.twice", false),
        ] {
            assert_eq!(types.want(kind), is_wanted, "{kind}");
        }
    }
}
