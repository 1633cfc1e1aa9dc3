//! Log lines as they arrive, for a thousand who follow them: from the acknowledgement of a request to its lines at each of them.
//!
//! Those who follow and who sends are this process, on the server's cores: times are above those of a server that has its own.

mod follower;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use http::Uri;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use rustix::process::{Resource as Limited, Rlimit, getrlimit, setrlimit};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};
use tonic::transport::Endpoint;

use self::follower::{Heard, follow};
use super::Measure;
use super::api::Client;
use super::history::again;
use super::process::{Server, Settings};
use super::queries::millis;
use crate::load::{Latencies, Protocol, processor_time};

const FOLLOWERS: usize = 1000;
/// A connection of each who follows, and what else a process has open. The server's limit is that of this process.
const OPEN_FILES: u64 = FOLLOWERS as u64 + 500;
/// So many that what is measured is the work, and not the limit of one address.
const PER_MINUTE: u32 = 10_000_000;
const LINES: usize = 50;
/// What is still on its way gets so long after the last request.
const LAST_LINES: Duration = Duration::from_secs(3);
const ERROR: i32 = 17;

/// Who follows what, of how much.
#[derive(Debug, Clone, Copy)]
struct Case {
    name: &'static str,
    filter: FilterOf,
    requests_per_second: u32,
    /// Lines of a request that each of those who follow wants.
    wanted: usize,
}

/// A person is told 500 lines a second at most, so of many lines they want some.
const LOADS: [(u32, usize); 2] = [(1, LINES), (20, LINES / 10)];
/// The filter of a follower, by its number.
type FilterOf = fn(usize) -> String;

const FILTERS: [(&str, FilterOf); 2] = [
    ("share ten filters", |number| format!("text=refused&severity={}", 1 + number % 10)),
    ("a filter of its own each", |number| format!("text=refused%20-word{number}")),
];

/// What one case came to.
struct Outcome {
    sent: usize,
    acknowledged: Vec<Instant>,
    heard: Vec<Heard>,
    /// Processor time for each second.
    server_cores: f64,
    our_cores: f64,
}

pub(crate) async fn print(measure: &Measure) -> anyhow::Result<()> {
    allow_open_files(OPEN_FILES)?;
    println!(
        "\n| {FOLLOWERS} follow | lines/s, {LINES} a request | told each lines/s | p50 ms | p99 ms | max ms | told | left out or missed | server CPU-s | cores | cores of those who follow |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (requests_per_second, wanted) in LOADS {
        for (name, filter) in FILTERS {
            let case = Case { name, filter, requests_per_second, wanted };
            print_row(case, &run(measure, case).await?, measure.seconds);
        }
    }
    Ok(())
}

fn print_row(case: Case, outcome: &Outcome, seconds: u64) {
    let told: u64 = outcome.heard.iter().map(|heard| heard.told).sum();
    let untold: u64 = outcome.heard.iter().map(|heard| heard.untold).sum();
    let wanted = outcome.sent * case.wanted * FOLLOWERS;
    let mut latencies = Latencies::default();
    for (request, at) in outcome.heard.iter().flat_map(|heard| &heard.requests) {
        // A line may be told before the acknowledgement has come back.
        let acknowledged = outcome.acknowledged.get(*request).copied().unwrap_or(*at);
        latencies.record(at.saturating_duration_since(acknowledged));
    }
    let [half, most, all] = latencies.quantiles([0.5, 0.99, 1.0]).map(millis);
    let per_second = case.requests_per_second as usize;
    println!(
        "| {} | {} | {} | {half:.1} | {most:.1} | {all:.1} | {told} of {wanted} | {untold} | {:.1} | {:.2} | {:.2} |",
        case.name,
        per_second * LINES,
        per_second * case.wanted,
        outcome.server_cores * seconds as f64,
        outcome.server_cores,
        outcome.our_cores,
    );
}

/// One case against a server of its own.
async fn run(measure: &Measure, case: Case) -> anyhow::Result<Outcome> {
    let data = tempfile::tempdir().context("no temporary directory")?;
    let mut settings = Settings::default();
    for limit in ["OBSERVATORY_HUB__REQUESTS_PER_MINUTE", "OBSERVATORY_HUB__TENANT_REQUESTS_PER_MINUTE"] {
        settings.environment.push((limit, PER_MINUTE.to_string()));
    }
    let server = Server::start(&measure.server()?, data.path(), &settings).await?;
    let mut followers = JoinSet::new();
    for number in 0..FOLLOWERS {
        let client = Client::new(server.api());
        let lines = client.follow(&format!("/api/v1/apm/logs/tail?{}", (case.filter)(number))).await?;
        followers.spawn(follow(lines));
    }
    let (server_before, ours_before, begun) = (server.processor_seconds()?, processor_time(), Instant::now());
    let count = usize::try_from(u64::from(case.requests_per_second) * measure.seconds)?;
    let acknowledged = send(server.endpoint(Protocol::Grpc), case, count).await?;
    let elapsed = begun.elapsed().as_secs_f64();
    let server_cores = (server.processor_seconds()? - server_before) / elapsed;
    let our_cores = (processor_time() - ours_before).as_secs_f64() / elapsed;
    sleep(LAST_LINES).await;
    // All answers end with the server.
    server.stop().await?;
    let heard = followers.join_all().await;
    Ok(Outcome { sent: count, acknowledged, heard, server_cores, our_cores })
}

/// Sends requests of a case at its pace, and tells when each was acknowledged.
async fn send(endpoint: Uri, case: Case, count: usize) -> anyhow::Result<Vec<Instant>> {
    let channel = Endpoint::from(endpoint).connect().await.context("the server does not answer")?;
    let mut client = LogsServiceClient::new(channel);
    let mut pace = interval(Duration::from_secs(1) / case.requests_per_second);
    let mut acknowledged = Vec::with_capacity(count);
    for number in 0..count {
        pace.tick().await;
        let request = request(number, case.wanted)?;
        again(async || client.export(request.clone()).await.map(drop)).await?;
        acknowledged.push(Instant::now());
    }
    // The last request has its time as the others have.
    pace.tick().await;
    Ok(acknowledged)
}

/// Lines of which the first are what everybody looks for.
fn request(number: usize, wanted: usize) -> anyhow::Result<ExportLogsServiceRequest> {
    let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?;
    let line = |line| {
        let end = if line < wanted { "refused" } else { "accepted" };
        LogRecord {
            time_unix_nano: now,
            observed_time_unix_nano: now,
            severity_number: ERROR,
            body: Some(value(&format!("request {number}, line {line}: connection to 10.0.0.1:5432 {end}"))),
            attributes: vec![text("http.route", "/cart"), text("shop.note", "as long as lines mostly are, or so")],
            ..LogRecord::default()
        }
    };
    let scope_logs = vec![ScopeLogs { log_records: (0..LINES).map(line).collect(), ..ScopeLogs::default() }];
    let resource = Some(Resource { attributes: vec![text("service.name", "cart")], ..Resource::default() });
    let resource_logs = vec![ResourceLogs { resource, scope_logs, ..ResourceLogs::default() }];
    Ok(ExportLogsServiceRequest { resource_logs })
}

fn text(key: &str, text: &str) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value(text)), ..KeyValue::default() }
}

fn value(text: &str) -> AnyValue {
    AnyValue { value: Some(Value::StringValue(text.to_owned())) }
}

/// Lets this process, and servers that it starts, have so many files open.
fn allow_open_files(wanted: u64) -> anyhow::Result<()> {
    let limit = getrlimit(Limited::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return Ok(());
    }
    let most = limit.maximum.unwrap_or(wanted);
    ensure!(most >= wanted, "a process may open {most} files, {wanted} are needed: ulimit -Hn {wanted}");
    setrlimit(Limited::Nofile, Rlimit { current: Some(wanted), ..limit })
        .context("cannot raise the limit of open files")
}
