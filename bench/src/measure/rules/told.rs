//! From a failed request to the call of a webhook: what the rule, the gathering and the delivery take together.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout_at};

use super::requests::Sender;
use super::{start, until};
use crate::load::{Latencies, Protocol};
use crate::measure::Measure;
use crate::measure::process::Server;
use crate::measure::queries::millis;

const ROUNDS: usize = 200;
/// No part of the second between two evaluations, so that requests fail at all times of it.
const EVERY: Duration = Duration::from_millis(370);
/// What is still on its way gets so long after the last round.
const LAST_CALLS: Duration = Duration::from_secs(30);
/// Calls that are not looked at yet: two of each round, and more than there can be.
const UNREAD_MAX: usize = 4 * ROUNDS;

/// Each service is an alert of its own.
const RULE: &str = "- {name: Requests fail, condition: error_count > 0, over: 10s, interval: 1s, severity: critical, incident: none}\n";

/// A service that somebody was told of, and when.
type Told = (String, Instant);

pub(super) async fn print(measure: &Measure) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let receiver = listener.local_addr()?;
    let (told, calls) = mpsc::channel(UNREAD_MAX);
    let (latencies, seen) = tokio::select! {
        failed = receive(listener, told) => bail!("the webhook cannot be called: {failed:#}"),
        outcome = rounds(measure, receiver, calls) => outcome?,
    };
    println!("\n| a request fails, and a webhook is called; rule every 1 s, {ROUNDS} rounds | |\n| --- | ---: |");
    println!("| told | {seen} |");
    let [half, most, all] = latencies.quantiles([0.5, 0.99, 1.0]).map(millis);
    println!("| p50 ms | {half:.0} |\n| p99 ms | {most:.0} |\n| max ms | {all:.0} |");
    Ok(())
}

/// Lets a service fail in each round; gives how long after the acknowledgement somebody was told, and of how many.
async fn rounds(
    measure: &Measure,
    receiver: SocketAddr,
    mut calls: mpsc::Receiver<Told>,
) -> anyhow::Result<(Latencies, usize)> {
    let (data, directory) = (tempfile::tempdir()?, tempfile::tempdir()?);
    fs::write(directory.path().join("notifications.yaml"), notifications(receiver))?;
    fs::create_dir(directory.path().join("rules"))?;
    fs::write(directory.path().join("rules/rounds.yaml"), RULE)?;
    let networks = ("OBSERVATORY_OUTGOING__ALLOW_NETWORKS", "[\"127.0.0.0/8\"]".to_owned());
    let server = start(measure, data.path(), directory.path(), vec![networks]).await?;
    until(&server, "select count(*) from alerting.rules", 1).await?;
    let acknowledged = fail(&server).await?;
    let told = all_told(&mut calls).await;
    let mut latencies = Latencies::default();
    for (service, at) in &told {
        if let Some(acknowledged) = acknowledged.get(service) {
            latencies.record(at.saturating_duration_since(*acknowledged));
        }
    }
    server.stop().await?;
    Ok((latencies, told.len()))
}

/// One service after the other fails once; gives when each request was acknowledged.
async fn fail(server: &Server) -> anyhow::Result<HashMap<String, Instant>> {
    let mut sender = Sender::connect(server.endpoint(Protocol::Grpc)).await?;
    let (mut pace, mut acknowledged) = (interval(EVERY), HashMap::new());
    for round in 0..ROUNDS {
        pace.tick().await;
        let service = format!("round-{round}");
        sender.send_failed(&service).await?;
        acknowledged.insert(service, Instant::now());
    }
    Ok(acknowledged)
}

/// When somebody was told first of each service, once it is all of them or late.
async fn all_told(calls: &mut mpsc::Receiver<Told>) -> HashMap<String, Instant> {
    let (deadline, mut told) = (tokio::time::Instant::now() + LAST_CALLS, HashMap::new());
    while told.len() < ROUNDS {
        let Ok(Some((service, at))) = timeout_at(deadline, calls.recv()).await else { break };
        told.entry(service).or_insert(at);
    }
    told
}

fn notifications(receiver: SocketAddr) -> String {
    format!(
        "channels:\n  - name: bench\n    default: true\n    rate_per_minute: 100000\n    webhook: {{url: \"http://{receiver}/\"}}\n"
    )
}

/// Takes calls of the webhook until it cannot.
async fn receive(listener: TcpListener, told: mpsc::Sender<Told>) -> anyhow::Error {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(connections.spawn(serve(stream, told.clone()))),
            Err(error) => return error.into(),
        }
    }
}

async fn serve(stream: TcpStream, told: mpsc::Sender<Told>) {
    let service = service_fn(|request: Request<Incoming>| {
        let told = told.clone();
        async move {
            let at = Instant::now();
            let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            for service in firing(&body).unwrap_or_default() {
                // Who counts has seen enough when it is gone.
                let _ = told.send((service, at)).await;
            }
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        }
    });
    // A connection that breaks is the server's to try again.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// The services of which a message says that they fail.
fn firing(body: &[u8]) -> anyhow::Result<Vec<String>> {
    let message: Value = serde_json::from_slice(body)?;
    let items = message["items"].as_array().context("a message has items")?;
    let firing = items.iter().filter(|item| item["kind"] == "alert_firing");
    Ok(firing.filter_map(|item| item["labels"]["service"].as_str().map(str::to_owned)).collect())
}
