//! What the server says of itself when it is ready.

use crate::config::Config;
use crate::data_dir::DataDir;
use crate::stores::Stores;

/// Prints where everything is.
pub(crate) fn print(config: &Config, data: &DataDir, stores: &Stores) {
    let server = &config.server;
    let who = match config.tenants.len() {
        0 => "everybody on this machine is tenant 'default'; no API key is configured".to_owned(),
        1 => "1 tenant, by API key".to_owned(),
        tenants => format!("{tenants} tenants, by API key"),
    };
    eprintln!(
        "
  Observatory {version} is ready

    OTLP gRPC      {scheme}://{grpc}
    OTLP HTTP      {scheme}://{http}
    API            {scheme}://{api}/api/v1/sql   (health: /health)
    Data           {data}
    Telemetry      {rest}
    Access         {who}

  Send something:  observatory demo
  Ask something:   observatory sql \"select service_name, count(*) from spans group by 1\"
",
        version = env!("CARGO_PKG_VERSION"),
        scheme = if server.tls.is_some() { "https" } else { "http" },
        grpc = server.otlp_grpc,
        http = server.otlp_http,
        api = server.listen,
        data = data.path().display(),
        rest = stores,
    );
}
