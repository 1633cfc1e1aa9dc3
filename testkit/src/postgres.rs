//! A PostgreSQL server of this machine's own binaries, in a directory of its own.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, getuid, kill_process};
use tempfile::TempDir;

use crate::external::Skip;
use crate::wait::until;

/// A start after a crash replays the server's own log.
const READY_WITHIN: Duration = Duration::from_secs(60);
const STOPPED_WITHIN: Duration = Duration::from_secs(60);
const PASSWORD: &str = "not-a-secret";

/// A server on loopback that asks for passwords; stopped and deleted when dropped.
#[derive(Debug)]
pub struct PostgresServer {
    binaries: PathBuf,
    /// Whose process it is: PostgreSQL does not run as root.
    user: Option<(u32, u32)>,
    data: PathBuf,
    port: u16,
    child: Option<Child>,
    _directory: TempDir,
}

impl PostgresServer {
    /// Makes a database cluster and starts it.
    pub async fn start() -> Result<Self, Skip> {
        Self::start_in(&std::env::temp_dir()).await
    }

    /// The same in a directory of this one, which may be a small disk.
    pub async fn start_in(place: &Path) -> Result<Self, Skip> {
        let missing = |cause: std::io::Error| Skip::missing(format!("PostgreSQL: {cause}"));
        let binaries = binaries()?;
        let user = if getuid().is_root() { Some(unprivileged()?) } else { None };
        let directory = TempDir::new_in(place).map_err(missing)?;
        let (data, password) = (directory.path().join("data"), directory.path().join("password"));
        fs::write(&password, PASSWORD).map_err(missing)?;
        for path in [directory.path(), &password] {
            chown(path, user.map(|user| user.0), user.map(|user| user.1)).map_err(missing)?;
        }
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_err(missing)?;
        let mut server = Self { binaries, user, data, port: free.port(), child: None, _directory: directory };
        let mut initdb = server.command("initdb");
        initdb.args(["--no-sync", "--auth=scram-sha-256", "--username=postgres", "--encoding=UTF8", "--locale=C"]);
        let made = initdb.arg("--pwfile").arg(&password).arg("-D").arg(&server.data).output().map_err(missing)?;
        if !made.status.success() {
            return Err(Skip::missing(format!("initdb: {}", String::from_utf8_lossy(&made.stderr))));
        }
        server.run().await;
        Ok(server)
    }

    /// For the superuser.
    pub fn url(&self) -> String {
        self.url_of("postgres", PASSWORD)
    }

    /// For another role.
    pub fn url_of(&self, role: &str, password: &str) -> String {
        format!("postgres://{role}:{password}@127.0.0.1:{}/postgres", self.port)
    }

    /// Runs SQL as the superuser and gives what `psql` prints: values by `|`, rows by line.
    ///
    /// # Panics
    /// When it is refused.
    pub fn psql(&self, sql: &str) -> String {
        let mut psql = Command::new(self.binaries.join("psql"));
        let said =
            psql.args([&self.url(), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql]).output().expect("psql is there");
        assert!(said.status.success(), "{sql}: {}", String::from_utf8_lossy(&said.stderr));
        String::from_utf8_lossy(&said.stdout).trim_end().to_owned()
    }

    /// The command of a client program, with the server's address.
    pub fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.binaries.join(program));
        command.arg(self.url());
        command
    }

    /// Stops it as an operator does; connections are closed.
    pub async fn stop(&mut self) {
        self.end(Signal::INT).await;
    }

    /// Takes it away in the middle of what it does.
    pub async fn kill(&mut self) {
        self.end(Signal::KILL).await;
    }

    /// Starts it again after a stop or a kill, at the same address.
    pub async fn run(&mut self) {
        assert!(self.child.is_none(), "it runs");
        until("the server runs", READY_WITHIN, async || {
            let is_up = self.child.as_mut().is_some_and(|child| child.try_wait().expect("a child").is_none());
            if !is_up {
                // After a kill the last of its processes may hold the directory for a moment.
                self.child = Some(self.spawn());
            }
            let mut ready = Command::new(self.binaries.join("pg_isready"));
            let ready = ready.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]).status();
            ready.expect("pg_isready is there").success().then_some(())
        })
        .await;
    }

    fn spawn(&self) -> Child {
        let mut postgres = self.command("postgres");
        postgres.arg("-D").arg(&self.data).args(["-p", &self.port.to_string()]);
        // No test loses power, so nothing waits for the disk.
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "max_connections=60"] {
            postgres.args(["-c", setting]);
        }
        let said = fs::File::options().create(true).append(true).open(self.data.with_file_name("log")).expect("a log");
        postgres.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).spawn().expect("postgres starts")
    }

    async fn end(&mut self, signal: Signal) {
        let mut child = self.child.take().expect("it runs");
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("the process is there");
        until("the server ends", STOPPED_WITHIN, async || child.try_wait().expect("a child")).await;
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.binaries.join(program));
        command.env("LC_ALL", "C").current_dir("/");
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        if std::thread::panicking() {
            let said = fs::read_to_string(self.data.with_file_name("log")).unwrap_or_default();
            eprintln!("--- the database had said:\n{said}");
        }
        if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            // Its processes go with it; what it had in memory is of no use any more.
            let _ = kill_process(pid, Signal::QUIT);
        }
        let _ = child.wait();
    }
}

/// Of the newest version that is installed.
fn binaries() -> Result<PathBuf, Skip> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.filter_map(|version| version.file_name().to_str()?.parse::<u32>().ok()).max();
    let debian = newest.map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = debian.into_iter().chain(std::env::split_paths(&path));
    let found = folders.find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file());
    found.ok_or_else(|| Skip::missing("PostgreSQL is not installed: apt-get install postgresql"))
}

/// User and group that the server's package has made, or else nobody's.
fn unprivileged() -> Result<(u32, u32), Skip> {
    let users = fs::read_to_string("/etc/passwd").map_err(|cause| Skip::missing(format!("/etc/passwd: {cause}")))?;
    let find = |name: &str| {
        let fields: Vec<&str> = users.lines().find(|line| line.split(':').next() == Some(name))?.split(':').collect();
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    };
    find("postgres").or_else(|| find("nobody")).ok_or_else(|| Skip::missing("no user to run PostgreSQL as"))
}
