//! What the server says of itself when it is ready.

use hub::{Anonymous, FirstOwner};

use crate::config::{Config, Role};
use crate::data_dir::DataDir;
use crate::platform::Platform;
use crate::stores::Stores;

/// Prints where everything is.
pub(crate) fn print(config: &Config, data: &DataDir, stores: &Stores, platform: &Platform) {
    let server = &config.server;
    let scheme = if server.tls.is_some() { "https" } else { "http" };
    let mut lines = Vec::new();
    if server.role == Role::All {
        lines.push(("OTLP gRPC", format!("{scheme}://{}", server.otlp_grpc)));
        lines.push(("OTLP HTTP", format!("{scheme}://{}", server.otlp_http)));
    }
    lines.push(("API", format!("{scheme}://{}/api/docs   (SQL: /api/v1/sql, health: /health)", server.listen)));
    for (product, address) in &config.products.listen {
        lines.push((product, format!("{scheme}://{address}/api/docs")));
    }
    lines.push(("Data", data.path().display().to_string()));
    lines.push(("Telemetry", stores.to_string()));
    lines.push(("Records", platform.records.place().to_owned()));
    lines.push(("Access", access(config.hub.anonymous).to_owned()));
    if let Some(FirstOwner { email, password }) = &platform.first_owner {
        let password = password.reveal();
        lines.push((
            "First sign-in",
            format!("{email} with the one-time password {password}   (told once; docs/hub.md)"),
        ));
    }
    let lines: Vec<String> = lines.iter().map(|(label, text)| format!("    {label:<14} {text}")).collect();
    eprintln!(
        "
  Observatory {version} is ready

{lines}

  Send something:  observatory demo
  Ask something:   observatory sql \"select service_name, count(*) from spans group by 1\"
",
        version = env!("CARGO_PKG_VERSION"),
        lines = lines.join("\n"),
    );
}

fn access(anonymous: Anonymous) -> &'static str {
    match anonymous {
        Anonymous::Nobody => "with a key or after signing in; OBSERVATORY_API_KEY for the commands below",
        Anonymous::Loopback => "programs of this machine write and read telemetry without a key (hub.anonymous)",
    }
}
