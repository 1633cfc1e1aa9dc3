//! Sends calls byte for byte as a case wants them and brings back what came, or why nothing did.
//! Nothing is added behind the case's back but the target's own headers.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow, ensure};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, Uri, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::answer::Answer;
use super::call::{Call, Version};
use super::cases::Shared;
use super::sample::Marker;
use super::target::{Port, Signal, Target, Transport};

/// Longer than any receiver may think about a request.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// What is read of an answer before it counts as endless.
const ANSWER_BYTES_MAX: usize = 64 << 20;

pub(crate) type Body = BoxBody<Bytes, Infallible>;

/// The target and what the cases of one run share; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Client(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    target: Target,
    run: u32,
    next_marker: AtomicU64,
    shared: Shared,
}

impl Client {
    pub(crate) fn new(target: &Target) -> anyhow::Result<Self> {
        target.check()?;
        let inner = Inner {
            target: target.clone(),
            run: rand::random(),
            next_marker: AtomicU64::new(0),
            shared: Shared::default(),
        };
        Ok(Self(Arc::new(inner)))
    }

    pub(crate) fn target(&self) -> &Target {
        &self.0.target
    }

    /// What is too expensive to do once for each row.
    pub(crate) fn shared(&self) -> &Shared {
        &self.0.shared
    }

    /// The seed of everything random in this run.
    pub(crate) fn seed(&self) -> u64 {
        u64::from(self.0.run)
    }

    /// A name under which a case finds its own rows and nobody else's.
    pub(crate) fn marker(&self) -> Marker {
        let number = self.0.next_marker.fetch_add(1, Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Marker::new(self.0.run, number, u64::try_from(now.as_nanos()).unwrap_or(u64::MAX))
    }

    /// Sends on a connection of its own.
    pub(crate) async fn send(&self, call: &Call) -> Answer {
        match self.connect(call.port, call.version).await {
            Ok(mut connection) => connection.send(call).await,
            Err(error) => lost(call, Duration::ZERO, &error),
        }
    }

    pub(crate) async fn connect(&self, port: Port, version: Version) -> anyhow::Result<Connection> {
        let uri = self.target().endpoint(port).with_context(|| format!("the target has no {port:?} endpoint"))?;
        Connection::open(uri, self.target().headers.clone(), version).await
    }

    /// Rows of an SQL query as text: cells by `|`, rows by line; `None` without an SQL endpoint.
    pub(crate) async fn sql(&self, text: &str) -> anyhow::Result<Option<String>> {
        let Some(uri) = &self.target().sql else {
            return Ok(None);
        };
        let mut connection = Connection::open(uri, self.target().headers.clone(), Version::One).await?;
        // The endpoint's own path, not one below it.
        connection.prefix.clear();
        let call = Call::export(Transport::Json, Signal::Traces, json!({ "sql": text, "params": [] }).to_string())
            .at(uri.path());
        let answer = connection.send(&call).await;
        ensure!(answer.is_success(), "{text}: {answer}");
        let answer: Value =
            serde_json::from_slice(&answer.body).with_context(|| format!("{text}: the answer is not JSON"))?;
        let rows = answer["rows"].as_array().with_context(|| format!("{text}: the answer has no rows"))?;
        Ok(Some(rows.iter().map(row_text).collect::<Vec<_>>().join("\n")))
    }

    /// How many rows of a signal carry the marker; `None` without an SQL endpoint.
    pub(crate) async fn count(&self, signal: Signal, marker: &Marker) -> anyhow::Result<Option<u64>> {
        let mut total = 0;
        for table in signal.tables() {
            let text = format!("select count(*) from {table} where service_name = '{}'", marker.service);
            let Some(count) = self.sql(&text).await? else {
                return Ok(None);
            };
            total += count.parse::<u64>().with_context(|| format!("{text}: {count}"))?;
        }
        Ok(Some(total))
    }
}

fn row_text(row: &Value) -> String {
    let cells = row.as_array().map(Vec::as_slice).unwrap_or_default();
    let texts = cells.iter().map(|cell| cell.as_str().map_or_else(|| cell.to_string(), str::to_owned));
    texts.collect::<Vec<_>>().join("|")
}

/// One connection, for cases that care which.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: Sender,
    authority: String,
    prefix: String,
    headers: HeaderMap,
    // Kept so that the connection lives as long as somebody may send on it.
    driver: Arc<Driver>,
}

#[derive(Debug)]
enum Sender {
    One(http1::SendRequest<Body>),
    Two(http2::SendRequest<Body>),
}

#[derive(Debug)]
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Connection {
    async fn open(uri: &Uri, headers: HeaderMap, version: Version) -> anyhow::Result<Self> {
        let host = uri.host().context("the address has no host")?;
        let port = uri.port_u16().unwrap_or(80);
        let stream = timeout(CONNECT_WITHIN, TcpStream::connect((host.trim_matches(['[', ']']), port))).await;
        let stream = stream
            .map_err(|_| anyhow!("{uri} does not take the connection"))?
            .with_context(|| format!("connecting to {uri}"))?;
        stream.set_nodelay(true)?;
        let (sender, driver) = shake_hands(TokioIo::new(stream), version).await?;
        let prefix = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { sender, authority: format!("{host}:{port}"), prefix, headers, driver: Arc::new(driver) })
    }

    /// Another sender on the same HTTP/2 connection; `None` on HTTP/1.1, which takes one call after the other.
    pub(crate) fn fork(&self) -> Option<Self> {
        let Sender::Two(sender) = &self.sender else {
            return None;
        };
        Some(Self {
            sender: Sender::Two(sender.clone()),
            authority: self.authority.clone(),
            prefix: self.prefix.clone(),
            headers: self.headers.clone(),
            driver: Arc::clone(&self.driver),
        })
    }

    pub(crate) async fn send(&mut self, call: &Call) -> Answer {
        self.send_body(call, Full::new(call.wire_body()).boxed()).await
    }

    /// Sends with another body than the call's own, such as one that comes in pieces.
    pub(crate) async fn send_body(&mut self, call: &Call, body: Body) -> Answer {
        let began = Instant::now();
        let exchange = async {
            let request = self.request(call, body)?;
            let response = match &mut self.sender {
                Sender::One(sender) => {
                    sender.ready().await?;
                    sender.send_request(request).await?
                }
                Sender::Two(sender) => {
                    sender.ready().await?;
                    sender.send_request(request).await?
                }
            };
            read(call, began, response).await
        };
        match timeout(ANSWER_WITHIN, exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => lost(call, began.elapsed(), &error),
            Err(_) => lost(call, began.elapsed(), &anyhow!("nothing came within {ANSWER_WITHIN:?}")),
        }
    }

    fn request(&self, call: &Call, body: Body) -> anyhow::Result<Request<Body>> {
        let prefix = if call.transport == Transport::Grpc { "" } else { &self.prefix };
        let path = format!("{prefix}{}", call.path);
        let (uri, host) = match self.sender {
            Sender::One(_) => (path, Some(self.authority.as_str())),
            Sender::Two(_) => (format!("http://{}{path}", self.authority), None),
        };
        let mut request = Request::builder().method(call.method.clone()).uri(uri).body(body)?;
        if !call.anonymous {
            request.headers_mut().extend(self.headers.clone());
        }
        request.headers_mut().extend(call.headers.clone());
        if let Some(host) = host {
            request.headers_mut().insert(header::HOST, host.parse()?);
        }
        Ok(request)
    }
}

async fn shake_hands(stream: TokioIo<TcpStream>, version: Version) -> anyhow::Result<(Sender, Driver)> {
    // How a connection ended is told by the calls on it.
    match version {
        Version::One => {
            let (sender, connection) = http1::handshake(stream).await?;
            let driver = tokio::spawn(async move { drop(connection.await) });
            Ok((Sender::One(sender), Driver(driver)))
        }
        Version::Two => {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
            let driver = tokio::spawn(async move { drop(connection.await) });
            Ok((Sender::Two(sender), Driver(driver)))
        }
    }
}

async fn read(call: &Call, began: Instant, response: Response<Incoming>) -> anyhow::Result<Answer> {
    let (head, body) = response.into_parts();
    let body = Limited::new(body, ANSWER_BYTES_MAX)
        .collect()
        .await
        .map_err(|error| anyhow!("HTTP {}, then {error}", head.status))?;
    let trailers = body.trailers().cloned().unwrap_or_default();
    Ok(Answer {
        transport: call.transport,
        signal: call.signal,
        status: head.status.as_u16(),
        headers: head.headers,
        body: body.to_bytes(),
        trailers,
        took: began.elapsed(),
        lost: None,
    })
}

fn lost(call: &Call, took: Duration, error: &anyhow::Error) -> Answer {
    Answer {
        transport: call.transport,
        signal: call.signal,
        status: 0,
        headers: HeaderMap::new(),
        body: Bytes::new(),
        trailers: HeaderMap::new(),
        took,
        lost: Some(format!("{error:#}")),
    }
}
