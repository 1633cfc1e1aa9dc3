//! The web app in a browser: the journeys of `dashboards/web/e2e`, against this program and the simulated shop.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bench::simulator::Shop;
use testkit::{Client, Protocol, Request, Skip, now_nanos};
use tokio::task::spawn_blocking;
use tokio::time::interval;

use crate::hub::{PASSWORD, owner};
use crate::observatory;

const APP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dashboards/web");
const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/alerting");
const CHROMIUM: &str = "/usr/bin/chromium";
/// What the shop has been sending when somebody looks.
const HISTORY: Duration = Duration::from_secs(20 * 60);
const REQUESTS_PER_SECOND: f64 = 1.0;

async fn deliver(client: &Client, shop: &mut Shop, from: u64, length: Duration) {
    let telemetry = shop.step(from, length, REQUESTS_PER_SECOND);
    client.deliver(&Request::Traces(telemetry.traces)).await;
    client.deliver(&Request::Logs(telemetry.logs)).await;
    client.deliver(&Request::Metrics(telemetry.metrics)).await;
}

/// Minute after minute until now, and then second after second.
async fn send(client: Client) {
    let mut shop = Shop::new(36, &[]);
    let (mut from, now) = (now_nanos() - HISTORY.as_nanos() as u64, now_nanos());
    let minute = Duration::from_secs(60);
    while from < now {
        deliver(&client, &mut shop, from, minute).await;
        from += minute.as_nanos() as u64;
    }
    let second = Duration::from_secs(1);
    let mut seconds = interval(second);
    loop {
        seconds.tick().await;
        if from <= now_nanos() {
            deliver(&client, &mut shop, from, second).await;
            from += second.as_nanos() as u64;
        }
    }
}

#[tokio::test]
async fn people_find_their_way_through_the_web_app_in_a_browser() {
    for (path, remedy) in [
        (format!("{APP}/node_modules/.bin/playwright"), "`make web` installs it"),
        (format!("{APP}/dist/index.html"), "`make web` builds it"),
        (CHROMIUM.to_owned(), "it is Debian's package chromium"),
    ] {
        if !Path::new(&path).exists() {
            Skip::missing(format!("{path} is not there: {remedy}")).tell();
            return;
        }
    }
    let server = observatory().env("OBSERVATORY_ALERTING__DIRECTORY", RULES).start().await.expect("a server");
    owner(&server).await;
    let shop = tokio::spawn(send(server.client(Protocol::Grpc)));

    let mut journeys = Command::new("node_modules/.bin/playwright");
    journeys.args(["test", "--project", "journeys"]).current_dir(APP);
    journeys.env("OBSERVATORY_URL", server.api_url()).env("OBSERVATORY_PASSWORD", PASSWORD);
    let ended = spawn_blocking(move || journeys.output()).await.expect("no panic");
    let ended = ended.expect("playwright can be started");

    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}{}", String::from_utf8_lossy(&ended.stderr));
    assert!(said.contains(" passed"), "{said}");
    shop.abort();
    server.stop().await;
}
