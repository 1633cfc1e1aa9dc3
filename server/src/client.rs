//! One request to a server of ours, encrypted where its address begins with https.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::header::HOST;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Options of commands that ask a server.
#[derive(Debug, clap::Args)]
pub(crate) struct TrustArgs {
    /// Authorities whose certificates are taken, in PEM, for a URL that begins with https [default: the system's]
    #[arg(long, env = "OBSERVATORY_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl TrustArgs {
    pub(crate) fn trust(&self) -> Trust {
        Trust::Authorities(self.ca_file.clone())
    }
}

/// Options of commands that ask a server as somebody.
#[derive(Debug, clap::Args)]
pub(crate) struct ServerArgs {
    /// Where the server's API is
    #[arg(long, env = "OBSERVATORY_URL", default_value = "http://127.0.0.1:8036", value_name = "URL")]
    url: Uri,
    #[command(flatten)]
    trust: TrustArgs,
    /// Key of the tenant to ask as
    #[arg(long, env = "OBSERVATORY_API_KEY", hide_env_values = true, value_name = "KEY")]
    api_key: Option<String>,
}

impl ServerArgs {
    /// The address of something that the server answers.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.url.to_string().trim_end_matches('/'))
    }

    pub(crate) fn trust(&self) -> Trust {
        self.trust.trust()
    }

    pub(crate) fn api_key(&self) -> Option<&str> {
        self.api_key.as_deref()
    }
}

/// Whose certificate is taken.
#[derive(Clone, Debug)]
pub(crate) enum Trust {
    /// One for the server's name, by an authority of this file, or one that this machine trusts.
    Authorities(Option<PathBuf>),
    /// This one, under any name.
    Only(CertificateDer<'static>),
}

/// Sends it over a connection of its own, and gives the answer as it begins.
pub(crate) async fn send(request: Request<Full<Bytes>>, trust: &Trust) -> anyhow::Result<Response<Incoming>> {
    let uri = request.uri().clone();
    let host = uri.host().context("the address names no server")?.trim_matches(['[', ']']).to_owned();
    let is_encrypted = uri.scheme() == Some(&Scheme::HTTPS);
    let port = uri.port_u16().unwrap_or(if is_encrypted { 443 } else { 80 });
    let stream = TcpStream::connect((host.as_str(), port)).await?;
    if !is_encrypted {
        return exchange(stream, request).await;
    }
    let name = ServerName::try_from(host)?;
    exchange(TlsConnector::from(trust.config()?).connect(name, stream).await?, request).await
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    mut request: Request<Full<Bytes>>,
) -> anyhow::Result<Response<Incoming>> {
    let authority = request.uri().authority().map_or("", |authority| authority.as_str());
    let host = HeaderValue::try_from(authority)?;
    let path = request.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    request.headers_mut().insert(HOST, host);
    *request.uri_mut() = Uri::from(path);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the answer's body.
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?)
}

impl Trust {
    fn config(&self) -> anyhow::Result<Arc<ClientConfig>> {
        let provider = Arc::new(default_provider());
        let builder =
            ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
        let builder = match self {
            Self::Authorities(file) => builder.with_root_certificates(authorities(file.as_deref())?),
            Self::Only(certificate) => {
                let only = Only { certificate: certificate.clone(), provider };
                builder.dangerous().with_custom_certificate_verifier(Arc::new(only))
            }
        };
        Ok(Arc::new(builder.with_no_client_auth()))
    }
}

fn authorities(file: Option<&Path>) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    match file {
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        Some(file) => {
            let unreadable = || format!("certificates cannot be read from {}", file.display());
            for certificate in CertificateDer::pem_file_iter(file).with_context(unreadable)? {
                roots.add(certificate.with_context(unreadable)?).with_context(unreadable)?;
            }
        }
    }
    ensure!(!roots.is_empty(), "there is no certificate to trust: name a file with --ca-file");
    Ok(roots)
}

/// Who shows the certificate also has its key: signatures are checked.
#[derive(Debug)]
struct Only {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Only {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match *end_entity == self.certificate {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
