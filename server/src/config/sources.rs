//! Where settings come from: defaults, a file, the environment, options of the command line. Later ones win.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use figment::Figment;
use figment::error::{Actual, Kind};
use figment::providers::{Format, Serialized, Yaml};

use super::environment::Environment;
use super::{Config, Role};

/// Where the settings are, for every command that works on a server's data.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfigArgs {
    /// Settings in YAML; config/development.yaml lists them all.
    #[arg(long, env = "OBSERVATORY_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where everything is kept [default: data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// Options of `observatory serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    settings: ConfigArgs,
    /// Address of API and pages [default: 127.0.0.1:8036]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Address of OTLP over gRPC [default: 127.0.0.1:4317]
    #[arg(long, value_name = "ADDRESS")]
    otlp_grpc: Option<SocketAddr>,
    /// Address of OTLP over HTTP [default: 127.0.0.1:4318]
    #[arg(long, value_name = "ADDRESS")]
    otlp_http: Option<SocketAddr>,
    /// Products that run in this process [default: all but example]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    products: Option<Vec<String>>,
    /// What this process does [default: all]
    #[arg(long, value_enum)]
    role: Option<Role>,
}

impl ConfigArgs {
    /// All settings, complete and checked.
    pub(crate) fn load(&self) -> anyhow::Result<Config> {
        let config = self.read()?;
        config.check()?;
        Ok(config)
    }

    fn read(&self) -> anyhow::Result<Config> {
        let mut figment = with_defaults();
        if let Some(file) = &self.config {
            if !file.is_file() {
                bail!("the configuration file {} is not there", file.display());
            }
            figment = figment.merge(Yaml::file_exact(file));
        }
        for given in Environment::of_process().settings()? {
            figment = figment.merge(given);
        }
        let mut config = extract(&figment)?;
        if let Some(data_dir) = &self.data_dir {
            config.server.data_dir.clone_from(data_dir);
        }
        Ok(config)
    }
}

impl ServeArgs {
    /// All settings, complete and checked.
    pub(crate) fn load(&self) -> anyhow::Result<Config> {
        let mut config = self.settings.read()?;
        let server = &mut config.server;
        server.listen = self.listen.unwrap_or(server.listen);
        server.otlp_grpc = self.otlp_grpc.unwrap_or(server.otlp_grpc);
        server.otlp_http = self.otlp_http.unwrap_or(server.otlp_http);
        server.role = self.role.unwrap_or(server.role);
        if let Some(products) = &self.products {
            config.products.enabled = Some(products.clone());
        }
        config.check()?;
        Ok(config)
    }

    /// The file of settings, if one is named.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.settings.config.as_deref()
    }
}

pub(super) fn with_defaults() -> Figment {
    Figment::from(Serialized::defaults(Config::default()))
}

/// The settings in their own types, not checked yet.
pub(super) fn extract(figment: &Figment) -> anyhow::Result<Config> {
    figment.extract().map_err(|cause| anyhow!(one_line(&cause)))
}

/// The first of figment's errors: which setting, what is wrong with it, and where it was said.
fn one_line(cause: &figment::Error) -> String {
    let first = cause.clone().into_iter().next().unwrap_or_else(|| cause.clone());
    let setting = first.path.join(".").to_ascii_lowercase();
    let place = first.metadata.map_or_else(String::new, |metadata| match metadata.source {
        Some(source) => format!(" in {source}"),
        None => format!(" in the {}", metadata.name),
    });
    format!("wrong setting {setting}: {}{place}", without_value(&first.kind)).replace('\n', " ")
}

/// What is wrong with a value, without the value: it may be a secret.
fn without_value(kind: &Kind) -> String {
    match kind {
        Kind::InvalidType(actual, expected) | Kind::InvalidValue(actual, expected) => {
            let found = match actual {
                Actual::Str(_) | Actual::Char(_) | Actual::Bytes(_) => "text",
                Actual::Bool(_) => "true or false",
                Actual::Unsigned(_) | Actual::Signed(_) | Actual::Float(_) => "a number",
                Actual::Seq => "a list",
                Actual::Map => "a map",
                _ => "nothing",
            };
            format!("found {found}, expected {expected}")
        }
        // From the parser of YAML, which would quote what it found.
        Kind::Message(message) if message.starts_with("invalid type") => "expected a map of settings".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_in_the_wrong_place_is_not_repeated() {
        for (yaml, told) in [
            ("tenants: [{name: acme, api_keys: hunter2}]", "tenants.0.api_keys: found text, expected a sequence"),
            ("storage: {database: {url: [hunter2]}}", "storage.database.url: found a list"),
            ("hunter2", "expected a map of settings"),
        ] {
            let wrong = extract(&with_defaults().merge(Yaml::string(yaml))).expect_err("a wrong place").to_string();

            assert!(wrong.contains(told) && !wrong.contains("hunter2"), "{wrong}");
        }
    }
}
