//! A mail server, as far as a client sees one: EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA; it misbehaves when it is told to.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use testkit::Certificate;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A mail as it was taken.
#[derive(Clone, Debug)]
pub(super) struct Mail {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) user: Option<String>,
    pub(super) is_encrypted: bool,
    pub(super) text: String,
}

/// What the server does with the next mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Takes,
    /// 451: come again later.
    Greylists,
    /// 550: there is no such person.
    Refuses,
    /// The connection ends amid the mail.
    HangsUp,
}

/// How it is set up.
#[derive(Clone, Debug, Default)]
pub(super) struct Setup {
    /// With it, STARTTLS is offered.
    pub(super) tls: Option<Certificate>,
    /// Encrypted from the first byte.
    pub(super) is_wrapped: bool,
    /// With it, only who knows user and password may send; the mechanism is `PLAIN` or `LOGIN`.
    pub(super) auth: Option<(&'static str, &'static str, &'static str)>,
}

#[derive(Debug, Default)]
struct State {
    mails: Mutex<Vec<Mail>>,
    manners: Mutex<VecDeque<Manner>>,
}

/// The server; it ends with the test.
#[derive(Clone, Debug)]
pub(super) struct MailServer {
    pub(super) address: SocketAddr,
    state: Arc<State>,
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

type Stream = BufReader<Box<dyn Duplex>>;

impl MailServer {
    pub(super) async fn open(setup: Setup) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let (address, state) = (listener.local_addr().expect("an address"), Arc::new(State::default()));
        let (acceptor, shared) = (setup.tls.as_ref().map(acceptor), Arc::clone(&state));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (setup, state, acceptor) = (setup.clone(), Arc::clone(&shared), acceptor.clone());
                tokio::spawn(async move {
                    let stream: Box<dyn Duplex> = match &acceptor {
                        Some(acceptor) if setup.is_wrapped => Box::new(acceptor.accept(stream).await?),
                        _ => Box::new(stream),
                    };
                    let is_encrypted = setup.is_wrapped;
                    let mut session = Session { setup, state, acceptor, is_encrypted, user: None };
                    session.serve(BufReader::new(stream)).await
                });
            }
        });
        Self { address, state }
    }

    pub(super) fn behave(&self, manners: impl IntoIterator<Item = Manner>) {
        self.state.manners.lock().extend(manners);
    }

    pub(super) fn mails(&self) -> Vec<Mail> {
        self.state.mails.lock().clone()
    }
}

fn acceptor(certificate: &Certificate) -> TlsAcceptor {
    let chain = vec![CertificateDer::from_pem_file(&certificate.certificate).expect("openssl made it")];
    let key = PrivateKeyDer::from_pem_file(&certificate.key).expect("openssl made it");
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("TLS 1.2 and 1.3 are there");
    let config = builder.with_no_client_auth().with_single_cert(chain, key).expect("a certificate and its key");
    TlsAcceptor::from(Arc::new(config))
}

/// One connection.
struct Session {
    setup: Setup,
    state: Arc<State>,
    acceptor: Option<TlsAcceptor>,
    is_encrypted: bool,
    user: Option<String>,
}

impl Session {
    async fn serve(&mut self, mut stream: Stream) -> io::Result<()> {
        say(&mut stream, "220 mail.example ESMTP").await?;
        let (mut from, mut to) = (String::new(), String::new());
        let mut manner = Manner::Takes;
        while let Some(line) = read(&mut stream).await? {
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            match verb.as_str() {
                "EHLO" => say(&mut stream, &self.greeting()).await?,
                "STARTTLS" => {
                    say(&mut stream, "220 go ahead").await?;
                    let acceptor = self.acceptor.clone().ok_or(io::ErrorKind::Unsupported)?;
                    let encrypted: Box<dyn Duplex> = Box::new(acceptor.accept(stream.into_inner()).await?);
                    (stream, self.is_encrypted) = (BufReader::new(encrypted), true);
                }
                "AUTH" => self.authenticate(&mut stream, &line).await?,
                "MAIL" if self.setup.auth.is_some() && self.user.is_none() => {
                    say(&mut stream, "530 who are you?").await?;
                }
                "MAIL" => {
                    from = line;
                    manner = self.state.manners.lock().pop_front().unwrap_or(Manner::Takes);
                    say(&mut stream, "250 ok").await?;
                }
                "RCPT" => {
                    to = line;
                    let answer = match manner {
                        Manner::Greylists => "451 4.7.1 greylisted, come again later",
                        Manner::Refuses => "550 5.1.1 no such person",
                        Manner::Takes | Manner::HangsUp => "250 ok",
                    };
                    say(&mut stream, answer).await?;
                }
                "DATA" => {
                    say(&mut stream, "354 go ahead").await?;
                    let Some(text) = data(&mut stream, manner).await? else { return Ok(()) };
                    let (from, to, user) = (from.clone(), to.clone(), self.user.clone());
                    self.state.mails.lock().push(Mail { from, to, user, is_encrypted: self.is_encrypted, text });
                    say(&mut stream, "250 2.0.0 queued as 1").await?;
                }
                "QUIT" => return say(&mut stream, "221 bye").await,
                _ => say(&mut stream, "250 ok").await?,
            }
        }
        Ok(())
    }

    fn greeting(&self) -> String {
        let mut lines = vec!["250-mail.example".to_owned()];
        if self.acceptor.is_some() && !self.is_encrypted {
            lines.push("250-STARTTLS".to_owned());
        }
        if let Some((mechanism, ..)) = self.setup.auth {
            lines.push(format!("250-AUTH {mechanism}"));
        }
        lines.push("250 8BITMIME".to_owned());
        lines.join("\r\n")
    }

    async fn authenticate(&mut self, stream: &mut Stream, line: &str) -> io::Result<()> {
        let said = match line.split(' ').nth(1) {
            Some("PLAIN") => {
                let parts = decoded(line.split(' ').nth(2).unwrap_or_default());
                let mut parts = parts.split('\0').skip(1).map(str::to_owned);
                (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
            }
            _ => {
                say(stream, "334 VXNlcm5hbWU6").await?;
                let user = decoded(&read(stream).await?.unwrap_or_default());
                say(stream, "334 UGFzc3dvcmQ6").await?;
                (user, decoded(&read(stream).await?.unwrap_or_default()))
            }
        };
        match self.setup.auth {
            Some((_, user, password)) if said == (user.to_owned(), password.to_owned()) => {
                self.user = Some(said.0);
                say(stream, "235 welcome").await
            }
            _ => say(stream, "535 5.7.8 wrong user or password").await,
        }
    }
}

/// The mail; nothing, when the connection ends amid it.
async fn data(stream: &mut Stream, manner: Manner) -> io::Result<Option<String>> {
    let mut text = String::new();
    while let Some(line) = read(stream).await? {
        if manner == Manner::HangsUp {
            return Ok(None);
        }
        if line == "." {
            return Ok(Some(text));
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
        text.push('\n');
    }
    Ok(None)
}

fn decoded(text: &str) -> String {
    STANDARD.decode(text).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

async fn say(stream: &mut Stream, line: &str) -> io::Result<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await?;
    stream.flush().await
}

async fn read(stream: &mut Stream) -> io::Result<Option<String>> {
    let mut line = String::new();
    let bytes = stream.read_line(&mut line).await?;
    Ok((bytes > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
}
