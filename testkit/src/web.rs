//! An HTTP client that sends what it is told and shows what came.

use std::time::Duration;

use anyhow::{Context, anyhow};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use crate::tls::{Authority, Connector};

const ANSWER_WITHIN: Duration = Duration::from_secs(120);

/// One client with its own connections; cheap to clone.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client<Connector, Full<Bytes>>,
    base: String,
    key: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
}

impl Http {
    /// A client of this server.
    pub fn new(base: &str) -> Self {
        Self::trusting(None, base)
    }

    /// The same of a server whose certificate is by this authority.
    pub fn trusting(authority: Option<&Authority>, base: &str) -> Self {
        let client = Client::builder(TokioExecutor::new()).build(Connector::new(authority, "http/1.1"));
        Self { client, base: base.to_owned(), key: None }
    }

    /// The same with an API key, or without one.
    pub fn with_key(mut self, key: Option<&str>) -> Self {
        self.key = key.map(str::to_owned);
        self
    }

    /// GET.
    pub async fn get(&self, path: &str) -> anyhow::Result<Reply> {
        self.send(Method::GET, path, &[], Bytes::new()).await
    }

    /// POST with these headers.
    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> anyhow::Result<Reply> {
        self.send(Method::POST, path, headers, body.into()).await
    }

    /// PUT.
    pub async fn put(&self, path: &str, body: impl Into<Bytes>) -> anyhow::Result<Reply> {
        self.send(Method::PUT, path, &[], body.into()).await
    }

    /// Any method, by its name.
    pub async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> anyhow::Result<Reply> {
        self.send(method.parse()?, path, headers, body.into()).await
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Bytes) -> anyhow::Result<Reply> {
        let mut request =
            Request::builder().method(method).uri(format!("{}{path}", self.base)).body(Full::new(body))?;
        for (name, value) in headers {
            request.headers_mut().insert(name.parse::<HeaderName>()?, value.parse::<HeaderValue>()?);
        }
        if let Some(key) = &self.key {
            request.headers_mut().insert("authorization", format!("Bearer {key}").parse()?);
        }
        let exchange = async {
            let response = self.client.request(request).await?;
            let (head, body) = response.into_parts();
            let body =
                body.collect().await.with_context(|| format!("HTTP {}, then the body broke off", head.status))?;
            Ok(Reply { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes() })
        };
        tokio::time::timeout(ANSWER_WITHIN, exchange)
            .await
            .map_err(|_| anyhow!("no answer within {ANSWER_WITHIN:?}"))?
    }
}

impl Reply {
    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|cause| panic!("{cause}: {}", self.text()))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
