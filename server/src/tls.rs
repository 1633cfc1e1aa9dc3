//! Encrypts connections with a certificate that can be exchanged while the server runs.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use parking_lot::RwLock;
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};
use tokio_rustls::TlsAcceptor;

/// What both protocols of our ports are called in a handshake.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The files of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsConfig {
    /// The certificate in PEM, and those that vouch for it.
    pub(crate) certificate: PathBuf,
    /// Its private key in PEM.
    pub(crate) key: PathBuf,
}

/// The certificate in use; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Tls(Arc<RwLock<Certificate>>);

/// A certificate with its key, read and checked.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    chain: Vec<CertificateDer<'static>>,
    config: Arc<ServerConfig>,
}

impl Tls {
    /// Reads and checks the files.
    pub(crate) fn load(files: &TlsConfig) -> anyhow::Result<Self> {
        Ok(Self(Arc::new(RwLock::new(Certificate::load(files)?))))
    }

    /// Takes another certificate for connections that come from now on; false when it is the same.
    pub(crate) fn exchange(&self, new: Certificate) -> bool {
        let mut used = self.0.write();
        let is_another = used.chain != new.chain;
        *used = new;
        is_another
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        Arc::clone(&self.0.read().config).into()
    }
}

impl Certificate {
    /// Reads and checks the files.
    pub(crate) fn load(files: &TlsConfig) -> anyhow::Result<Self> {
        let chain = chain(files)?;
        let unreadable = || format!("wrong setting: server.tls.key: {}", files.key.display());
        let key = PrivateKeyDer::from_pem_file(&files.key).with_context(unreadable)?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .context("TLS 1.2 and 1.3 are there")?
            .with_no_client_auth()
            .with_single_cert(chain.clone(), key)
            .context("wrong setting: server.tls: the key is not that of the certificate")?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(Self { chain, config: Arc::new(config) })
    }

    /// What clients are shown first.
    pub(crate) fn shown(&self) -> &CertificateDer<'static> {
        &self.chain[0]
    }
}

fn chain(files: &TlsConfig) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let unreadable = || format!("wrong setting: server.tls.certificate: {}", files.certificate.display());
    let chain = CertificateDer::pem_file_iter(&files.certificate).and_then(|certificates| certificates.collect());
    let chain: Vec<_> = chain.with_context(unreadable)?;
    anyhow::ensure!(!chain.is_empty(), "{} holds no certificate", unreadable());
    Ok(chain)
}
