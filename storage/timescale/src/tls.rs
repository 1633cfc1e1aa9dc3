//! Encryption to the database, as `sslmode` asks for it.
//!
//! | sslmode | encrypted | certificate checked |
//! | --- | --- | --- |
//! | disable | no | |
//! | prefer (default) | when the server can | no |
//! | require | yes | no, as with libpq |
//! | verify-full | yes | against the system's roots or `sslrootcert`, with the host's name |
//!
//! `allow` and `verify-ca` are refused: the one would begin in clear text, the other take any host's certificate for ours.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Which certificates are taken.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Trust {
    Any,
    Roots { file: Option<String> },
}

/// The settings of the URL, and how to encrypt. The error says what is wrong with it.
pub(crate) fn parse(url: &str) -> Result<(Config, MakeRustlsConnect), String> {
    let (url, mode, file) = without_tls(url);
    let mut config: Config = url.parse().map_err(|cause| told(&cause))?;
    let trust = match mode.as_deref() {
        None | Some("prefer") => {
            config.ssl_mode(SslMode::Prefer);
            Trust::Any
        }
        Some("disable") => {
            config.ssl_mode(SslMode::Disable);
            Trust::Any
        }
        Some("require") => {
            config.ssl_mode(SslMode::Require);
            Trust::Any
        }
        Some("verify-full") => {
            config.ssl_mode(SslMode::Require);
            Trust::Roots { file }
        }
        Some(other) => {
            return Err(format!("sslmode={other} is not supported: use disable, prefer, require or verify-full"));
        }
    };
    Ok((config, connector(&trust)?))
}

fn told(cause: &dyn std::error::Error) -> String {
    let mut told = cause.to_string();
    if let Some(source) = cause.source() {
        told.push_str(&format!(": {source}"));
    }
    told
}

/// Takes `sslmode` and `sslrootcert` out, which the client does not know all values of.
fn without_tls(url: &str) -> (String, Option<String>, Option<String>) {
    let Some((address, parameters)) = url.split_once('?') else { return (url.to_owned(), None, None) };
    let (mut mode, mut file, mut others) = (None, None, Vec::new());
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some(("sslmode", value)) => mode = Some(value.to_owned()),
            Some(("sslrootcert", value)) => file = Some(value.replace("%2F", "/").replace("%2f", "/")),
            _ => others.push(parameter),
        }
    }
    match others.is_empty() {
        true => (address.to_owned(), mode, file),
        false => (format!("{address}?{}", others.join("&")), mode, file),
    }
}

fn connector(trust: &Trust) -> Result<MakeRustlsConnect, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|cause| format!("TLS cannot be used: {cause}"))?;
    let config = match trust {
        Trust::Any => builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider))),
        Trust::Roots { file } => builder.with_root_certificates(roots(file.as_deref())?),
    };
    Ok(MakeRustlsConnect::new(config.with_no_client_auth()))
}

fn roots(file: Option<&str>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(file) => {
            let wrong = |cause: &dyn std::fmt::Display| format!("sslrootcert={file} cannot be read: {cause}");
            let certificates = CertificateDer::pem_file_iter(file).map_err(|cause| wrong(&cause))?;
            for certificate in certificates {
                roots.add(certificate.map_err(|cause| wrong(&cause))?).map_err(|cause| wrong(&cause))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    match roots.is_empty() {
        true => {
            Err("there is no certificate to trust: install ca-certificates, or name a file with sslrootcert".to_owned())
        }
        false => Ok(roots),
    }
}

/// Encrypts without asking who is there: what `prefer` and `require` mean everywhere else too.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_is_honoured_or_refused() {
        for (mode, expected) in [
            ("", Some(SslMode::Prefer)),
            ("?sslmode=disable", Some(SslMode::Disable)),
            ("?application_name=x&sslmode=require", Some(SslMode::Require)),
            ("?sslmode=allow", None),
            ("?sslmode=verify-ca", None),
        ] {
            let parsed = parse(&format!("postgres://me@localhost/db{mode}"));

            assert_eq!(parsed.ok().map(|(config, _)| config.get_ssl_mode()), expected, "{mode}");
        }
    }
}
