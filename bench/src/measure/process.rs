//! A server process of our own, and what it used.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use http::Uri;
use tempfile::NamedTempFile;

use super::api::Client;
use crate::demo::Protocol;

/// A start replays at most a log of some gigabytes.
const READY_SECONDS: u64 = 120;
const TICKS_PER_SECOND: f64 = 100.0;
/// Where `stat` of /proc has the time of a process, and of its children that have ended: fields behind the program's name.
const OWN: usize = 11;
const OF_CHILDREN: usize = 13;

/// Settings that differ from the defaults, as environment variables; a later one wins.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) environment: Vec<(&'static str, String)>,
}

impl Default for Settings {
    /// Loads and questions come from this machine, without a key.
    fn default() -> Self {
        Self { environment: vec![("OBSERVATORY_HUB__ANONYMOUS", "loopback".to_owned())] }
    }
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    grpc: SocketAddr,
    http: SocketAddr,
    api: SocketAddr,
    said: NamedTempFile,
    processor_before: f64,
    /// From the start to the first answer that it is ready.
    pub(crate) start_time: Duration,
}

/// What a server used from start to end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopped {
    pub(crate) processor_seconds: f64,
    pub(crate) peak_bytes: u64,
}

impl Server {
    pub(crate) async fn start(program: &Path, data: &Path, settings: &Settings) -> anyhow::Result<Self> {
        let [grpc, http, api] = free_addresses()?;
        let said = NamedTempFile::new().context("no temporary file")?;
        let processor_before = processor_of_children()?;
        let started = Instant::now();
        let child = Command::new(program)
            .arg("serve")
            .args(["--data-dir".as_ref(), data.as_os_str()])
            .args(["--listen", &api.to_string(), "--otlp-grpc", &grpc.to_string(), "--otlp-http", &http.to_string()])
            .envs(settings.environment.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::null())
            .stderr(said.reopen()?)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut server = Self { child, grpc, http, api, said, processor_before, start_time: Duration::ZERO };
        server.wait_until_ready(started).await?;
        server.start_time = started.elapsed();
        Ok(server)
    }

    async fn wait_until_ready(&mut self, started: Instant) -> anyhow::Result<()> {
        while started.elapsed() < Duration::from_secs(READY_SECONDS) {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended at its start: {status}\n{}", self.said()?.trim());
            }
            // The OTLP port opens after the log is replayed; it is bound before, but nobody answers.
            if answers(self.api).await {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        bail!("the server was not ready after {READY_SECONDS} s")
    }

    pub(crate) fn endpoint(&self, protocol: Protocol) -> Uri {
        let address = match protocol {
            Protocol::Grpc => self.grpc,
            Protocol::Http => self.http,
        };
        format!("http://{address}").parse().expect("an address makes a URI")
    }

    pub(crate) fn api(&self) -> SocketAddr {
        self.api
    }

    /// What it has told on standard error so far.
    pub(crate) fn said(&self) -> anyhow::Result<String> {
        std::fs::read_to_string(self.said.path()).context("cannot read what the server said")
    }

    /// Processor time that it has used since it began, in seconds.
    pub(crate) fn processor_seconds(&self) -> anyhow::Result<f64> {
        processor(&format!("/proc/{}/stat", self.child.id()), OWN)
    }

    /// Ends the server as a person would; its rows are in Parquet then.
    pub(crate) async fn stop(mut self) -> anyhow::Result<Stopped> {
        let peak_bytes = peak_bytes(self.child.id())?;
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, rustix::process::Signal::TERM)?;
        let processor_before = self.processor_before;
        let status = tokio::task::spawn_blocking(move || self.child.wait()).await??;
        ensure!(status.success(), "the server ended with {status}");
        Ok(Stopped { processor_seconds: processor_of_children()? - processor_before, peak_bytes })
    }
}

impl Drop for Server {
    /// After an error nothing is left running; after a stop there is nothing left to end.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn answers(api: SocketAddr) -> bool {
    let health = Client::new(api).get("/health/ready").await;
    health.is_ok_and(|(status, _)| status.is_success())
}

fn free_addresses() -> anyhow::Result<[SocketAddr; 3]> {
    // All at once, so that they differ.
    let listeners =
        [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
    let [one, two, three] = &listeners;
    Ok([one.local_addr()?, two.local_addr()?, three.local_addr()?])
}

/// Processor time of children that have ended, in seconds.
fn processor_of_children() -> anyhow::Result<f64> {
    processor("/proc/self/stat", OF_CHILDREN)
}

/// Time in the program and in the kernel, in seconds, which stand beside each other.
fn processor(stat: &str, first: usize) -> anyhow::Result<f64> {
    let told = std::fs::read_to_string(stat)?;
    // The program's name may hold anything.
    let fields = told.rsplit_once(')').with_context(|| format!("{stat} has another form"))?.1;
    let ticks: f64 = fields.split_whitespace().skip(first).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    Ok(ticks / TICKS_PER_SECOND)
}

fn peak_bytes(process: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no peak memory in /proc")?;
    let kib: u64 = line.split_whitespace().next().context("no number")?.parse()?;
    Ok(kib * 1024)
}
