//! Mail, by SMTP. One message to one receiver, in plain text and HTML.
//!
//! The server's name is resolved by the rules for all calls that leave the platform, and what is connected to is an address they permit.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::http::with_causes;
use super::{Secret, Sending, Unsent};

/// So long a server may take for one message.
const SECONDS_MAX: u64 = 30;

/// A mail server, and who writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Email {
    pub(crate) server: String,
    pub(crate) port: u16,
    pub(crate) tls: Encryption,
    /// Certificates of an authority of one's own, in PEM; from `notifications.yaml` only.
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) from: String,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
}

/// How the connection is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encryption {
    /// After the greeting, and never without.
    #[default]
    StartTls,
    /// From the first byte.
    Tls,
    /// Not at all: anybody on the way can read and change it.
    None,
}

impl Email {
    pub(super) async fn send(&self, sending: &Sending<'_>) -> Result<String, Unsent> {
        let message = self.message(sending)?;
        let address = self.address(sending).await?;
        let transport = self.transport(sending, address).await?;
        match timeout(Duration::from_secs(SECONDS_MAX), transport.send(message)).await {
            Ok(Ok(answer)) => Ok(format!("{} {}", answer.code(), answer.message().collect::<Vec<_>>().join(" "))),
            Ok(Err(cause)) => Err(unsent(&cause)),
            Err(_) => Err(Unsent::unclear(format!("{} has not taken the mail within {SECONDS_MAX} s", self.server))),
        }
    }

    /// A checked address, so that the name cannot lead elsewhere a moment later.
    async fn address(&self, sending: &Sending<'_>) -> Result<IpAddr, Unsent> {
        let found = sending.desk.outgoing.addresses(&self.server).await.map_err(|cause| {
            let said = with_causes(&cause);
            if cause.is_temporary() { Unsent::later(said, None) } else { Unsent::never(said) }
        })?;
        found.first().copied().ok_or_else(|| Unsent::later(format!("{} has no address", self.server), None))
    }

    async fn transport(
        &self,
        sending: &Sending<'_>,
        address: IpAddr,
    ) -> Result<AsyncSmtpTransport<Tokio1Executor>, Unsent> {
        let encryption = match self.tls {
            Encryption::StartTls => Tls::Required(self.parameters().await?),
            Encryption::Tls => Tls::Wrapper(self.parameters().await?),
            Encryption::None => Tls::None,
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address.to_string())
            .port(self.port)
            .tls(encryption)
            .timeout(Some(Duration::from_secs(SECONDS_MAX)));
        if let (Some(user), Some(password)) = (&self.user, &self.password) {
            let password = sending.open(password, "password").await?;
            let credentials = Credentials::new(user.clone(), password);
            transport = transport.credentials(credentials).authentication(vec![Mechanism::Plain, Mechanism::Login]);
        }
        Ok(transport.build())
    }

    /// The certificate must be for the server's name, whatever the address.
    async fn parameters(&self) -> Result<TlsParameters, Unsent> {
        let mut parameters = TlsParameters::builder(self.server.clone());
        if let Some(file) = &self.ca_file {
            let unreadable = |cause: String| Unsent::later(format!("ca_file {}: {cause}", file.display()), None);
            let pem = tokio::fs::read(file).await.map_err(|cause| unreadable(cause.to_string()))?;
            let authority = Certificate::from_pem(&pem).map_err(|cause| unreadable(with_causes(&cause)))?;
            parameters = parameters.certificate_store(CertificateStore::None).add_root_certificate(authority);
        }
        parameters.build_rustls().map_err(|cause| Unsent::later(with_causes(&cause), None))
    }

    fn message(&self, sending: &Sending<'_>) -> Result<Message, Unsent> {
        let said = sending.message;
        let message = Message::builder()
            .from(mailbox(&self.from).map_err(Unsent::never)?)
            .to(mailbox(sending.to()?).map_err(Unsent::never)?)
            .subject(said.title())
            // The same when it is sent again: many programs show only one of two such mails.
            .message_id(Some(format!("<{}@observatory>", said.id)))
            .date(time(sending.now.0))
            .raw_header(no_answer())
            .multipart(MultiPart::alternative_plain_html(said.plain(), said.html()));
        message.map_err(|cause| Unsent::never(with_causes(&cause)))
    }
}

fn time(nanos: i64) -> std::time::SystemTime {
    std::time::SystemTime::UNIX_EPOCH + Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

/// Tells programs that answer by themselves not to.
fn no_answer() -> HeaderValue {
    let name = HeaderName::new_from_ascii_str("Auto-Submitted");
    HeaderValue::new(name, "auto-generated".to_owned())
}

/// As in `ops@example.org` or `Operations <ops@example.org>`.
pub(super) fn mailbox(written: &str) -> Result<Mailbox, String> {
    written.parse().map_err(|_| format!("'{written}' is no mail address"))
}

/// A server's 5xx is its last word. Whether a mail was taken when the connection broke, nobody knows.
fn unsent(cause: &Error) -> Unsent {
    let said = with_causes(cause);
    match cause {
        cause if cause.is_permanent() || cause.is_client() => Unsent::never(said),
        cause if cause.is_transient() || cause.is_tls() => Unsent::later(said, None),
        // The one kind that cannot be asked for: nothing was connected to.
        cause if cause.to_string().starts_with("Connection error") => Unsent::later(said, None),
        _ => Unsent::unclear(said),
    }
}
