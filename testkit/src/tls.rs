//! Certificates by an authority of the test's own, and connections of clients that trust it.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::Command;
use std::sync::Arc;
use std::task::{Context, Poll};

use anyhow::Context as _;
use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::RootCertStore;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::external::Skip;

/// Signs certificates; made by the `openssl` command, deleted when dropped.
#[derive(Debug)]
pub struct Authority {
    folder: TempDir,
}

/// A certificate for this machine's loopback, and its key, in files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// In PEM.
    pub certificate: PathBuf,
    /// In PEM.
    pub key: PathBuf,
}

impl Authority {
    /// A new one.
    pub fn make() -> Result<Self, Skip> {
        let folder = TempDir::new().map_err(|cause| Skip::missing(cause.to_string()))?;
        let authority = Self { folder };
        authority.openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=tests -keyout ca.key -out ca.pem")?;
        Ok(authority)
    }

    /// The file that clients are to trust.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Signs a new certificate; the same name twice takes the place of the first.
    pub fn certify(&self, name: &str) -> Certificate {
        let path = |ending: &str| self.folder.path().join(format!("{name}.{ending}"));
        std::fs::write(path("names"), "subjectAltName=IP:127.0.0.1,DNS:localhost").expect("a folder of ours");
        for command in [
            format!(
                "req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN={name} -keyout {name}.key -out {name}.request"
            ),
            format!(
                "x509 -req -in {name}.request -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile {name}.names -out {name}.pem"
            ),
        ] {
            self.openssl(&command).unwrap_or_else(|skip| panic!("{skip:?}"));
        }
        Certificate { certificate: path("pem"), key: path("key") }
    }

    fn openssl(&self, arguments: &str) -> Result<(), Skip> {
        let openssl = Command::new("openssl").args(arguments.split(' ')).current_dir(self.folder.path()).output();
        let output = openssl.map_err(|cause| Skip::missing(format!("openssl: {cause}; apt-get install openssl")))?;
        match output.status.success() {
            true => Ok(()),
            false => Err(Skip::missing(format!("openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr)))),
        }
    }

    /// The certificate that a server shows, once its handshake is done.
    pub async fn shown_by(&self, server: SocketAddr) -> anyhow::Result<Vec<u8>> {
        let stream = TcpStream::connect(server).await?;
        let connector = TlsConnector::from(self.client(&[]));
        let stream = connector.connect(ServerName::IpAddress(server.ip().into()), stream).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first).context("it shows none")?;
        Ok(shown.to_vec())
    }

    fn client(&self, protocols: &[&str]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.file()).expect("openssl made it")).expect("a certificate");
        let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let builder = builder.with_safe_default_protocol_versions().expect("TLS 1.2 and 1.3 are there");
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}

impl Certificate {
    /// As a server shows it.
    pub fn der(&self) -> Vec<u8> {
        CertificateDer::from_pem_file(&self.certificate).expect("openssl made it").to_vec()
    }

    /// Takes the place of another in its files.
    pub fn replace(&self, other: &Certificate) {
        for (from, to) in [(&self.certificate, &other.certificate), (&self.key, &other.key)] {
            std::fs::copy(from, to).expect("files of ours");
        }
    }

    /// The settings of a server that shows it.
    pub fn yaml(&self) -> String {
        format!("server: {{tls: {{certificate: {}, key: {}}}}}\n", self.certificate.display(), self.key.display())
    }
}

/// Connects in clear text, or encrypted to servers whose certificate is by an authority.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connector(Option<Arc<ClientConfig>>);

impl Connector {
    /// Offers this protocol, `h2` or `http/1.1`.
    pub(crate) fn new(authority: Option<&Authority>, protocol: &str) -> Self {
        Self(authority.map(|authority| authority.client(&[protocol])))
    }

    async fn connect(self, uri: Uri) -> anyhow::Result<TokioIo<Stream>> {
        let address = uri.authority().context("an address has a server")?;
        let stream = TcpStream::connect(address.as_str()).await?;
        stream.set_nodelay(true)?;
        let Some(config) = self.0 else { return Ok(TokioIo::new(Stream(Box::pin(stream)))) };
        let name = ServerName::try_from(address.host().to_owned())?;
        let stream = TlsConnector::from(config).connect(name, stream).await?;
        Ok(TokioIo::new(Stream(Box::pin(stream))))
    }
}

impl tower::Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { Ok(connector.connect(uri).await?) })
    }
}

/// Bytes to a server and back, encrypted or not.
pub(crate) struct Stream(Pin<Box<dyn Duplex>>);

trait Duplex: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Duplex for T {}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_read(cx, buf)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.0.as_mut().poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.as_mut().poll_shutdown(cx)
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}
