//! Calls that leave the platform: webhooks, notifications, sign-in elsewhere.
//!
//! Addresses come from users, so none of them may reach what only this machine can reach. A name is resolved here, its addresses
//! are checked, and a checked address is what is connected to: a name that leads elsewhere a moment later gains nothing.

mod config;
mod error;
mod network;

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use http::header::LOCATION;
use http::{HeaderMap, Method};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, Request, Response, Url};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

pub use self::config::Config;
pub use self::error::{OutgoingError, Rule};
use self::network::Networks;
pub use self::network::Range;

/// Gives the addresses of a host.
type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// Makes calls, within limits. Each purpose has one of its own, so that a slow receiver of one takes no places of another.
#[derive(Debug)]
pub struct Outgoing {
    client: Client,
    names: Arc<Names>,
    rules: Arc<Rules>,
    places: Semaphore,
    config: Config,
}

impl Outgoing {
    /// Prepares; nothing is called yet. The error says what this machine lacks.
    pub fn new(config: &Config) -> Result<Self, String> {
        Self::with_lookup(config, Arc::new(|host| Box::pin(lookup(host))))
    }

    fn with_lookup(config: &Config, lookup: Lookup) -> Result<Self, String> {
        let rules = Arc::new(Rules::new(config));
        let names = Arc::new(Names { rules: Arc::clone(&rules), lookup });
        let client = Client::builder()
            .user_agent(concat!("observatory/", env!("CARGO_PKG_VERSION")))
            .use_preconfigured_tls(tls()?)
            .dns_resolver(Arc::clone(&names))
            // A proxy would resolve names by itself, behind our back.
            .no_proxy()
            .redirect(Policy::none())
            .connect_timeout(Duration::from_secs(config.connect_seconds_max))
            .pool_max_idle_per_host(2)
            .build()
            .map_err(|cause| format!("no HTTP client can be made: {cause}"))?;
        Ok(Self { client, names, rules, places: Semaphore::new(config.calls_max), config: config.clone() })
    }

    /// Sends a request and gives the answer, whatever its status. A redirect is followed when the method is GET or HEAD: a body
    /// is for the one it was written to.
    pub async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, OutgoingError> {
        let limit = self.config.request_bytes_max;
        let bytes = request.body().len();
        let request = Request::try_from(request).map_err(|cause| OutgoingError::Malformed(cause.into()))?;
        let host = host(request.url());
        if bytes > limit {
            return Err(OutgoingError::RequestTooLarge { host, bytes, limit });
        }
        self.rules.check(request.url())?;
        let seconds = self.config.seconds_max;
        let deadline = Instant::now() + Duration::from_secs(seconds);
        let Ok(place) = timeout_at(deadline, self.places.acquire()).await else {
            return Err(OutgoingError::Busy { host, seconds, calls_max: self.config.calls_max });
        };
        let _place = place.expect("the places are never closed");
        let answered = timeout_at(deadline, self.follow(request)).await;
        answered.unwrap_or(Err(OutgoingError::TooSlow { host, seconds }))
    }

    /// Addresses of a host that may be connected to, for what is not HTTP. Connect to one of these and not to the name, which may
    /// lead elsewhere a moment later.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, OutgoingError> {
        let deadline = Instant::now() + Duration::from_secs(self.config.connect_seconds_max);
        let found = match host.parse() {
            Ok(address) => Ok(vec![address]),
            Err(_) => {
                timeout_at(deadline, (self.names.lookup)(host.to_owned())).await.unwrap_or_else(|late| Err(late.into()))
            }
        };
        let found = found.map_err(|cause| OutgoingError::Unresolved { host: host.to_owned(), cause })?;
        let permitted = self.rules.permitted(host, &found);
        permitted.map_err(|rule| OutgoingError::Refused { host: host.to_owned(), rule })
    }

    async fn follow(&self, mut request: Request) -> Result<http::Response<Bytes>, OutgoingError> {
        let mut redirects = 0;
        loop {
            let (method, url, headers) = (request.method().clone(), request.url().clone(), request.headers().clone());
            let response = self.client.execute(request).await.map_err(|cause| self.explain(&url, cause))?;
            let Some(next) = next(&method, &url, &response).filter(|_| self.config.redirects_max > 0) else {
                return self.read(&url, response).await;
            };
            redirects += 1;
            if redirects > self.config.redirects_max {
                return Err(refused(&url, Rule::Redirects(self.config.redirects_max)));
            }
            if url.scheme() == "https" && next.scheme() == "http" {
                return Err(refused(&url, Rule::Downgrade));
            }
            self.rules.check(&next)?;
            // What proves who we are is not for the next one.
            let kept = if url.origin() == next.origin() { headers } else { HeaderMap::new() };
            request = Request::new(method, next);
            *request.headers_mut() = kept;
        }
    }

    async fn read(&self, url: &Url, mut response: Response) -> Result<http::Response<Bytes>, OutgoingError> {
        let limit = self.config.answer_bytes_max;
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|cause| self.explain(url, cause))? {
            if body.len() + chunk.len() > limit {
                return Err(OutgoingError::AnswerTooLarge { host: host(url), limit });
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = http::Response::new(body.freeze());
        (*answer.status_mut(), *answer.headers_mut()) = (response.status(), response.headers().clone());
        Ok(answer)
    }

    /// A refusal of our own comes back as the cause of the client's error.
    fn explain(&self, url: &Url, cause: reqwest::Error) -> OutgoingError {
        let mut source: Option<&dyn std::error::Error> = Some(&cause);
        while let Some(error) = source {
            if let Some(rule) = error.downcast_ref::<Rule>() {
                return refused(url, *rule);
            }
            source = error.source();
        }
        OutgoingError::Unreachable { host: host(url), cause: cause.without_url() }
    }
}

/// Whom to call and whom not.
#[derive(Debug)]
struct Rules {
    hosts: HashSet<String>,
    networks: Networks,
}

impl Rules {
    fn new(config: &Config) -> Self {
        let hosts = config.allow_hosts.iter().map(|host| plain(host)).collect();
        Self { hosts, networks: Networks::new(config.allow_networks.clone()) }
    }

    /// What can be said before a name is resolved: the client connects to an address in a URL without asking for it.
    fn check(&self, url: &Url) -> Result<(), OutgoingError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused(url, Rule::Scheme));
        }
        let host = host(url);
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse();
        let permitted = literal.map_or(Ok(()), |address| self.permit(&host, address));
        permitted.map_err(|rule| refused(url, rule))
    }

    fn permit(&self, host: &str, address: IpAddr) -> Result<(), Rule> {
        match self.networks.forbidden(address) {
            Some(range) if !self.hosts.contains(&plain(host)) => Err(Rule::Address { address, range }),
            _ => Ok(()),
        }
    }

    /// Those of a host's addresses that may be called; the reason, when there are some and none may.
    fn permitted(&self, host: &str, found: &[IpAddr]) -> Result<Vec<IpAddr>, Rule> {
        let permitted: Vec<IpAddr> =
            found.iter().copied().filter(|address| self.permit(host, *address).is_ok()).collect();
        match found.first() {
            Some(first) if permitted.is_empty() => self.permit(host, *first).map(|()| permitted),
            _ => Ok(permitted),
        }
    }
}

/// Resolves names to the addresses that may be called.
struct Names {
    rules: Arc<Rules>,
    lookup: Lookup,
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let (rules, host) = (Arc::clone(&self.rules), name.as_str().to_owned());
        let found = (self.lookup)(host.clone());
        Box::pin(async move {
            let permitted = rules.permitted(&host, &found.await?)?;
            Ok(Box::new(permitted.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

/// Asks the system.
async fn lookup(host: String) -> io::Result<Vec<IpAddr>> {
    Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
}

/// Certificates are checked against the system's roots.
fn tls() -> Result<rustls::ClientConfig, String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err("there is no certificate to trust: install ca-certificates".to_owned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|cause| format!("TLS cannot be used: {cause}"))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn next(method: &Method, url: &Url, response: &Response) -> Option<Url> {
    let is_followed = response.status().is_redirection() && matches!(*method, Method::GET | Method::HEAD);
    let location = response.headers().get(LOCATION).filter(|_| is_followed)?;
    url.join(location.to_str().ok()?).ok()
}

fn refused(url: &Url, rule: Rule) -> OutgoingError {
    OutgoingError::Refused { host: host(url), rule }
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or(url.scheme()).to_owned()
}

/// A name in the one form that is compared.
fn plain(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Names").field("rules", &self.rules).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
