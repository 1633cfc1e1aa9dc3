//! A Redis server of this machine's own binary, in a directory of its own.

use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::external::Skip;
use crate::wait::until;

/// A start after a crash reads the append-only file.
const READY_WITHIN: Duration = Duration::from_secs(30);
const STOPPED_WITHIN: Duration = Duration::from_secs(30);
const PASSWORD: &str = "not-a-secret";

/// What of its data a server finds when it runs again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remembers {
    /// All it has answered: every write goes to its append-only file.
    Everything,
    /// Nothing, as most caches are set up.
    Nothing,
}

/// A server on loopback that asks for a password; killed and deleted when dropped.
#[derive(Debug)]
pub struct RedisServer {
    directory: TempDir,
    remembers: Remembers,
    port: u16,
    child: Option<Child>,
}

impl RedisServer {
    /// Starts an empty one.
    pub async fn start(remembers: Remembers) -> Result<Self, Skip> {
        let mut server = Self::stopped(remembers)?;
        server.run().await;
        Ok(server)
    }

    /// One that is not running yet; its address is known.
    pub fn stopped(remembers: Remembers) -> Result<Self, Skip> {
        let missing =
            |cause: std::io::Error| Skip::missing(format!("redis-server: {cause}; apt-get install redis-server"));
        Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().map_err(missing)?;
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_err(missing)?;
        let directory = TempDir::new().map_err(missing)?;
        Ok(Self { directory, remembers, port: free.port(), child: None })
    }

    /// Address and password.
    pub fn url(&self) -> String {
        format!("redis://:{PASSWORD}@127.0.0.1:{}/", self.port)
    }

    /// Asks it something with `redis-cli` and gives what that prints.
    ///
    /// # Panics
    /// When it is refused.
    pub fn cli(&self, arguments: &[&str]) -> String {
        let said = self.client().args(arguments).output().expect("redis-cli is there");
        let answer = String::from_utf8_lossy(&said.stdout).trim_end().to_owned();
        assert!(said.status.success() && !answer.starts_with("ERR"), "{arguments:?}: {answer}");
        answer
    }

    /// Stops it as an operator does; connections are closed.
    pub async fn stop(&mut self) {
        self.end(Signal::TERM).await;
    }

    /// Takes it away in the middle of what it does.
    pub async fn kill(&mut self) {
        self.end(Signal::KILL).await;
    }

    /// Starts it again after a stop or a kill, at the same address.
    pub async fn run(&mut self) {
        assert!(self.child.is_none(), "it runs");
        self.child = Some(self.spawn());
        until("redis answers", READY_WITHIN, async || {
            let said = self.client().arg("PING").output().expect("redis-cli is there");
            said.stdout.starts_with(b"PONG").then_some(())
        })
        .await;
    }

    fn client(&self) -> Command {
        let mut client = Command::new("redis-cli");
        client.args(["-p", &self.port.to_string()]).env("REDISCLI_AUTH", PASSWORD);
        client
    }

    fn spawn(&self) -> Child {
        let mut redis = Command::new("redis-server");
        let appended = if self.remembers == Remembers::Everything { "yes" } else { "no" };
        redis.current_dir(self.directory.path());
        redis.args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--requirepass", PASSWORD]);
        redis.args(["--save", "", "--appendonly", appended, "--appendfsync", "no"]);
        let said = fs::File::options().create(true).append(true).open(self.directory.path().join("log"));
        redis.stdin(Stdio::null()).stdout(said.expect("a log")).stderr(Stdio::null());
        redis.spawn().expect("redis-server starts")
    }

    async fn end(&mut self, signal: Signal) {
        let mut child = self.child.take().expect("it runs");
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("the process is there");
        until("the server ends", STOPPED_WITHIN, async || child.try_wait().expect("a child")).await;
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        if std::thread::panicking() {
            let said = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
            eprintln!("--- redis had said:\n{said}");
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}
