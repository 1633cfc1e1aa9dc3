//! `observatory health`: asks a running server whether it takes requests, for images without a shell.

use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt, Full};
use tokio::time::timeout;

use crate::client::{self, TrustArgs};

/// A server that is well answers in milliseconds.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);

/// Options of `observatory health`.
#[derive(Debug, clap::Args)]
pub(crate) struct HealthArgs {
    /// Where the server's API is
    #[arg(long, env = "OBSERVATORY_URL", default_value = "http://127.0.0.1:8036", value_name = "URL")]
    url: Uri,
    #[command(flatten)]
    trust: TrustArgs,
}

/// Prints the answer. Fails when there is none, or when it says that the server is not ready.
pub(crate) fn run(args: &HealthArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answered = runtime.block_on(async { timeout(ANSWERED_WITHIN, ask(args)).await });
    answered.with_context(|| format!("no answer from {} within {ANSWERED_WITHIN:?}", args.url))?
}

async fn ask(HealthArgs { url, trust }: &HealthArgs) -> anyhow::Result<()> {
    let ready = Request::get(format!("{}/health/ready", url.to_string().trim_end_matches('/')));
    let answer = client::send(ready.body(Full::<Bytes>::default())?, &trust.trust()).await;
    let answer = answer.with_context(|| format!("no server answers at {url}"))?;
    let (head, body) = answer.into_parts();
    let body = body.collect().await?.to_bytes();
    println!("{}", String::from_utf8_lossy(&body));
    if !head.status.is_success() {
        bail!("the server at {url} is not ready");
    }
    Ok(())
}
