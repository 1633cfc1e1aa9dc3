//! A client of the server's API.

use std::net::SocketAddr;

use anyhow::ensure;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// What the server said.
pub(super) type Answer = (StatusCode, Bytes);

/// A client with connections of its own, which stay open between its requests.
#[derive(Debug)]
pub(super) struct Client {
    connections: legacy::Client<HttpConnector, Full<Bytes>>,
    api: SocketAddr,
}

impl Client {
    pub(super) fn new(api: SocketAddr) -> Self {
        Self { connections: legacy::Client::builder(TokioExecutor::new()).build_http(), api }
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(Request::get(self.uri(path)).body(Full::default())?).await
    }

    /// An answer that goes on for as long as it is read.
    pub(super) async fn follow(&self, path: &str) -> anyhow::Result<Incoming> {
        let answer = self.connections.request(Request::get(self.uri(path)).body(Full::default())?).await?;
        ensure!(answer.status().is_success(), "{path}: {}", answer.status());
        Ok(answer.into_body())
    }

    /// Sends JSON, as the one whose access token it is.
    pub(super) async fn post(&self, path: &str, token: Option<&str>, body: &Value) -> anyhow::Result<Answer> {
        let mut request = Request::post(self.uri(path)).header(CONTENT_TYPE, "application/json");
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        self.send(request.body(Full::new(Bytes::from(body.to_string())))?).await
    }

    fn uri(&self, path: &str) -> String {
        format!("http://{}{path}", self.api)
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> anyhow::Result<Answer> {
        let answer = self.connections.request(request).await?;
        let status = answer.status();
        Ok((status, answer.into_body().collect().await?.to_bytes()))
    }
}
