//! A receiver that speaks HTTP: it keeps what it is sent, and answers as told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::timeout;

/// Whoever is waited for comes within so long.
const WITHIN: Duration = Duration::from_secs(20);

/// What was sent.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// How a call is answered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Status(u16),
    RetryAfter(u16, u64),
    /// Not at all.
    Never,
}

#[derive(Debug, Default)]
struct State {
    received: Mutex<Vec<Received>>,
    answers: Mutex<VecDeque<Answer>>,
    always: Mutex<Option<Answer>>,
    came: Notify,
}

/// The receiver; it ends with the test.
#[derive(Clone, Debug)]
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    state: Arc<State>,
}

impl Receiver {
    pub(super) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let (address, state) = (listener.local_addr().expect("an address"), Arc::new(State::default()));
        let shared = Arc::clone(&state);
        let routes = Router::new().fallback(move |request: Request| answer(Arc::clone(&shared), request));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { address, state }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next calls are answered so, each with one of these; all others with 200.
    pub(super) fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        self.state.answers.lock().extend(answers);
    }

    /// All calls are answered so, until it is said otherwise.
    pub(super) fn always(&self, answer: Option<Answer>) {
        *self.state.always.lock() = answer;
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.state.received.lock().clone()
    }

    /// Bodies as JSON.
    pub(super) fn json(&self) -> Vec<Value> {
        self.received().iter().map(|received| serde_json::from_slice(&received.body).expect("JSON")).collect()
    }

    /// Waits until so many calls have come.
    pub(super) async fn has_come(&self, calls: usize) {
        let come = async {
            while self.state.received.lock().len() < calls {
                self.state.came.notified().await;
            }
        };
        timeout(WITHIN, come).await.unwrap_or_else(|_| panic!("{calls} calls did not come within {WITHIN:?}"));
    }
}

async fn answer(state: Arc<State>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.expect("a body");
    state.received.lock().push(Received { path: parts.uri.path().to_owned(), headers: parts.headers, body });
    state.came.notify_one();
    let next = state.answers.lock().pop_front();
    let always = *state.always.lock();
    match next.or(always).unwrap_or(Answer::Status(200)) {
        Answer::Status(status) => (StatusCode::from_u16(status).expect("a status"), "said so").into_response(),
        Answer::RetryAfter(status, seconds) => {
            let status = StatusCode::from_u16(status).expect("a status");
            (status, [("retry-after", seconds.to_string())]).into_response()
        }
        Answer::Never => std::future::pending().await,
    }
}
