//! Wrong passwords as fast as they are answered, and what those notice who send spans and ask for the server's health meanwhile.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use http::StatusCode;
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

use super::opened::{EMAIL, Opened, PASSWORD, sign_in};
use crate::load::{self, Latencies, Load, Protocol, Report};
use crate::measure::api::Client;
use crate::measure::queries::millis;
use crate::measure::{Measure, bodies};

const WRONG_PASSWORD: &str = "incorrect horse battery staple";
const SPANS_PER_SECOND: f64 = 20_000.0;
/// Small requests, so that there are many acknowledgements.
const SPANS_PER_REQUEST: usize = 100;
const PROBE_EVERY: Duration = Duration::from_millis(50);
/// Guessing goes on at least for so long, so that a hundredth of the probes is more than one.
const TIME_MIN: Duration = Duration::from_secs(30);
/// And at most for so long, however slow the answers are.
const TIME_MAX: Duration = Duration::from_secs(3600);
const ANSWER_TIME_MAX: Duration = Duration::from_secs(60);

/// Nobody, for comparison; fewer guesses at a time than may wait (`hub.passwords_waiting_max`), and more.
const GUESSERS: [Option<Guesser>; 4] = [
    None,
    Some(Guesser { name: "one e-mail, 16 connections", connections: 16, email: of_owner }),
    Some(Guesser { name: "many e-mails, 16 connections", connections: 16, email: of_nobody }),
    Some(Guesser { name: "many e-mails, 128 connections", connections: 128, email: of_nobody }),
];

/// Somebody who guesses passwords.
#[derive(Debug, Clone, Copy)]
struct Guesser {
    name: &'static str,
    /// Each has one guess under way.
    connections: usize,
    /// To whom the guess of this number is.
    email: fn(u64) -> String,
}

fn of_owner(_turn: u64) -> String {
    EMAIL.to_owned()
}

fn of_nobody(turn: u64) -> String {
    format!("nobody-{turn}@example.org")
}

/// What came of guessing.
#[derive(Debug, Default)]
struct Answered {
    /// By status, or by what broke.
    counts: BTreeMap<String, u64>,
    latencies: Latencies,
    elapsed: Duration,
}

/// What the server said of its health.
#[derive(Debug, Default)]
struct Probed {
    latencies: Latencies,
    /// Probes that were answered otherwise than with 200, or not at all.
    not_well: u64,
}

/// A load, and what was done beside it.
struct Outcome {
    guesses: Answered,
    probes: Probed,
    report: Report,
    /// What the owner's own password led to when the guessing was over.
    owner: StatusCode,
}

pub(super) async fn print(measure: &Measure) -> anyhow::Result<()> {
    println!(
        "\n| wrong passwords, beside {SPANS_PER_SECOND} spans/s | answers | answered | a second | p50 ms | p99 ms | /health p50 ms | p99 ms | not well | ack p50 ms | p99 ms | spans/s | refused | owner's password then |"
    );
    println!("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |");
    for guesser in GUESSERS {
        let name = guesser.map_or("none", |guesser| guesser.name);
        print_row(name, measure_beside(measure, guesser).await?);
    }
    Ok(())
}

fn print_row(name: &str, outcome: Outcome) {
    let Outcome { guesses, probes, report, owner } = outcome;
    let answers: Vec<String> = guesses.counts.iter().map(|(said, count)| format!("{count} × {said}")).collect();
    let answered: u64 = guesses.counts.values().sum();
    let a_second = answered as f64 / guesses.elapsed.as_secs_f64();
    let [guess_p50, guess_p99] = guesses.latencies.quantiles([0.5, 0.99]).map(millis);
    let [health_p50, health_p99] = probes.latencies.quantiles([0.5, 0.99]).map(millis);
    println!(
        "| {name} | {} | {answered} | {a_second:.0} | {guess_p50:.1} | {guess_p99:.1} | {health_p50:.1} | {health_p99:.1} | {} | {:.1} | {:.1} | {:.0} | {} | {owner} |",
        answers.join(", "),
        probes.not_well,
        millis(report.latency_p50),
        millis(report.latency_p99),
        report.items_per_second(),
        report.refusals.values().sum::<u64>()
    );
}

/// Sends spans to a server of its own and asks for its health for as long as somebody guesses.
async fn measure_beside(measure: &Measure, guesser: Option<Guesser>) -> anyhow::Result<Outcome> {
    let opened = Opened::start(measure, "nobody").await?;
    let api = opened.server.api();
    let load = Load {
        endpoint: opened.server.endpoint(Protocol::Grpc),
        items_per_request: SPANS_PER_REQUEST,
        bodies: bodies(SPANS_PER_REQUEST),
        rate: Some(SPANS_PER_SECOND / SPANS_PER_REQUEST as f64),
        duration: TIME_MAX,
        headers: vec![opened.header()?],
        ..Load::default()
    };
    let is_over = Arc::new(AtomicBool::new(false));
    let guessing = async {
        let guesses = match guesser {
            Some(guesser) => guess(guesser, api, measure.wrong_passwords).await?,
            None => guess_nothing().await,
        };
        is_over.store(true, Ordering::Relaxed);
        anyhow::Ok(guesses)
    };
    let loading = load::run_until(&load, Arc::clone(&is_over));
    let (guesses, report, probes) = tokio::try_join!(guessing, loading, probe(api, &is_over))?;
    let owner = sign_in(&Client::new(api), EMAIL, PASSWORD).await?;
    opened.server.stop().await?;
    Ok(Outcome { guesses, probes, report, owner })
}

async fn guess_nothing() -> Answered {
    sleep(TIME_MIN).await;
    Answered { elapsed: TIME_MIN, ..Answered::default() }
}

/// Which guess is next; shared by all connections.
struct Guesses {
    started: Instant,
    turns: AtomicU64,
    count_min: u64,
    email: fn(u64) -> String,
}

impl Guesses {
    fn next_turn(&self) -> Option<u64> {
        let (turn, elapsed) = (self.turns.fetch_add(1, Ordering::Relaxed), self.started.elapsed());
        let is_enough = turn >= self.count_min && elapsed >= TIME_MIN;
        (!is_enough && elapsed < TIME_MAX).then_some(turn)
    }
}

/// Guesses at least so many times.
async fn guess(guesser: Guesser, api: SocketAddr, count_min: u64) -> anyhow::Result<Answered> {
    let started = Instant::now();
    let guesses = Arc::new(Guesses { started, turns: AtomicU64::new(0), count_min, email: guesser.email });
    let mut connections = JoinSet::new();
    for _ in 0..guesser.connections {
        connections.spawn(guess_on_one(Client::new(api), Arc::clone(&guesses)));
    }
    let mut all = Answered::default();
    while let Some(answered) = connections.join_next().await {
        let Answered { counts, latencies, .. } = answered.context("somebody who guesses panicked")?;
        all.latencies.add(latencies);
        counts.into_iter().for_each(|(said, count)| *all.counts.entry(said).or_default() += count);
    }
    all.elapsed = started.elapsed();
    Ok(all)
}

async fn guess_on_one(client: Client, guesses: Arc<Guesses>) -> Answered {
    let mut answered = Answered::default();
    while let Some(turn) = guesses.next_turn() {
        let email = (guesses.email)(turn);
        let asked = Instant::now();
        let said = match timeout(ANSWER_TIME_MAX, sign_in(&client, &email, WRONG_PASSWORD)).await {
            Ok(Ok(status)) => status.as_str().to_owned(),
            Ok(Err(_)) => "broken".to_owned(),
            Err(_) => "no answer".to_owned(),
        };
        answered.latencies.record(asked.elapsed());
        *answered.counts.entry(said).or_default() += 1;
    }
    answered
}

/// Asks for the server's health until it is over, each time on a connection of its own, as a load balancer does.
async fn probe(api: SocketAddr, is_over: &AtomicBool) -> anyhow::Result<Probed> {
    let mut probed = Probed::default();
    let mut due = Instant::now();
    while !is_over.load(Ordering::Relaxed) {
        let is_late = due <= Instant::now();
        sleep_until(due.into()).await;
        // A late probe counts from when it was due, or a slow server would hide its own delays.
        let begun = if is_late { due } else { Instant::now() };
        let answer = timeout(ANSWER_TIME_MAX, Client::new(api).get("/health")).await;
        probed.latencies.record(begun.elapsed());
        let is_well = matches!(answer, Ok(Ok((StatusCode::OK, _))));
        probed.not_well += u64::from(!is_well);
        due += PROBE_EVERY;
    }
    Ok(probed)
}
