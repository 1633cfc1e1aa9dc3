//! The exporters that people use: those of the OpenTelemetry SDKs for Python and JavaScript.

use std::process::Command;

use testkit::{Server, Skip, node_folder, python};

use crate::{client_script, external_folder, observatory};

/// What each script sends, as SQL shows it; `{}` is the service name.
const EXPECTED: [(&str, &str); 7] = [
    (
        "select name, kind, status_code, status_message, attributes->>'http.request.method', attributes->>'cart.size', \
         attributes->>'cart.total', attributes->>'cart.gift', attributes->>'cart.items', scope_name \
         from spans where service_name = '{}' and parent_span_id is null",
        "POST /checkout|server|error|card refused|POST|3|19.75|true|[\"tea\",\"cup\"]|shop.checkout",
    ),
    (
        "select child.name, child.kind, child.attributes->>'db.system.name', child.duration_ns >= 0 from spans child join spans parent \
         on child.trace_id = parent.trace_id and child.parent_span_id = parent.span_id where child.service_name = '{}'",
        "SELECT carts|client|postgresql|true",
    ),
    (
        "select events[1]['name'], events[1]['attributes'] from spans where service_name = '{}' and parent_span_id is null",
        "card.refused|{\"attempt\":2}",
    ),
    (
        "select body, severity_text, severity_number, attributes->>'order.id' from logs where service_name = '{}'",
        "card refused|WARN|13|4711",
    ),
    (
        "select count(*) from logs join spans on logs.trace_id = spans.trace_id and logs.span_id = spans.span_id where logs.service_name = '{}'",
        "1",
    ),
    (
        "select name, type, unit, monotonic, coalesce(value, value_int), attributes->>'shop.branch' from metrics where service_name = '{}' order by name",
        "shop.orders|sum|{order}|true|3.0|north",
    ),
    (
        "select name, type, unit, count, sum, min, max from histograms where service_name = '{}'",
        "shop.latency|histogram|ms|2|30.0|10.0|20.0",
    ),
];

async fn check(server: &Server, service: &str) {
    for (sql, expected) in EXPECTED {
        let sql = sql.replace("{}", service);
        assert_eq!(server.sql(&sql).await.text(), expected, "{service}: {sql}");
    }
    let resource = "select distinct resource_attributes->>'service.version', resource_attributes->>'telemetry.sdk.language' is not null";
    for table in ["spans", "logs", "metrics", "histograms"] {
        let sql = format!("{resource} from {table} where service_name = '{service}'");
        assert_eq!(server.sql(&sql).await.text(), "1.2.3|true", "{sql}");
    }
}

/// Lets a script send, by each way it knows, plain and compressed, and looks at what has arrived.
async fn export_by(program: Command, ways: &[&str]) {
    let server = observatory().start().await.expect("a server");
    for way in ways {
        for compression in ["none", "gzip"] {
            let endpoint = if *way == "grpc" { server.grpc_url() } else { server.http_url() };
            let service = format!("{way}-{compression}");
            let mut script = Command::new(program.get_program());
            script.args(program.get_args()).args([way, compression, &endpoint, &service]);
            script.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
            if let Some(folder) = program.get_current_dir() {
                script.current_dir(folder);
            }

            let output = script.output().expect("the program is there");

            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.is_empty(), "{service}: {said}");
            check(&server, &service).await;
        }
    }
}

#[tokio::test]
async fn the_python_exporters_deliver_all_signals() {
    let python = match python(&external_folder()) {
        Ok(python) => python,
        Err(skip) => return skip.tell(),
    };
    let mut program = Command::new(python);
    program.arg(client_script("export.py"));

    export_by(program, &["grpc", "http"]).await;
}

#[tokio::test]
async fn the_javascript_exporters_deliver_all_signals() {
    let folder: Result<_, Skip> = node_folder(&external_folder(), &client_script("js"));
    let folder = match folder {
        Ok(folder) => folder,
        Err(skip) => return skip.tell(),
    };
    let mut program = Command::new("node");
    program.arg("export.js").current_dir(folder);

    export_by(program, &["grpc", "proto", "http"]).await;
}
