//! The program as a process of its own, on ports of its own, with a data directory that outlives it.

use std::fs::{self, File, OpenOptions};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::client::{Client, Protocol};
use crate::sql::Rows;
use crate::tls::Authority;
use crate::wait::until;
use crate::web::Http;

/// A start takes a fraction of a second, on a busy machine some seconds.
const READY_WITHIN: Duration = Duration::from_secs(60);
const STOPPED_WITHIN: Duration = Duration::from_secs(60);

/// Names of the environment that the program reads beside its own.
const PROMISED_NAMES: [&str; 12] = [
    "APP_NAME",
    "CACHE_TTL",
    "DATABASE_URL",
    "DEBUG",
    "ENCRYPTION_KEY",
    "HUB_API_KEY",
    "HUB_URL",
    "JWT_SECRET",
    "LOG_LEVEL",
    "MAX_WORKERS",
    "REDIS_URL",
    "SECRET_KEY",
];

/// How to start the program.
#[derive(Clone, Debug)]
pub struct Setup {
    binary: PathBuf,
    data: DataDir,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    yaml: Option<String>,
    key: Option<String>,
    authority: Option<Arc<Authority>>,
}

/// A data directory, and beside it what the program says; deleted with its last holder.
#[derive(Clone, Debug)]
pub struct DataDir(Arc<TempDir>);

impl DataDir {
    fn new() -> Self {
        Self(Arc::new(TempDir::new().expect("a temporary directory")))
    }

    /// The directory given to the program.
    pub fn path(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// The configuration file, where the test writes one.
    pub fn configuration(&self) -> PathBuf {
        self.beside("config.yaml")
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// How the program ended, and what it had said.
#[derive(Debug)]
pub struct Ended {
    /// Exit code or signal.
    pub status: ExitStatus,
    /// What it wrote to standard error since this start.
    pub said: String,
}

impl Setup {
    /// The program at this path, with a new data directory, all ports chosen by the system, and no settings.
    pub fn new(binary: &str) -> Self {
        let arguments = ["--listen", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0"];
        Self {
            binary: binary.into(),
            data: DataDir::new(),
            arguments: arguments.map(str::to_owned).to_vec(),
            // Most tests are not about who is asking.
            environment: vec![("OBSERVATORY_HUB__ANONYMOUS".to_owned(), "loopback".to_owned())],
            yaml: None,
            key: None,
            authority: None,
        }
    }

    /// With a setting in the environment, as in `OBSERVATORY_PLANE__SEGMENT_BYTES`.
    #[expect(clippy::needless_pass_by_value, reason = "tests write literals")]
    pub fn env(mut self, name: &str, value: impl ToString) -> Self {
        self.environment.push((name.to_owned(), value.to_string()));
        self
    }

    /// With a configuration file.
    pub fn yaml(mut self, yaml: impl Into<String>) -> Self {
        self.yaml = Some(yaml.into());
        self
    }

    /// Where nobody gets in without a key or a token, as is the default of the program.
    pub fn closed(mut self) -> Self {
        self.environment.retain(|(name, _)| name != "OBSERVATORY_HUB__ANONYMOUS");
        self
    }

    /// With an option of the command line; a later one replaces an earlier one of the same name.
    pub fn option(mut self, name: &str, value: &str) -> Self {
        if let Some(place) = self.arguments.iter().position(|argument| argument == name) {
            self.arguments[place + 1] = value.to_owned();
        } else {
            self.arguments.extend([name.to_owned(), value.to_owned()]);
        }
        self
    }

    /// With this key for every request that the test sends.
    pub fn key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// With clients that encrypt, and trust this authority.
    pub fn authority(mut self, authority: Arc<Authority>) -> Self {
        self.authority = Some(authority);
        self
    }

    /// Where it keeps its data.
    pub fn data(&self) -> &DataDir {
        &self.data
    }

    /// Starts it and waits until it is ready. Fails when it ends before.
    pub async fn start(&self) -> anyhow::Result<Server> {
        let mut starting = Starting::spawn(self)?;
        let [grpc, http, api] = starting.addresses(["OTLP gRPC", "OTLP HTTP", "API"]).await?;
        self.ready(starting, [grpc, http, api]).await
    }

    /// The same of a process that has no OTLP ports.
    pub async fn start_without_otlp(&self) -> anyhow::Result<Server> {
        let mut starting = Starting::spawn(self)?;
        let [api] = starting.addresses(["API"]).await?;
        self.ready(starting, [api; 3]).await
    }

    async fn ready(&self, starting: Starting, [grpc, http, api]: [SocketAddr; 3]) -> anyhow::Result<Server> {
        let (data, key, authority) = (self.data.clone(), self.key.clone(), self.authority.clone());
        let mut server = Server { child: starting.child, data, grpc, http, api, key, authority };
        let began = Instant::now();
        while !server.is_ready().await {
            if let Some(status) = server.child.try_wait()? {
                bail!("it ended with {status} before it was ready");
            }
            if began.elapsed() > READY_WITHIN {
                bail!("it is not ready within {READY_WITHIN:?}");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(server)
    }

    /// Starts it where it cannot run, and waits for its end.
    pub async fn fail(&self) -> Ended {
        let mut starting = Starting::spawn(self).expect("the program can be started");
        let ended =
            until("the program ends", STOPPED_WITHIN, async || starting.child.try_wait().expect("a child")).await;
        Ended { status: ended, said: starting.said() }
    }

    /// Runs another command of the program to its end, with the same data directory, settings and environment.
    pub async fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = Command::new(&self.binary);
        command.args(arguments);
        self.settle(&mut command).expect("settings can be written");
        let output = tokio::task::spawn_blocking(move || command.stdin(Stdio::null()).output()).await;
        let output = output.expect("no panic").expect("the program can be started");
        let said = [output.stdout, output.stderr].concat();
        Ended { status: output.status, said: String::from_utf8_lossy(&said).into_owned() }
    }

    fn command(&self) -> anyhow::Result<Command> {
        let mut command = Command::new(&self.binary);
        command.arg("serve").args(&self.arguments);
        self.settle(&mut command)?;
        Ok(command)
    }

    /// Gives a command the data directory, the settings and the environment.
    fn settle(&self, command: &mut Command) -> anyhow::Result<()> {
        if !self.arguments.iter().any(|argument| argument == "--data-dir") {
            command.arg("--data-dir").arg(self.data.path());
        }
        if let Some(yaml) = &self.yaml {
            fs::write(self.data.configuration(), yaml)?;
            command.arg("--config").arg(self.data.configuration());
        }
        // Settings of the machine are not those of the test.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("OBSERVATORY_")) {
            command.env_remove(name);
        }
        for name in PROMISED_NAMES {
            command.env_remove(name).env_remove(format!("{name}_FILE"));
        }
        command.envs(self.environment.iter().cloned());
        Ok(())
    }
}

/// A process that may become a server.
struct Starting {
    child: Child,
    lines: PathBuf,
    said_before: u64,
}

impl Starting {
    fn spawn(setup: &Setup) -> anyhow::Result<Self> {
        let lines = setup.data.beside("stderr");
        let said = OpenOptions::new().create(true).append(true).open(&lines)?;
        let said_before = said.metadata()?.len();
        let mut command = setup.command()?;
        let child = command.stdin(Stdio::null()).stdout(File::create(setup.data.beside("stdout"))?).stderr(said);
        let child = child.spawn().with_context(|| format!("{} cannot be started", setup.binary.display()))?;
        Ok(Self { child, lines, said_before })
    }

    fn said(&self) -> String {
        let said = fs::read(&self.lines).unwrap_or_default();
        String::from_utf8_lossy(&said[self.said_before.min(said.len() as u64) as usize..]).into_owned()
    }

    /// What the banner tells of these.
    async fn addresses<const N: usize>(&mut self, labels: [&str; N]) -> anyhow::Result<[SocketAddr; N]> {
        let began = Instant::now();
        loop {
            let said = self.said();
            let address = |label: &str| {
                let line = said.lines().find_map(|line| line.trim().strip_prefix(label))?;
                line.trim().split_once("://")?.1.split('/').next()?.parse().ok()
            };
            let told: Vec<SocketAddr> = labels.iter().filter_map(|label| address(label)).collect();
            if let Ok(told) = <[SocketAddr; N]>::try_from(told) {
                return Ok(told);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended with {status} before it was ready: {}", self.said());
            }
            if began.elapsed() > READY_WITHIN {
                let _ = self.child.kill();
                bail!("it does not say where it listens: {said}");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A server that is ready; killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    data: DataDir,
    grpc: SocketAddr,
    http: SocketAddr,
    api: SocketAddr,
    key: Option<String>,
    authority: Option<Arc<Authority>>,
}

impl Server {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it keeps its data.
    pub fn data_path(&self) -> PathBuf {
        self.data.path()
    }

    fn url(&self, address: SocketAddr) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        format!("{scheme}://{address}")
    }

    /// Address of OTLP over gRPC.
    pub fn grpc_url(&self) -> String {
        self.url(self.grpc)
    }

    /// Address of OTLP over HTTP.
    pub fn http_url(&self) -> String {
        self.url(self.http)
    }

    /// Address of the API.
    pub fn api_url(&self) -> String {
        self.url(self.api)
    }

    /// Its API as a socket, for clients that behave badly.
    pub fn api_address(&self) -> SocketAddr {
        self.api
    }

    /// A client of its API.
    pub fn api(&self) -> Http {
        Http::trusting(self.authority.as_deref(), &self.api_url()).with_key(self.key.as_deref())
    }

    /// A client of its receiver for HTTP that is free to send anything.
    pub fn otlp_http(&self) -> Http {
        Http::trusting(self.authority.as_deref(), &self.http_url()).with_key(self.key.as_deref())
    }

    /// An OTLP client, as an SDK has one.
    pub fn client(&self, protocol: Protocol) -> Client {
        let url = match protocol {
            Protocol::Grpc => self.grpc_url(),
            Protocol::Http => self.http_url(),
        };
        Client::trusting(self.authority.as_deref(), protocol, &url, self.key.as_deref())
    }

    /// The rows of a statement.
    ///
    /// # Panics
    /// When it is refused; the message says why.
    pub async fn sql(&self, statement: &str) -> Rows {
        Rows::of(&self.api(), statement).await.unwrap_or_else(|cause| panic!("{statement}: {cause:#}"))
    }

    /// True when it says that it takes requests.
    pub async fn is_ready(&self) -> bool {
        self.api().get("/health/ready").await.is_ok_and(|reply| reply.status == 200)
    }

    /// Resident memory, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the process is there");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the kernel tells it");
        let kib: u64 = line.split_whitespace().next().and_then(|kib| kib.parse().ok()).expect("a number");
        kib * 1024
    }

    /// The process itself, after it has ended or to see whether it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child of ours")
    }

    /// Waits for an end that comes by itself; `None` when it does not come in time.
    pub async fn ends_within(&mut self, patience: Duration) -> Option<ExitStatus> {
        let began = Instant::now();
        while began.elapsed() < patience {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        None
    }

    /// Takes the process away in the middle of what it does (SIGKILL).
    pub fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to stop (SIGTERM).
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Asks it to read its settings again (SIGHUP).
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("the process is there");
    }

    /// Writes another configuration file, to be read again.
    pub fn configure(&self, yaml: &str) {
        fs::write(self.data.configuration(), yaml).expect("a file of the test");
    }

    /// Asks it to stop and waits until it has.
    ///
    /// # Panics
    /// When it does not end well.
    pub async fn stop(mut self) {
        self.terminate();
        let status = self.ends_within(STOPPED_WITHIN).await.expect("it stops when asked to");
        assert!(status.success(), "it ended with {status} (signal {:?})\n{}", status.signal(), self.said());
    }

    /// What it and those before it in this data directory wrote to standard error.
    pub fn said(&self) -> String {
        fs::read_to_string(self.data.beside("stderr")).unwrap_or_default()
    }

    /// The Parquet files of its lake.
    pub fn parquet_files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        collect(&self.data_path().join("lake"), &mut files);
        files
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            files.push(path);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the server had said:\n{}", self.said());
        }
    }
}
