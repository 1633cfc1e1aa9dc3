//! Who is asking: from the headers of a request to a [`Caller`] or a refusal, in memory, for every protocol.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::FromRequestParts;
use http::header::{AUTHORIZATION, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, Method};
use ipnet::IpNet;
use model::{Tenant, Timestamp};
use records::RecordId;

use crate::audit::{By, Hash};
use crate::clock::Clock;
use crate::config::{Anonymous, Config};
use crate::directory::{Directory, KnownKey};
use crate::error::{Error, Refusal};
use crate::http::cookies;
use crate::keys::is_mistyped;
use crate::licence::Standing;
use crate::permissions::{Permission, Permissions};
use crate::roles::RoleName;
use crate::tenants::TenantState;

/// A key's header, beside `Authorization: Bearer`.
const API_KEY: &str = "x-api-key";
/// Chooses between `default` and `system`, for those who run the server.
const TENANT: &str = "x-observatory-tenant";
const FORWARDED_FOR: &str = "x-forwarded-for";
const TRACE_PARENT: &str = "traceparent";
/// As much of what a program calls itself as is kept, in bytes.
const AGENT_BYTES_MAX: usize = 200;

/// Somebody who asks, and what about.
#[derive(Clone, Debug)]
pub struct Caller {
    tenant: Tenant,
    home: Tenant,
    who: Who,
    pub(crate) permissions: Permissions,
}

/// Somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// A person who has signed in.
    Person {
        /// Their id in their tenant.
        id: RecordId,
        /// Their e-mail.
        email: String,
        /// The session they are in.
        session: RecordId,
    },
    /// A program with a key.
    Key {
        /// The key's id in its tenant.
        id: RecordId,
        /// The key's name.
        name: String,
    },
    /// Whoever is on this machine, where the settings allow it.
    Anonymous,
    /// The server itself.
    Server,
}

impl Who {
    /// The e-mail or the name.
    pub fn name(&self) -> &str {
        match self {
            Self::Person { email, .. } => email,
            Self::Key { name, .. } => name,
            Self::Anonymous => "anonymous",
            Self::Server => "server",
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person { id, .. } => write!(f, "person/{id}"),
            Self::Key { id, .. } => write!(f, "key/{id}"),
            Self::Anonymous => f.write_str("anonymous"),
            Self::Server => f.write_str("server"),
        }
    }
}

impl Caller {
    /// Whose rows and records the request is about.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Where the person or key belongs; differs from [`Caller::tenant`] only for those who run the server.
    pub fn home(&self) -> &Tenant {
        &self.home
    }

    /// The person or key.
    pub fn who(&self) -> &Who {
        &self.who
    }

    /// Whether the roles allow it.
    pub fn may(&self, permission: &Permission) -> bool {
        let is_elsewhere = permission.is_of_server() && self.home != Tenant::system();
        !is_elsewhere && self.permissions.allow(permission)
    }

    /// Tenants that the request could be about.
    pub(crate) fn tenants(&self) -> Vec<Tenant> {
        let runs_server = self.home == Tenant::system() && matches!(self.who, Who::Person { .. });
        if runs_server { vec![Tenant::default_tenant(), Tenant::system()] } else { vec![self.home.clone()] }
    }

    /// By what requests are counted.
    pub(crate) fn counted_as(&self, address: Option<IpAddr>) -> String {
        match (&self.who, address) {
            (Who::Anonymous, Some(address)) => address.to_string(),
            (who, _) => format!("{}/{who}", self.home),
        }
    }
}

/// From where, for the audit trail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The address, behind the proxies that are trusted.
    pub address: Option<IpAddr>,
    /// What the program calls itself.
    pub agent: Option<String>,
    /// The trace the request is part of, in hex.
    pub trace_id: Option<String>,
}

/// A caller with the origin, as the guard leaves it in the request; an extractor for handlers.
#[derive(Clone, Debug)]
pub struct Asking {
    pub(crate) caller: Caller,
    by: By,
}

impl Asking {
    /// For protocols that the guard does not stand before.
    pub fn new(caller: Caller, origin: Origin) -> Self {
        let by = By { who: caller.who.clone(), origin };
        Self { caller, by }
    }

    /// Who asks.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Whose records the request is about.
    pub fn tenant(&self) -> &Tenant {
        &self.caller.tenant
    }

    /// Where the caller's own record is.
    pub(crate) fn home(&self) -> &Tenant {
        &self.caller.home
    }

    pub(crate) fn by(&self) -> &By {
        &self.by
    }

    /// The same, about where the caller's own record is.
    pub(crate) fn at_home(&self) -> Self {
        let caller = Caller { tenant: self.caller.home.clone(), ..self.caller.clone() };
        Self { caller, by: self.by.clone() }
    }

    /// The person who asks; keys are none.
    pub(crate) fn person(&self) -> Result<&RecordId, Error> {
        match &self.caller.who {
            Who::Person { id, .. } => Ok(id),
            _ => Err(Error::forbidden("this is for people; a key is none")),
        }
    }

    /// The session the person is in.
    pub(crate) fn session(&self) -> Result<&RecordId, Error> {
        match &self.caller.who {
            Who::Person { session, .. } => Ok(session),
            _ => Err(Error::forbidden("this is for people; a key is none")),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Asking {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        let asking = parts.extensions.get::<Self>().cloned();
        asking.ok_or_else(|| Error::unauthenticated("sign in first"))
    }
}

/// Tells who is asking.
#[derive(Clone)]
pub struct Access {
    directory: Arc<Directory>,
    anonymous: Anonymous,
    trusted_proxies: Vec<IpNet>,
    clock: Clock,
}

impl Access {
    pub(crate) fn new(config: &Config, directory: Arc<Directory>, clock: Clock) -> Self {
        let (anonymous, trusted_proxies) = (config.anonymous, config.trusted_proxies.clone());
        Self { directory, anonymous, trusted_proxies, clock }
    }

    /// Who sends these headers. `method` decides whether a cookie needs its companion in a header; `peer` is the other end of the
    /// connection. Looks nothing up but memory.
    pub fn caller(&self, method: &Method, headers: &HeaderMap, peer: Option<IpAddr>) -> Result<Caller, Refusal> {
        let now = (self.clock)();
        let (who, home, permissions) = match Credential::of(headers) {
            Some(Credential::Key(key)) => self.by_key(key, self.address(headers, peer), now)?,
            Some(Credential::Token(token)) => self.by_token(token, None, now)?,
            Some(Credential::Cookie { token, csrf }) => {
                let csrf = if method.is_safe() { None } else { Some(csrf) };
                self.by_token(token, csrf, now)?
            }
            None => self.nobody(headers, peer)?,
        };
        let tenant = self.chosen(headers, &home, &who)?;
        Ok(Caller { tenant, home, who, permissions })
    }

    /// Whether the caller may do this here and now: by roles, and by the licence, which never stops telemetry.
    pub fn check(&self, caller: &Caller, permission: &Permission) -> Result<(), Error> {
        if !caller.may(permission) {
            let (who, permission) = (caller.who.name(), permission.to_string());
            return Err(Error::forbidden(format!("{who} lacks the permission {permission}")));
        }
        self.directory.licences.check(permission, (self.clock)())
    }

    /// What the licence is worth now.
    pub fn licence(&self) -> Standing {
        self.directory.licences.standing((self.clock)())
    }

    /// From where the request comes.
    pub fn origin(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Origin {
        let agent = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok());
        let agent = agent.map(|agent| agent.chars().take(AGENT_BYTES_MAX).collect());
        Origin { address: self.address(headers, peer), agent, trace_id: trace_id(headers) }
    }

    /// The last address in front of the proxies that are trusted.
    fn address(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Option<IpAddr> {
        let is_trusted = |address: &IpAddr| self.trusted_proxies.iter().any(|network| network.contains(address));
        let peer = peer.map(|peer| peer.to_canonical())?;
        if !is_trusted(&peer) {
            return Some(peer);
        }
        let lists = headers.get_all(FORWARDED_FOR).iter().filter_map(|list| list.to_str().ok());
        let hops: Vec<&str> = lists.flat_map(|list| list.split(',')).map(str::trim).collect();
        let hops = hops.iter().rev().map_while(|hop| hop.parse().ok());
        let mut nearest = peer;
        for hop in hops {
            nearest = hop;
            if !is_trusted(&nearest) {
                break;
            }
        }
        Some(nearest)
    }

    fn by_key(
        &self,
        key: &str,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(Who, Tenant, Permissions), Refusal> {
        let refused = |reason: &str| Refusal::Unauthenticated(reason.to_owned());
        let Some((known, permissions)) = self.directory.key(&Hash::of(key.as_bytes())) else {
            let is_mistyped = is_mistyped(key);
            return Err(refused(if is_mistyped { "this API key is mistyped" } else { "nobody has this API key" }));
        };
        let KnownKey { tenant, id, name, expires_at, allowed_from, last_used, .. } = &*known;
        if expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Err(refused("this API key has expired"));
        }
        let is_inside = |address: IpAddr| allowed_from.iter().any(|network| network.contains(&address));
        if !allowed_from.is_empty() && !address.is_some_and(is_inside) {
            return Err(Refusal::Forbidden("this API key is not for this address".to_owned()));
        }
        last_used.fetch_max(now.0, Ordering::Relaxed);
        Ok((Who::Key { id: id.clone(), name: name.clone() }, tenant.clone(), permissions))
    }

    /// `csrf` is what came beside a cookie, where that is needed.
    fn by_token(
        &self,
        token: &str,
        csrf: Option<Option<&str>>,
        now: Timestamp,
    ) -> Result<(Who, Tenant, Permissions), Refusal> {
        let claims = self.directory.tokens.verify(token, now)?;
        if csrf.is_some_and(|sent| sent.is_none() || sent != claims.csrf.as_deref()) {
            return Err(Refusal::Forbidden(format!(
                "with cookies, a change needs the header {}",
                cookies::CSRF_HEADER
            )));
        }
        let ended = || Refusal::Unauthenticated("this session has ended: sign in again".to_owned());
        let (person, permissions) = self.directory.person(&claims.tid, &claims.sub).ok_or_else(ended)?;
        if !person.is_active || person.generation != claims.ver || self.directory.has_ended(&claims.sid) {
            return Err(ended());
        }
        let who = Who::Person { id: claims.sub, email: person.email.clone(), session: claims.sid };
        Ok((who, claims.tid, permissions))
    }

    fn nobody(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Result<(Who, Tenant, Permissions), Refusal> {
        let is_here =
            peer.is_some_and(|peer| peer.to_canonical().is_loopback()) && !headers.contains_key(FORWARDED_FOR);
        if self.anonymous == Anonymous::Nobody || !is_here {
            return Err(Refusal::Unauthenticated(
                "a key or token is needed: send it as 'Authorization: Bearer <key>' or 'X-API-Key: <key>'".to_owned(),
            ));
        }
        let home = match headers.get(TENANT).is_some_and(|name| name.as_bytes() == b"system") {
            true => Tenant::system(),
            false => Tenant::default_tenant(),
        };
        let permissions = self.directory.permissions(&home, &ingest_and_query());
        Ok((Who::Anonymous, home, permissions))
    }

    /// The tenant the request is about.
    fn chosen(&self, headers: &HeaderMap, home: &Tenant, who: &Who) -> Result<Tenant, Refusal> {
        let runs_server = *home == Tenant::system() && matches!(who, Who::Person { .. });
        let named = headers.get(TENANT).map(|name| name.to_str().ok().and_then(|name| Tenant::new(name).ok()));
        let tenant = match named {
            // Whoever runs the server works on their own applications, and looks at the server itself when they say so.
            None if runs_server => Tenant::default_tenant(),
            None => home.clone(),
            Some(Some(named)) if named == *home || (runs_server && named == Tenant::default_tenant()) => named,
            Some(_) => {
                return Err(Refusal::Forbidden(format!("{} does not belong to the tenant in {TENANT}", who.name())));
            }
        };
        match self.directory.tenant(&tenant) {
            Some(TenantState::Active) => Ok(tenant),
            _ => Err(Refusal::Forbidden(format!("the tenant '{tenant}' is suspended"))),
        }
    }
}

/// What keys of the configuration and those who need none may do.
pub(crate) fn ingest_and_query() -> Vec<RoleName> {
    vec![RoleName::exporter(), RoleName::new("viewer").expect("a good name")]
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("anonymous", &self.anonymous).finish_non_exhaustive()
    }
}

/// What a request shows.
enum Credential<'a> {
    Key(&'a str),
    Token(&'a str),
    Cookie { token: &'a str, csrf: Option<&'a str> },
}

impl<'a> Credential<'a> {
    fn of(headers: &'a HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = text(AUTHORIZATION.as_str()).and_then(|value| value.split_once(' '));
        let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, shown)| shown.trim());
        if let Some(shown) = bearer.or_else(|| text(API_KEY)) {
            // Tokens are three parts of base64 with dots between, and begin with that of `{"`; keys of ours have no dots.
            let is_token = shown.starts_with("eyJ") && shown.bytes().filter(|byte| *byte == b'.').count() == 2;
            return Some(if is_token { Self::Token(shown) } else { Self::Key(shown) });
        }
        let token = cookies::of(headers, cookies::ACCESS)?;
        Some(Self::Cookie { token, csrf: text(cookies::CSRF_HEADER) })
    }
}

/// The trace of `traceparent`, as the W3C writes it.
fn trace_id(headers: &HeaderMap) -> Option<String> {
    let parent = headers.get(TRACE_PARENT)?.to_str().ok()?;
    let trace_id = parent.split('-').nth(1)?;
    let is_hex = trace_id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (trace_id.len() == 32 && is_hex && trace_id.bytes().any(|byte| byte != b'0')).then(|| trace_id.to_owned())
}
