//! Load for a while, with questions all the time: every answer counts exactly.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::join_all;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use testkit::{Http, Protocol, Server, Setup, Skip, attribute, logs, record};

use crate::observatory;

const CLIENTS: usize = 4;
const ROWS: u64 = 1000;
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(10);
const COUNT: &str = "select count(*) from logs where service_name = 'shop'";

/// Seconds of load; `OBSERVATORY_SOAK_SECONDS` asks for more than the ordinary suite.
fn duration() -> Duration {
    let seconds = std::env::var("OBSERVATORY_SOAK_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(10))
}

/// What all clients have done so far, in rows.
#[derive(Debug, Default)]
struct Tally {
    sent: AtomicU64,
    acknowledged: AtomicU64,
    refused: AtomicU64,
    is_over: AtomicBool,
}

/// Sends the same request again and again, as fast as it is answered.
async fn send(http: Http, body: Bytes, tally: Arc<Tally>) {
    while !tally.is_over.load(Ordering::SeqCst) {
        tally.sent.fetch_add(ROWS, Ordering::SeqCst);
        let reply = http.post("/v1/logs", &[("content-type", "application/x-protobuf")], body.clone()).await;
        let reply = reply.expect("an answer");
        if reply.status == 200 {
            tally.acknowledged.fetch_add(ROWS, Ordering::SeqCst);
            continue;
        }
        assert_eq!(reply.status, 503, "{}", reply.text());
        tally.refused.fetch_add(ROWS, Ordering::SeqCst);
        let delay = reply.header("retry-after").and_then(|seconds| seconds.parse().ok()).expect("a delay");
        tokio::time::sleep(Duration::from_secs(delay)).await;
    }
}

fn body() -> Bytes {
    let line = |number| {
        let order = attribute("order.id", Value::IntValue(number));
        record(
            &format!("order {number} was paid by card after {} ms and left the warehouse the same day", number % 977),
            vec![order],
        )
    };
    logs("shop", (0..ROWS as i64).map(line)).encode()
}

/// Loads the server and asks it for the number of rows until time is over; gives back the clients' tally.
async fn soak(server: &Server, duration: Duration) -> Tally {
    let tally = Arc::new(Tally::default());
    let body = body();
    let clients = (0..CLIENTS).map(|_| tokio::spawn(send(server.otlp_http(), body.clone(), Arc::clone(&tally))));
    let clients: Vec<_> = clients.collect();
    let (began, mut questions, mut before) = (Instant::now(), 0, 0);
    while began.elapsed() < duration {
        let least = tally.acknowledged.load(Ordering::SeqCst);
        let count = server.sql(COUNT).await.number();
        let refused = tally.refused.load(Ordering::SeqCst);
        let most = tally.sent.load(Ordering::SeqCst) - refused;

        assert!(
            least <= count && count <= most,
            "{count} rows, {least} were acknowledged before and {most} sent after"
        );
        assert!(count >= before && count % ROWS == 0, "{count} rows after {before}, in requests of {ROWS}");
        before = count;
        questions += 1;
        tokio::time::sleep(BETWEEN_QUESTIONS).await;
    }
    tally.is_over.store(true, Ordering::SeqCst);
    join_all(clients).await.into_iter().for_each(|client| client.expect("a client does not panic"));
    let tally = Arc::into_inner(tally).expect("all clients have ended");
    println!(
        "{tally:?}, {questions} questions in {:?}, {} Parquet files",
        began.elapsed(),
        server.parquet_files().len()
    );
    tally
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_full_load_every_count_is_exact() {
    // Rows move to Parquet all the time.
    let setup = observatory().env("OBSERVATORY_PLANE__SEGMENT_BYTES", 8 << 20);
    let server = setup.start().await.expect("a server");

    let tally = soak(&server, duration()).await;

    let acknowledged = tally.acknowledged.into_inner();
    assert_eq!(server.sql(COUNT).await.number(), acknowledged);
    server.stop().await;
    let server = setup.start().await.expect("a server");
    assert_eq!(server.sql(COUNT).await.number(), acknowledged, "after a restart");
}

/// A limit on the memory of a process and of the files it has in the page cache; taken away when dropped.
#[derive(Debug)]
struct MemoryLimit(PathBuf);

impl MemoryLimit {
    /// By the first version of control groups or by the second, whichever the machine has.
    fn of(server: &Server, bytes: u64) -> Result<Self, Skip> {
        let name = format!("observatory-test-{}", server.pid());
        let versions = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")];
        let put = |root: &str, limit: &str| -> std::io::Result<Self> {
            let group = Self(Path::new(root).join(&name));
            fs::create_dir(&group.0)?;
            fs::write(group.0.join(limit), bytes.to_string())?;
            fs::write(group.0.join("cgroup.procs"), server.pid().to_string())?;
            Ok(group)
        };
        let put = versions.into_iter().map(|(root, limit)| put(root, limit)).find_map(Result::ok);
        put.ok_or_else(|| Skip::not_allowed("a memory limit needs control groups that this user may make"))
    }
}

impl Drop for MemoryLimit {
    fn drop(&mut self) {
        // Only an empty group can go: the server has ended by now, or the group goes with the machine.
        let _ = fs::remove_dir(&self.0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_a_memory_limit_it_refuses_for_a_while_and_lives() {
    const LIMIT: u64 = 384 << 20;
    const LOAD: Duration = Duration::from_secs(10);
    let setup: Setup = observatory()
        .env("OBSERVATORY_PLANE__MEMORY_BYTES_MAX", 64 << 20)
        .env("OBSERVATORY_PLANE__SEGMENT_BYTES", 16 << 20)
        .env("OBSERVATORY_QUERY__MEMORY_BYTES_MAX", 32 << 20)
        .env("OBSERVATORY_QUERY__CONCURRENT_MAX", 2);
    let server = setup.start().await.expect("a server");
    let limit = match MemoryLimit::of(&server, LIMIT) {
        Ok(limit) => limit,
        Err(skip) => return skip.tell(),
    };

    let tally = soak(&server, LOAD).await;

    assert_eq!(server.sql(COUNT).await.number(), tally.acknowledged.into_inner());
    server.client(Protocol::Grpc).deliver(&logs("shop", [record("still here", vec![])])).await;
    server.stop().await;
    drop(limit);
}
