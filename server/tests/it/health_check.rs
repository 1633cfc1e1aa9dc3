//! `observatory health`, as a container engine asks it.

use std::process::Command;

use crate::{observatory, program};

#[tokio::test]
async fn the_exit_code_of_health_says_whether_a_server_takes_requests() {
    let server = observatory().start().await.expect("a server");
    let url = server.api_url();

    let (while_it_runs, said) = ask(&url);
    server.stop().await;
    let (afterwards, complained) = ask(&url);

    assert!(while_it_runs && said.contains(r#""status":"healthy""#), "{said}");
    assert!(!afterwards && complained.contains(&format!("no server answers at {url}")), "{complained}");
}

fn ask(url: &str) -> (bool, String) {
    let output = Command::new(program()).args(["health", "--url", url]).output().expect("the program can be started");
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}
