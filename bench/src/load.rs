//! Loads an OTLP endpoint with requests made beforehand, so that what is measured is the endpoint.
//! A refused request is counted by its code and never repeated.

mod bodies;
mod connection;
mod latencies;
mod report;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use http::{HeaderName, HeaderValue, Uri};
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use self::bodies::Body;
use self::connection::{Connection, Target};
pub(crate) use self::latencies::Latencies;
pub use self::report::Report;
use self::report::Tally;
pub use crate::demo::Protocol;
use crate::demo::{parse_duration, parse_header};

const CONCURRENCY_MAX: usize = 4_096;
const BODIES_MAX: usize = 10_000;
const ITEMS_MAX: usize = 100_000;

/// What to send, how fast and for how long.
#[derive(Debug, Clone, clap::Args)]
pub struct Load {
    /// The OTLP endpoint; plain http only
    #[arg(long, default_value = "http://127.0.0.1:4317")]
    pub endpoint: Uri,
    /// How requests travel
    #[arg(long, value_enum, default_value_t = Protocol::Grpc)]
    pub protocol: Protocol,
    /// What is in them
    #[arg(long, value_enum, default_value_t = Signal::Spans)]
    pub signal: Signal,
    /// Spans, log records or points in a request
    #[arg(long, default_value_t = 512)]
    pub items_per_request: usize,
    /// Distinct requests made beforehand; ids and times are new in each sending
    #[arg(long, default_value_t = 64)]
    pub bodies: usize,
    /// Requests under way at the same time
    #[arg(long, default_value_t = 8)]
    pub concurrency: usize,
    /// Connections the gRPC requests share; with HTTP each request under way has its own
    #[arg(long, default_value_t = 2)]
    pub connections: usize,
    /// Requests per second; latency then counts from when a request was due [default: as fast as answers come]
    #[arg(long)]
    pub rate: Option<f64>,
    /// How long to send
    #[arg(long, default_value = "10s", value_parser = parse_duration)]
    pub duration: Duration,
    /// Stop after this many requests, if that is sooner
    #[arg(long)]
    pub requests: Option<u64>,
    /// A header for every request, as name=value; may be repeated
    #[arg(long = "header", value_parser = parse_header)]
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The same seed makes the same requests
    #[arg(long, default_value_t = 42)]
    pub seed: u64,
}

/// What a load consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Signal {
    /// Spans of the simulated shop with ten attributes each.
    Spans,
    /// Log records of the simulated shop with bodies of about 300 bytes.
    Logs,
    /// Number points, half gauges and half sums.
    Points,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            endpoint: Uri::from_static("http://127.0.0.1:4317"),
            protocol: Protocol::Grpc,
            signal: Signal::Spans,
            items_per_request: 512,
            bodies: 64,
            concurrency: 8,
            connections: 2,
            rate: None,
            duration: Duration::from_secs(10),
            requests: None,
            headers: Vec::new(),
            seed: 42,
        }
    }
}

impl Load {
    fn check(&self) -> anyhow::Result<()> {
        ensure!(self.endpoint.scheme_str() == Some("http"), "endpoint {} does not begin with http://", self.endpoint);
        ensure!((1..=ITEMS_MAX).contains(&self.items_per_request), "items per request must be 1 to {ITEMS_MAX}");
        ensure!((1..=BODIES_MAX).contains(&self.bodies), "bodies must be 1 to {BODIES_MAX}");
        ensure!((1..=CONCURRENCY_MAX).contains(&self.concurrency), "concurrency must be 1 to {CONCURRENCY_MAX}");
        ensure!((1..=self.concurrency).contains(&self.connections), "connections must be 1 to the concurrency");
        ensure!(self.rate.is_none_or(|rate| rate > 0.0 && rate.is_finite()), "the rate must be above zero");
        Ok(())
    }
}

/// Makes the requests, sends them as configured and says how it went.
/// Fails when the load makes no sense or the endpoint cannot be reached at the start.
pub async fn run(load: &Load) -> anyhow::Result<Report> {
    run_until(load, Arc::default()).await
}

/// The same, and sends no more once `is_over` is set; what is under way then is still waited for.
pub async fn run_until(load: &Load, is_over: Arc<AtomicBool>) -> anyhow::Result<Report> {
    load.check()?;
    let (signal, bodies, items, seed) = (load.signal, load.bodies, load.items_per_request, load.seed);
    let bodies = tokio::task::spawn_blocking(move || bodies::prepare(signal, bodies, items, seed));
    let bodies = bodies.await.context("cannot make the requests")?;
    let target = Arc::new(Target::new(load)?);
    let connections = target.connect_all(load).await?;

    let processor_time_before = processor_time();
    let schedule = Arc::new(Schedule::start(load, bodies, is_over));
    let mut workers = JoinSet::new();
    for connection in connections {
        workers.spawn(work(connection, Arc::clone(&schedule)));
    }
    let mut tally = Tally::default();
    while let Some(worker) = workers.join_next().await {
        tally.add(worker.context("a worker of the load panicked")?);
    }
    let processor_time = processor_time().saturating_sub(processor_time_before);
    Ok(tally.report(schedule.started.elapsed(), processor_time))
}

/// Request bodies as a load sends them, for measuring without a server.
pub fn sample_bodies(signal: Signal, bodies: usize, items: usize) -> Vec<bytes::Bytes> {
    bodies::prepare(signal, bodies, items, Load::default().seed).into_iter().map(Body::into_bytes).collect()
}

/// Which request is sent when; shared by all workers.
struct Schedule {
    started: Instant,
    duration: Duration,
    requests_max: u64,
    rate: Option<f64>,
    seed: u64,
    bodies: Vec<Body>,
    turns: AtomicU64,
    is_over: Arc<AtomicBool>,
}

impl Schedule {
    fn start(load: &Load, bodies: Vec<Body>, is_over: Arc<AtomicBool>) -> Self {
        Self {
            started: Instant::now(),
            duration: load.duration,
            requests_max: load.requests.unwrap_or(u64::MAX),
            rate: load.rate,
            seed: load.seed,
            bodies,
            turns: AtomicU64::new(0),
            is_over,
        }
    }

    /// The next request, and when it is due; nothing when the load is over.
    fn next_turn(&self) -> Option<(u64, Instant)> {
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        let due = match self.rate {
            Some(rate) => self.started + Duration::from_secs_f64(turn as f64 / rate),
            None => Instant::now(),
        };
        let is_enough = turn >= self.requests_max || due.duration_since(self.started) >= self.duration;
        (!is_enough && !self.is_over.load(Ordering::Relaxed)).then_some((turn, due))
    }
}

async fn work(mut connection: Connection, schedule: Arc<Schedule>) -> Tally {
    let mut tally = Tally::default();
    while let Some((turn, due)) = schedule.next_turn() {
        let is_late = due <= Instant::now();
        sleep_until(due.into()).await;
        let (round, place) = (turn / schedule.bodies.len() as u64, turn as usize % schedule.bodies.len());
        let body = &schedule.bodies[place];
        // Requests of a round keep their ids in common: a call and its answer come from different processes.
        let fresh = body.fresh(unix_nanos(), mix(schedule.seed ^ round), connection.framing());
        // A late request counts from when it was due, or a slow endpoint would hide its own delays.
        let begun = if is_late && schedule.rate.is_some() { due } else { Instant::now() };
        let answer = connection.send(fresh).await;
        tally.record(body, answer, begun.elapsed());
    }
    tally
}

fn unix_nanos() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_nanos() as u64
}

/// Spreads a counter over all bits (splitmix64).
fn mix(counter: u64) -> u64 {
    let mixed = counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Time all processors have spent for this process.
pub(crate) fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}
