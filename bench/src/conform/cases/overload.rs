//! P4, R2, R4, R6 and C3: what a receiver says when it has too much to do, and when it is told to stop.
//! Overload is caused once for each transport; the rows look at the same answers.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use futures::SinkExt;
use futures::channel::mpsc;
use futures::future::join_all;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use rustix::process::{Pid, Signal as ProcessSignal, kill_process};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::super::answer::Answer;
use super::super::call::{Call, Version};
use super::super::client::Client;
use super::super::items;
use super::super::matrix::Level;
use super::super::sample::Export;
use super::super::target::{Port, Signal, Transport};
use super::super::trial::{Expected, Trial};
use super::{ALL, Case, HTTP};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "P4",
        level: Level::Must,
        on: ALL,
        promise: "never hides overload in a partial success",
        check: |trial| Box::pin(no_partial_overload(trial)),
    },
    Case {
        id: "R2",
        level: Level::Should,
        on: ALL,
        promise: "refuses for a while with retryable codes",
        check: |trial| Box::pin(retryable_overload(trial)),
    },
    Case {
        id: "R4",
        level: Level::Must,
        on: HTTP,
        promise: "answers no 5xx but 502, 503, 504",
        check: |trial| Box::pin(retryable_errors(trial)),
    },
    Case {
        id: "R6",
        level: Level::Ours,
        on: ALL,
        promise: "names a sensible delay, not the same for all clients",
        check: |trial| Box::pin(retry_delays(trial)),
    },
    Case {
        id: "C3",
        level: Level::Ours,
        on: ALL,
        promise: "answers what is in flight when told to stop, then refuses connections",
        check: |trial| Box::pin(graceful_stop(trial)),
    },
];

const CLIENTS: usize = 48;
const RECORDS: usize = 2_000;
const RECORD_BYTES: usize = 2_000;
const DELAY_MAX: Duration = Duration::from_secs(600);
/// From this many delays on, all the same are no accident.
const DELAYS_MIN: usize = 8;
const NOTHING_REFUSED: &str = "it took the whole load, so there was no refusal to look at";

/// For the receiver to have read the first half of a request, or to have seen the signal.
const SETTLE: Duration = Duration::from_millis(300);
const STOPPED_WITHIN: Duration = Duration::from_secs(60);

async fn overload(trial: &Trial) -> Vec<Answer> {
    let mut overloads = trial.client.shared().overloads.lock().await;
    if let Some(answers) = overloads.get(&trial.transport) {
        return answers.clone();
    }
    let marker = trial.client.marker();
    let records = (0..RECORDS).map(|number| items::record(&marker, &format!("{number:0RECORD_BYTES$}")));
    let export = Export::records(&marker, records.collect());
    let call = trial.call(Signal::Logs, export.encode(trial.transport));
    let answers = join_all((0..CLIENTS).map(|_| trial.send(&call))).await;
    overloads.insert(trial.transport, answers.clone());
    answers
}

fn sent() -> String {
    format!("one of {CLIENTS} requests at once, each of {RECORDS} records of {RECORD_BYTES} bytes")
}

async fn no_partial_overload(trial: &mut Trial) -> anyhow::Result<()> {
    for answer in overload(trial).await {
        trial.expect(Expected::FullSuccessOrRetry, sent(), &answer);
    }
    Ok(())
}

async fn retryable_overload(trial: &mut Trial) -> anyhow::Result<()> {
    let answers = overload(trial).await;
    let refused: Vec<_> = answers.iter().filter(|answer| !answer.is_success()).collect();
    if refused.is_empty() {
        trial.skip(NOTHING_REFUSED);
    }
    for answer in refused {
        trial.expect(Expected::FullSuccessOrRetry, sent(), answer);
        trial.expect_status_body(sent(), answer);
    }
    Ok(())
}

async fn retryable_errors(trial: &mut Trial) -> anyhow::Result<()> {
    let answers = overload(trial).await;
    let errors: Vec<_> = answers.iter().filter(|answer| answer.status >= 500).collect();
    if errors.is_empty() {
        trial.skip("it answered no 5xx to the load");
    }
    for answer in errors {
        trial.check(matches!(answer.status, 502..=504), sent(), "HTTP 502, 503 or 504", answer);
    }
    Ok(())
}

async fn retry_delays(trial: &mut Trial) -> anyhow::Result<()> {
    let answers = overload(trial).await;
    let refused: Vec<_> = answers.iter().filter(|answer| answer.is_retryable()).collect();
    if refused.is_empty() {
        trial.skip(NOTHING_REFUSED);
        return Ok(());
    }
    let delays: Vec<_> = refused.iter().map(|answer| answer.retry_delay()).collect();
    for (answer, delay) in refused.iter().zip(&delays) {
        let is_sensible = delay.is_some_and(|delay| delay > Duration::ZERO && delay <= DELAY_MAX);
        trial.check(is_sensible, sent(), format_args!("a delay of up to {DELAY_MAX:?}"), answer);
    }
    // Retry-After counts whole seconds, in which a spread cannot be seen.
    if trial.transport == Transport::Grpc && delays.len() >= DELAYS_MIN {
        let different: HashSet<_> = delays.iter().collect();
        trial.check(
            different.len() > 1,
            sent(),
            "delays that differ",
            format_args!("{} times {:?}", delays.len(), delays[0]),
        );
    }
    Ok(())
}

/// What happened to each request in flight, and to a new connection afterwards.
#[derive(Debug)]
pub(super) struct Stopped {
    in_flight: Vec<Answer>,
    still_open: Vec<Port>,
}

async fn graceful_stop(trial: &mut Trial) -> anyhow::Result<()> {
    let target = trial.client.target();
    let (true, Some(pid)) = (target.allow_stop, target.memory_pid) else {
        trial.skip("needs --allow-stop and --memory-pid");
        return Ok(());
    };
    let client = trial.client.clone();
    let stopped = client.shared().stop.get_or_try_init(|| stop(&client, pid)).await?;
    let transport = trial.transport;
    for answer in stopped.in_flight.iter().filter(|answer| answer.transport == transport) {
        trial.expect(Expected::FullSuccessOrRetry, format_args!("{} in flight at SIGTERM", answer.signal), answer);
    }
    let is_open = stopped.still_open.contains(&transport.port());
    trial.check(!is_open, "a connection after SIGTERM", format_args!("refused within {STOPPED_WITHIN:?}"), "accepted");
    Ok(())
}

async fn stop(client: &Client, pid: u32) -> anyhow::Result<Stopped> {
    let mut halves = Vec::new();
    for transport in Transport::ALL.into_iter().filter(|transport| client.target().endpoint(transport.port()).is_some())
    {
        for signal in Signal::ALL {
            halves.push(HalfSent::start(client, transport, signal).await?);
        }
    }
    sleep(SETTLE).await;
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("the process id is not one")?;
    kill_process(pid, ProcessSignal::TERM)?;
    sleep(SETTLE).await;
    let in_flight = join_all(halves.into_iter().map(HalfSent::finish)).await;
    let mut still_open = Vec::new();
    for port in [Port::Grpc, Port::Http] {
        if !is_closed(client, port).await {
            still_open.push(port);
        }
    }
    Ok(Stopped { in_flight: in_flight.into_iter().collect::<anyhow::Result<_>>()?, still_open })
}

/// A request whose second half is held back.
struct HalfSent {
    pieces: mpsc::Sender<Result<Frame<Bytes>, std::convert::Infallible>>,
    rest: Bytes,
    answer: JoinHandle<Answer>,
}

impl HalfSent {
    async fn start(client: &Client, transport: Transport, signal: Signal) -> anyhow::Result<Self> {
        let body = Export::sample(signal, &client.marker(), 2).encode(transport);
        let call = Call::export(transport, signal, body);
        let mut whole = call.wire_body();
        let rest = whole.split_off(whole.len() / 2);
        let (mut pieces, body) = mpsc::channel(2);
        pieces.send(Ok(Frame::data(whole))).await?;
        let mut connection = client.connect(call.port, call.version).await?;
        let answer = tokio::spawn(async move { connection.send_body(&call, StreamBody::new(body).boxed()).await });
        Ok(Self { pieces, rest, answer })
    }

    async fn finish(mut self) -> anyhow::Result<Answer> {
        // If the receiver has hung up, the answer says so.
        drop(self.pieces.send(Ok(Frame::data(self.rest))).await);
        drop(self.pieces);
        timeout(STOPPED_WITHIN, self.answer)
            .await
            .context("a request in flight got no answer")?
            .context("sending does not panic")
    }
}

async fn is_closed(client: &Client, port: Port) -> bool {
    let began = Instant::now();
    while began.elapsed() < STOPPED_WITHIN {
        if client.connect(port, Version::One).await.is_err() {
            return true;
        }
        sleep(SETTLE).await;
    }
    false
}
