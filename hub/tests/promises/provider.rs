//! An identity provider: a real little server that checks PKCE, signs with real keys, and does wrong when it is told to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use http::{HeaderMap, StatusCode};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

pub(crate) const CLIENT: &str = "observatory";
pub(crate) const SECRET: &str = "a secret: with % and &";

/// What the provider says of whoever comes, and what it does wrong.
#[derive(Clone, Debug)]
pub(crate) struct Says {
    pub(crate) claims: Value,
    /// Claims to replace after all others.
    pub(crate) wrong: Value,
    /// Signs with a key that nobody knows.
    pub(crate) forges: bool,
}

struct Begun {
    challenge: String,
    nonce: String,
    redirect: String,
}

struct Inner {
    says: Says,
    codes: HashMap<String, Begun>,
    key: (String, SigningKey),
    count: u32,
    asked_for_keys: u32,
}

#[derive(Clone)]
pub(crate) struct Provider {
    pub(crate) issuer: String,
    inner: Arc<Mutex<Inner>>,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let says = Says { claims: json!({}), wrong: json!({}), forges: false };
        let key = ("first".to_owned(), SigningKey::from_bytes(&[1; 32]));
        let inner = Inner { says, codes: HashMap::new(), key, count: 0, asked_for_keys: 0 };
        let provider = Self { issuer, inner: Arc::new(Mutex::new(inner)) };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/jwks", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    pub(crate) fn say(&self, claims: Value) {
        self.with(|inner| inner.says = Says { claims, wrong: json!({}), forges: false });
    }

    pub(crate) fn err(&self, change: impl FnOnce(&mut Says)) {
        self.with(|inner| change(&mut inner.says));
    }

    pub(crate) fn change_key(&self) {
        self.with(|inner| inner.key = ("second".to_owned(), SigningKey::from_bytes(&[2; 32])));
    }

    pub(crate) fn asked_for_keys(&self) -> u32 {
        self.with(|inner| inner.asked_for_keys)
    }

    fn with<R>(&self, work: impl FnOnce(&mut Inner) -> R) -> R {
        work(&mut self.inner.lock().expect("nobody panics"))
    }
}

async fn describe(State(provider): State<Provider>) -> Json<Value> {
    let issuer = &provider.issuer;
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
    }))
}

fn encoding(key: &SigningKey) -> EncodingKey {
    EncodingKey::from_ed_der(key.to_pkcs8_der().expect("a key").as_bytes())
}

async fn keys(State(provider): State<Provider>) -> Json<Value> {
    let (id, key) = provider.with(|inner| {
        inner.asked_for_keys += 1;
        inner.key.clone()
    });
    let public = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
    Json(json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": id, "x": public}]}))
}

/// Lets everybody in and sends them back.
async fn authorize(State(provider): State<Provider>, Query(asked): Query<HashMap<String, String>>) -> Response {
    let [client, response, method] =
        ["client_id", "response_type", "code_challenge_method"].map(|name| asked.get(name).map(String::as_str));
    if (client, response, method) != (Some(CLIENT), Some("code"), Some("S256")) || !asked["scope"].contains("openid") {
        return (StatusCode::BAD_REQUEST, format!("{asked:?}")).into_response();
    }
    let redirect = asked["redirect_uri"].clone();
    let code = provider.with(|inner| {
        inner.count += 1;
        let code = format!("code-{}", inner.count);
        let (challenge, nonce) = (asked["code_challenge"].clone(), asked["nonce"].clone());
        inner.codes.insert(code.clone(), Begun { challenge, nonce, redirect: redirect.clone() });
        code
    });
    Redirect::to(&format!("{redirect}?code={code}&state={}", asked["state"])).into_response()
}

async fn token(State(provider): State<Provider>, headers: HeaderMap, body: String) -> Response {
    let asked = form(&body);
    let refuse = |reason: &str| {
        (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant", "error_description": reason}))).into_response()
    };
    if !knows_client(&headers) {
        return (StatusCode::UNAUTHORIZED, Json(json!({"error": "invalid_client"}))).into_response();
    }
    // Good for one use.
    let Some(begun) = provider.with(|inner| inner.codes.remove(&asked["code"])) else { return refuse("no such code") };
    let shown = URL_SAFE_NO_PAD.encode(Sha256::digest(asked["code_verifier"].as_bytes()));
    if shown != begun.challenge || asked["redirect_uri"] != begun.redirect {
        return refuse("another began this");
    }
    let (says, (kid, key)) = provider.with(|inner| (inner.says.clone(), inner.key.clone()));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let mut claims = json!({"iss": provider.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": begun.nonce});
    for more in [says.claims, says.wrong] {
        claims.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    }
    let key = if says.forges { SigningKey::from_bytes(&[9; 32]) } else { key };
    let header = Header { kid: Some(kid), ..Header::new(Algorithm::EdDSA) };
    let id_token = encode(&header, &claims, &encoding(&key)).expect("claims");
    Json(json!({"access_token": "a", "token_type": "Bearer", "expires_in": 300, "id_token": id_token})).into_response()
}

/// `Authorization: Basic` of RFC 6749, whose parts are encoded like forms.
fn knows_client(headers: &HeaderMap) -> bool {
    let basic = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Basic "));
    let shown = basic.and_then(|basic| STANDARD.decode(basic).ok()).and_then(|shown| String::from_utf8(shown).ok());
    let pair = shown.as_deref().and_then(|shown| shown.split_once(':'));
    let pair = pair.map(|(id, secret)| form(&format!("id={id}&secret={secret}")));
    pair.is_some_and(|pair| pair["id"] == CLIENT && pair["secret"] == SECRET)
}

/// What `application/x-www-form-urlencoded` says.
fn form(text: &str) -> HashMap<String, String> {
    let address = format!("/?{text}").parse().expect("an address");
    Query::try_from_uri(&address).map(|Query(form)| form).expect("a form")
}
