//! An S3 server on this machine: moto's, one request at a time.
//!
//! S3 creates an object once, whoever asks at the same moment. Moto looks whether there is one and then puts it, and two requests
//! that come between one another are both told that theirs is new.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::external::{Skip, python};
use crate::wait::until;
use crate::web::Http;

const BUCKET: &str = "telemetry";
const PROGRAM: &str = r#"
import sys, threading
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

moto, turn = DomainDispatcherApplication(create_backend_app), threading.Lock()

def answer(environ, start_response):
    with turn:
        return list(moto(environ, start_response))

run_simple("127.0.0.1", int(sys.argv[1]), answer, threaded=True)
"#;
/// Python imports a while.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A server with one bucket; killed when dropped, and all objects with it.
#[derive(Debug)]
pub struct S3Server {
    child: Child,
    endpoint: String,
}

impl S3Server {
    /// Starts it, with the Python under `folder`.
    pub async fn start(folder: &Path) -> Result<Self, Skip> {
        let python = python(folder)?;
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
        let child = Command::new(python)
            .args(["-c", PROGRAM, &free.port().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|cause| Skip::missing(format!("moto: {cause}")))?;
        let server = Self { child, endpoint: format!("http://{free}") };
        let http = Http::new(&server.endpoint);
        until("the bucket is made", READY_WITHIN, async || {
            http.put(&format!("/{BUCKET}"), "").await.ok().filter(|reply| reply.status == 200)
        })
        .await;
        Ok(server)
    }

    /// Where it listens.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The bucket as a URL.
    pub fn bucket_url(&self) -> String {
        format!("s3://{BUCKET}")
    }

    /// What a client of AWS reads from its environment.
    pub fn environment(&self) -> [(&'static str, &str); 5] {
        [
            ("AWS_ENDPOINT_URL", &self.endpoint),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "observatory"),
            ("AWS_SECRET_ACCESS_KEY", "not-a-secret"),
        ]
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
