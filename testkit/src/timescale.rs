//! TimescaleDB in WebAssembly, behind PostgreSQL's protocol: the extension's SQL, without a server of it.
//!
//! One backend answers all connections in turn, and no background worker runs: policies fire when a job is called.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::external::{Skip, node_folder};
use crate::wait::until;

/// It compiles its megabytes first.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// An empty database in memory; gone when dropped.
#[derive(Debug)]
pub struct TimescaleWasm {
    child: Child,
    port: u16,
}

impl TimescaleWasm {
    /// Starts it, with the Node modules under `folder`.
    pub async fn start(folder: &Path) -> Result<Self, Skip> {
        let missing = |cause: std::io::Error| Skip::missing(format!("node: {cause}"));
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("timescale");
        let modules = node_folder(folder, &source)?;
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).map_err(missing)?;
        let mut node = Command::new("node");
        node.arg("server.mjs").arg(free.port().to_string()).current_dir(modules);
        let child = node.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map_err(missing)?;
        let server = Self { child, port: free.port() };
        until("the database listens", READY_WITHIN, async || {
            tokio::net::TcpStream::connect(("127.0.0.1", server.port)).await.ok()
        })
        .await;
        Ok(server)
    }

    /// Its address. It encrypts nothing and takes any password.
    pub fn url(&self) -> String {
        format!("postgres://postgres:any@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }
}

impl Drop for TimescaleWasm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
