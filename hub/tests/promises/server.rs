//! A hub over records of its own, asked through its router, with a clock that a test moves.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use ed25519_dalek::SigningKey;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, SET_COOKIE};
use http::{HeaderMap, Method, Request, StatusCode};
use hub::outgoing::{self, Outgoing};
use hub::sealing::Keyring;
use hub::{Clock, Config, Hub, Parts, Secret};
use model::{Tenant, Timestamp};
use records::Records;
use serde_json::{Value, json};
use tower::ServiceExt;
use utoipa::openapi::OpenApi;

/// 2026-01-01T00:00:00Z.
const BEGIN: i64 = 1_767_225_600_000_000_000;
pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const RING: &str = "ff01020304050607aa090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

pub(crate) struct Server {
    pub(crate) hub: Arc<Hub>,
    pub(crate) records: Records,
    pub(crate) description: OpenApi,
    pub(crate) first: Option<(String, String)>,
    router: Router,
    clock: Arc<AtomicI64>,
}

/// Settings with which a test asks as often as it likes.
pub(crate) fn config() -> Config {
    Config {
        attempts_per_minute: 1_000_000,
        requests_per_minute: 1_000_000,
        tenant_requests_per_minute: 1_000_000,
        ..Config::default()
    }
}

/// Who signs licences here.
pub(crate) fn issuer() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        Self::on(config, Records::in_memory().expect("a database")).await
    }

    pub(crate) async fn on(config: Config, records: Records) -> Self {
        Self::over(config, records, RING, BEGIN).await
    }

    /// Another process over the same records, at the same time.
    pub(crate) async fn beside(&self) -> Self {
        self.beside_sealing(RING).await
    }

    /// The same with other keys that seal.
    pub(crate) async fn beside_sealing(&self, ring: &str) -> Self {
        Self::over(config(), self.records.clone(), ring, self.now().0).await
    }

    async fn over(config: Config, records: Records, ring: &str, now: i64) -> Self {
        let time = Arc::new(AtomicI64::new(now));
        let clock: Clock = {
            let time = Arc::clone(&time);
            Arc::new(move || Timestamp(time.load(Ordering::Relaxed)))
        };
        let outgoing = outgoing::Config {
            allow_networks: vec!["127.0.0.0/8".parse().expect("a network")],
            ..outgoing::Config::default()
        };
        let parts = Parts {
            records: records.clone(),
            ring: Arc::new(Keyring::new(ring).expect("a key")),
            outgoing: Outgoing::new(&outgoing).expect("a client"),
            configured_keys: vec![(Tenant::default_tenant(), Secret::new("configured-key-of-default"))],
            issuers: vec![issuer().verifying_key()],
            clock,
        };
        let (hub, first) = Hub::open(config, parts).await.expect("it opens");
        let (router, description) = hub.guarded(hub.routes());
        let first = first.map(|owner| (owner.email.to_string(), owner.password.reveal().to_owned()));
        Self { hub, records, description, first, router, clock: time }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(self.clock.load(Ordering::Relaxed))
    }

    pub(crate) fn wait(&self, time: Duration) {
        self.clock.fetch_add(time.as_nanos() as i64, Ordering::Relaxed);
    }

    pub(crate) fn put_clock_back(&self, time: Duration) {
        self.clock.fetch_sub(time.as_nanos() as i64, Ordering::Relaxed);
    }

    /// Sends a request as somebody.
    pub(crate) async fn send(&self, method: Method, path: &str, as_whom: &As<'_>, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(address(path));
        match as_whom {
            As::Nobody => {}
            As::Bearer(token) => request = request.header(AUTHORIZATION, format!("Bearer {token}")),
            As::In(tenant, token) => {
                request =
                    request.header(AUTHORIZATION, format!("Bearer {token}")).header("x-observatory-tenant", *tenant);
            }
            As::Cookies(cookies, csrf) => {
                request = request.header(COOKIE, *cookies);
                if let Some(csrf) = csrf {
                    request = request.header("x-csrf-token", *csrf);
                }
            }
        }
        let body = match body {
            Some(Value::String(text)) => Body::from(text),
            Some(json) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Body::from(json.to_string())
            }
            None => Body::empty(),
        };
        self.raw(request.body(body).expect("a request"), Ipv4Addr::LOCALHOST.into()).await
    }

    pub(crate) async fn raw(&self, mut request: Request<Body>, peer: IpAddr) -> Answer {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer, 40_000)));
        let response = self.router.clone().oneshot(request).await.expect("routers do not fail");
        let (head, body) = response.into_parts();
        let body = to_bytes(body, 1 << 20).await.expect("a body");
        let text = String::from_utf8(body.to_vec()).expect("a text");
        Answer {
            status: head.status,
            headers: head.headers,
            json: serde_json::from_str(&text).unwrap_or(Value::Null),
            text,
        }
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(Method::GET, path, &As::Bearer(token), None).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: Value) -> Answer {
        self.send(Method::POST, path, &As::Bearer(token), Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, token: &str, body: Value) -> Answer {
        self.send(Method::PUT, path, &As::Bearer(token), Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, token: &str, body: Value) -> Answer {
        self.send(Method::PATCH, path, &As::Bearer(token), Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str, token: &str) -> Answer {
        self.send(Method::DELETE, path, &As::Bearer(token), None).await
    }

    pub(crate) async fn sign_in(&self, email: &str, password: &str) -> Answer {
        self.send(Method::POST, "/session", &As::Nobody, Some(json!({"email": email, "password": password}))).await
    }

    /// Replaces a one-time password with [`PASSWORD`], and gives the access token.
    pub(crate) async fn settle(&self, email: &str, one_time: &str) -> String {
        let body = json!({"email": email, "password": one_time, "new_password": PASSWORD});
        let answer = self.send(Method::POST, "/session", &As::Nobody, Some(body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.text_at("access_token")
    }

    /// The first owner's access token.
    pub(crate) async fn owner(&self) -> String {
        let (email, one_time) = self.first.clone().expect("the first start");
        self.settle(&email, &one_time).await
    }

    /// Makes a tenant, and gives its owner's access token.
    pub(crate) async fn tenant(&self, root: &str, name: &str) -> String {
        let email = format!("owner@{name}.example");
        let made = self.post("/tenants", root, json!({"name": name, "owner": email})).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        self.settle(&email, &made.text_at("one_time_password")).await
    }

    /// Invites somebody and lets them sign in.
    pub(crate) async fn person(&self, by: &str, email: &str, roles: &[&str]) -> (String, String) {
        let invited = self.post("/people", by, json!({"email": email, "roles": roles})).await;
        assert_eq!(invited.status, StatusCode::CREATED, "{}", invited.text);
        (invited.text_at("id"), self.settle(email, &invited.text_at("one_time_password")).await)
    }

    /// Makes a key.
    pub(crate) async fn key(&self, by: &str, roles: &[&str]) -> (String, String) {
        let made = self.post("/keys", by, json!({"name": "a program", "roles": roles})).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        (made.text_at("id"), made.text_at("key"))
    }

    /// Actions in the audit trail, the oldest first.
    pub(crate) async fn trail(&self, token: &str) -> Vec<String> {
        let trail = self.get("/audit?limit=1000", token).await;
        let entries = trail.json["entries"].as_array().cloned().unwrap_or_default();
        entries.iter().filter_map(|entry| entry["action"].as_str().map(str::to_owned)).collect()
    }
}

/// Within the hub's API, unless it is a whole address.
fn address(path: &str) -> String {
    if path.starts_with("/api/") { path.to_owned() } else { format!("/api/v1/hub{path}") }
}

pub(crate) enum As<'a> {
    Nobody,
    Bearer(&'a str),
    /// About this tenant.
    In(&'a str, &'a str),
    /// With this `Cookie`, and perhaps its companion.
    Cookies(&'a str, Option<&'a str>),
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn text_at(&self, member: &str) -> String {
        self.json[member].as_str().unwrap_or_else(|| panic!("no {member} in {}", self.text)).to_owned()
    }

    pub(crate) fn code(&self) -> &str {
        self.json["error"]["code"].as_str().unwrap_or_default()
    }

    /// The cookies as a browser sends them back.
    pub(crate) fn cookies(&self) -> String {
        let cookies = self.headers.get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
        cookies.filter_map(|cookie| cookie.split(';').next()).collect::<Vec<_>>().join("; ")
    }
}
