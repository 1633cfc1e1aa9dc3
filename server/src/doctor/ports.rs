//! Whether the ports are free, and if not, who has them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use serde_json::Value;
use tokio::time::timeout;

use super::finding::Finding;
use crate::client::{Trust, send};
use crate::config::{Config, Role};
use crate::tls::Certificate;

/// A server that is well answers in milliseconds.
const ANSWERED_WITHIN: Duration = Duration::from_secs(3);

/// One for each port.
pub(super) async fn findings(config: &Config, certificate: Option<&Certificate>) -> Vec<Finding> {
    let server = &config.server;
    let mut ports = vec![("listen", "--listen", server.listen)];
    if server.role == Role::All {
        ports.push(("otlp_grpc", "--otlp-grpc", server.otlp_grpc));
        ports.push(("otlp_http", "--otlp-http", server.otlp_http));
    }
    ports.extend(config.products.listen.values().map(|address| ("product", "products.listen", *address)));
    let mut findings = Vec::new();
    for (check, option, address) in ports {
        findings.push(finding(check, option, address, certificate).await);
    }
    findings
}

async fn finding(check: &'static str, option: &str, address: SocketAddr, certificate: Option<&Certificate>) -> Finding {
    let cause = match TcpListener::bind(address) {
        Ok(_) => return Finding::ok(check, format!("{address} is free")),
        Err(cause) => cause,
    };
    let fact = format!("{address} cannot be listened on: {cause}");
    match cause.kind() {
        io::ErrorKind::AddrInUse => match running(address, certificate).await {
            Some(version) => Finding::ok(check, format!("{address} is that of a running Observatory {version}")),
            None => {
                let fact = format!("{address} is taken by something else than Observatory");
                let next = format!(
                    "`ss -ltnp sport = :{}` says by what: stop that, or choose another with {option}",
                    address.port()
                );
                Finding::fail(check, fact, next)
            }
        },
        io::ErrorKind::PermissionDenied => {
            let next = format!(
                "choose a port above 1023 with {option}, or allow it: AmbientCapabilities=CAP_NET_BIND_SERVICE"
            );
            Finding::fail(check, fact, next)
        }
        _ => Finding::fail(check, fact, format!("choose an address of this machine with {option}")),
    }
}

/// The version of the server that answers there, if it is one of ours.
async fn running(address: SocketAddr, certificate: Option<&Certificate>) -> Option<String> {
    let (scheme, trust) = match certificate {
        None => ("http", Trust::Authorities(None)),
        Some(certificate) => ("https", Trust::Only(certificate.shown().clone())),
    };
    let request = Request::get(format!("{scheme}://{}/health/live", reachable(address))).body(Full::<Bytes>::default());
    let answered = timeout(ANSWERED_WITHIN, async {
        let body = send(request.ok()?, &trust).await.ok()?.into_body();
        serde_json::from_slice::<Value>(&body.collect().await.ok()?.to_bytes()).ok()
    });
    let body = answered.await.ok()??;
    let is_ours = body["status"] == "alive" && body["timestamp"].is_string();
    body["version"].as_str().filter(|_| is_ours).map(str::to_owned)
}

/// Who listens on all addresses answers on this machine's own.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
