//! The web app in a browser: the journeys of `dashboards/web/e2e` against this program, from its first sign-in on.

use std::path::Path;
use std::process::Command;

use testkit::Skip;
use tokio::task::spawn_blocking;

use crate::hub::{PASSWORD, first_owner};
use crate::observatory;

const APP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dashboards/web");
const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/alerting");
const CHROMIUM: &str = "/usr/bin/chromium";

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
    let setup = observatory().closed().env("OBSERVATORY_ALERTING__DIRECTORY", RULES);
    let server = setup.start().await.expect("a server");
    let (email, one_time) = first_owner(&server.said());

    let mut journeys = Command::new("node_modules/.bin/playwright");
    journeys.args(["test", "--project", "journeys"]).current_dir(APP);
    journeys.env("OBSERVATORY_URL", server.api_url()).env("OBSERVATORY_OTLP", server.http_url());
    journeys.env("OBSERVATORY_EMAIL", email).env("OBSERVATORY_PASSWORD", PASSWORD);
    journeys.env("OBSERVATORY_ONE_TIME_PASSWORD", one_time);
    let ended = spawn_blocking(move || journeys.output()).await.expect("no panic");
    let ended = ended.expect("playwright can be started");

    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}{}", String::from_utf8_lossy(&ended.stderr));
    assert!(said.contains(" passed"), "{said}");
    server.stop().await;
}
