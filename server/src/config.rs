//! Settings: what the user wrote, checked before anything starts.
//!
//! Later sources win: defaults, the file, the environment, the command line. A wrong or unknown setting stops the start with one
//! line that names it.

mod difference;
pub(crate) mod environment;
mod sources;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use hub::Secret;
use model::Tenant;
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

pub(crate) use self::difference::differing;
pub(crate) use self::sources::{ConfigArgs, ServeArgs};
use crate::products;
use crate::tls::TlsConfig;

/// Everything that can be set.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    pub(crate) server: ServerConfig,
    /// Keys that are known before anybody has signed in; more are made through the hub.
    pub(crate) tenants: Vec<TenantConfig>,
    pub(crate) hub: hub::Config,
    /// A key that runs the server, for programs that set it up. Also HUB_API_KEY. Default none.
    pub(crate) hub_api_key: Option<Secret>,
    /// Seals stored secrets: 32 bytes in base64 or hex, or several with commas between, the newest first. Also ENCRYPTION_KEY. Default:
    /// made at the first start and kept in the data directory.
    pub(crate) encryption_key: Option<Secret>,
    pub(crate) products: ProductsConfig,
    pub(crate) alerting: alerting::Config,
    pub(crate) dashboards: dashboards::Config,
    pub(crate) storage: StorageConfig,
    pub(crate) records: records::Config,
    pub(crate) redis: hub::redis::Config,
    pub(crate) cache: hub::cache::Config,
    pub(crate) events: hub::events::Config,
    pub(crate) outgoing: hub::outgoing::Config,
    pub(crate) lake: lake::Config,
    pub(crate) backup: BackupConfig,
    pub(crate) audit: AuditConfig,
    pub(crate) wal: WalConfig,
    pub(crate) plane: plane::Config,
    pub(crate) maintenance: plane::Maintenance,
    pub(crate) retention: plane::Retention,
    pub(crate) ingest: ingest::Config,
    pub(crate) quotas: ingest::QuotaConfig,
    pub(crate) query: query::Config,
    pub(crate) log: LogConfig,
    pub(crate) own_telemetry: OwnTelemetryConfig,
}

/// Addresses and places.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ServerConfig {
    /// Where everything is kept. Default `data`.
    pub(crate) data_dir: PathBuf,
    /// API and pages. Default 127.0.0.1:8036.
    pub(crate) listen: SocketAddr,
    /// OTLP over gRPC. Default 127.0.0.1:4317.
    pub(crate) otlp_grpc: SocketAddr,
    /// OTLP over HTTP. Default 127.0.0.1:4318.
    pub(crate) otlp_http: SocketAddr,
    /// A certificate for all ports; without it, connections are not encrypted. Files that change are read again at a reload.
    pub(crate) tls: Option<TlsConfig>,
    /// What this process does. Default all.
    pub(crate) role: Role,
    /// Pages of these origins may use the API in a browser, as in `https://app.example.org`. Default none.
    pub(crate) cors_origins: Vec<String>,
    /// How long a body may pause, in seconds; then its request is given up. Default 30.
    pub(crate) body_pause_seconds: u64,
    /// How long requests may take to finish at shutdown, in seconds. Default 10.
    pub(crate) shutdown_seconds: u64,
    /// Threads that take requests. Default: the number of cores. Also MAX_WORKERS.
    pub(crate) workers_max: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Self {
            data_dir: PathBuf::from("data"),
            listen: local(8036),
            otlp_grpc: local(4317),
            otlp_http: local(4318),
            tls: None,
            role: Role::All,
            cors_origins: Vec::new(),
            body_pause_seconds: 30,
            shutdown_seconds: 10,
            workers_max: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

impl ServerConfig {
    fn check_origins(&self) -> Result<(), String> {
        let is_origin = |origin: &str| {
            let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte);
            host.is_some_and(|host| !host.is_empty() && host.bytes().all(allowed))
        };
        match self.cors_origins.iter().find(|origin| !is_origin(origin)) {
            Some(origin) => {
                Err(format!("server.cors_origins has '{origin}', must be origins as in https://app.example.org"))
            }
            None => Ok(()),
        }
    }

    /// How long a body may pause.
    pub(crate) fn body_pause(&self) -> Duration {
        Duration::from_secs(self.body_pause_seconds)
    }

    /// How long requests may take to finish at shutdown.
    pub(crate) fn grace(&self) -> Duration {
        Duration::from_secs(self.shutdown_seconds)
    }
}

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// Everything.
    All,
    /// Products and the API, over stores that it shares with others; no OTLP ports.
    Products,
}

/// A tenant and its keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TenantConfig {
    pub(crate) name: Tenant,
    /// Secrets that write and read the tenant's telemetry, sent as `Authorization: Bearer <key>` or `X-API-Key: <key>`. Those of the
    /// tenant `system` run the server.
    pub(crate) api_keys: Vec<Secret>,
}

/// Which products run here, and where they listen beside `server.listen`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ProductsConfig {
    /// Names of products. Default: all but `example`. Also --products.
    pub(crate) enabled: Option<Vec<String>>,
    /// An address of its own for a product, as in `{compliance: 127.0.0.1:8019}`. Default none.
    pub(crate) listen: BTreeMap<String, SocketAddr>,
}

/// Where telemetry rests.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StorageConfig {
    /// `lake` for Parquet files, `timescale` for a PostgreSQL database. Default `timescale` when a database is named, else `lake`.
    pub(crate) telemetry: Option<Rest>,
    /// `sqlite` for a file in the data directory, `postgres` for the database, or for `records.url`. Default `postgres` when one is named.
    pub(crate) records: Option<RecordsRest>,
    /// The database. Its `url` is also DATABASE_URL.
    pub(crate) database: timescale::Config,
    /// `s3://bucket/prefix` for the lake; the directory `lake` in the data directory when not set. Credentials and endpoint come from
    /// the usual AWS_* variables.
    pub(crate) lake_url: Option<String>,
    /// Indexes beside the lake's files.
    pub(crate) indexes: lake::IndexConfig,
}

/// Backups that the server takes by itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BackupConfig {
    /// A directory or `s3://bucket/prefix`; without it there are no backups but those of `observatory backup`.
    pub(crate) to: Option<String>,
    /// Time of the day in UTC. Default 02:30.
    pub(crate) daily_at: String,
    /// Days of which the newest backup is kept. Default 7.
    pub(crate) keep_daily: usize,
    /// Weeks of which the newest backup is kept. Default 4.
    pub(crate) keep_weekly: usize,
}

impl Default for BackupConfig {
    fn default() -> Self {
        let backup::Keep { daily, weekly } = backup::Keep::default();
        Self { to: None, daily_at: "02:30".to_owned(), keep_daily: daily, keep_weekly: weekly }
    }
}

impl BackupConfig {
    /// Hour and minute.
    pub(crate) fn at(&self) -> anyhow::Result<time::Time> {
        let parts =
            self.daily_at.split_once(':').and_then(|(hour, minute)| Some((hour.parse().ok()?, minute.parse().ok()?)));
        let time = parts.and_then(|(hour, minute)| time::Time::from_hms(hour, minute, 0).ok());
        time.with_context(|| {
            format!("wrong setting: backup.daily_at is '{}', expected a time as in 02:30", self.daily_at)
        })
    }

    pub(crate) fn keep(&self) -> backup::Keep {
        backup::Keep { daily: self.keep_daily, weekly: self.keep_weekly }
    }
}

/// Where the newest hashes of the audit trails are kept beside the records.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AuditConfig {
    /// A directory or `s3://bucket/prefix` that nobody who can write to the records can write to. Default none.
    pub(crate) roots_to: Option<String>,
    /// How often, in minutes. Default 60.
    pub(crate) roots_minutes: u64,
}

impl Default for AuditConfig {
    fn default() -> Self {
        Self { roots_to: None, roots_minutes: 60 }
    }
}

/// A kind of store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Rest {
    Lake,
    Timescale,
}

/// A kind of database for records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RecordsRest {
    Sqlite,
    Postgres,
}

impl StorageConfig {
    /// Where telemetry rests, said or not.
    pub(crate) fn rest(&self) -> Rest {
        let unsaid = if self.database.url.is_some() { Rest::Timescale } else { Rest::Lake };
        self.telemetry.unwrap_or(unsaid)
    }

    fn check(&self) -> Result<(), String> {
        if self.rest() == Rest::Timescale && self.database.url.is_none() {
            return Err(
                "storage.telemetry is timescale, but storage.database.url is not set; DATABASE_URL sets it too"
                    .to_owned(),
            );
        }
        self.indexes.check()?;
        self.database.check()
    }
}

/// The write-ahead log.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WalConfig {
    /// When a request is durable: `fsync` before it is acknowledged, `interval(<ms>)` at most that much later, `none` when the system
    /// writes it. Default fsync.
    pub(crate) durability: String,
    /// Largest log before requests are refused, in bytes. Default 4 GiB.
    pub(crate) bytes_max: u64,
    /// Size of one file of the log, in bytes. Default 64 MiB.
    pub(crate) segment_bytes: u64,
}

impl Default for WalConfig {
    fn default() -> Self {
        let wal = wal::Config::default();
        Self { durability: "fsync".to_owned(), bytes_max: wal.bytes_max, segment_bytes: wal.segment_bytes }
    }
}

/// What is written to standard error.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogConfig {
    /// error, warn, info, debug or trace, or a filter such as `info,plane=debug`. Default info. Also LOG_LEVEL; DEBUG=true is debug.
    pub(crate) level: String,
    /// Lines for people or for programs. Default text.
    pub(crate) format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

impl LogConfig {
    /// Which lines are written.
    pub(crate) fn filter(&self) -> anyhow::Result<EnvFilter> {
        let filter = EnvFilter::try_new(&self.level);
        let filter = filter.with_context(|| format!("wrong setting: log.level is '{}'", self.level))?;
        // The exporters' own words when they are shut down are no news.
        let filter = filter.add_directive("opentelemetry_sdk=error".parse().expect("a directive"));
        // Nor is each migration of a new database.
        Ok(filter.add_directive("refinery_core=warn".parse().expect("a directive")))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// The platform's own spans, logs and metrics, in the tenant `system`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OwnTelemetryConfig {
    /// Default true.
    pub(crate) enabled: bool,
    /// How often metrics are taken, in seconds. Default 10.
    pub(crate) metrics_seconds: u64,
    /// What the platform calls itself. Default observatory. Also APP_NAME.
    pub(crate) service_name: String,
}

impl Default for OwnTelemetryConfig {
    fn default() -> Self {
        Self { enabled: true, metrics_seconds: 10, service_name: "observatory".to_owned() }
    }
}

impl Config {
    fn check(&self) -> anyhow::Result<()> {
        let checks = [
            self.storage.check(),
            self.lake.check(),
            self.plane.check(),
            self.maintenance.check(),
            self.retention.check(),
            self.ingest.check(),
            self.quotas.check(),
            self.query.check(),
            self.records.check(),
            self.hub.check(),
            self.redis.check(),
            self.cache.check(),
            self.events.check(),
            self.outgoing.check(),
            self.check_graces(),
            self.check_records(),
            self.server.check_origins(),
            self.alerting.check(),
            self.dashboards.check(),
            products::chosen(self).map(drop),
        ];
        if let Some(wrong) = checks.into_iter().find_map(Result::err) {
            bail!("wrong setting: {wrong}");
        }
        self.wal()?.check().context("wrong setting in wal")?;
        self.backup.at()?;
        self.log.filter()?;
        self.check_tenants()?;
        if self.audit.roots_minutes == 0 {
            bail!("wrong setting: audit.roots_minutes is 0, must be at least 1");
        }
        if self.server.body_pause_seconds == 0 {
            bail!("wrong setting: server.body_pause_seconds is 0, must be at least 1");
        }
        if self.server.workers_max == 0 {
            bail!("wrong setting: server.workers_max is 0, must be at least 1");
        }
        Ok(())
    }

    /// What a query of another process reads must not go before the query is over.
    fn check_graces(&self) -> Result<(), String> {
        let longest = self.query.time_seconds_max;
        let graces = [
            ("lake", self.lake.deletion_grace_seconds, "files that were merged"),
            ("storage.database", self.storage.database.deletion_grace_seconds, "sums that were added up"),
        ];
        match graces.into_iter().find(|(_, grace, _)| *grace <= longest) {
            None => Ok(()),
            Some((section, grace, what)) => Err(format!(
                "{section}.deletion_grace_seconds is {grace}, must be above query.time_seconds_max ({longest}): queries of other processes may read {what}"
            )),
        }
    }

    fn check_records(&self) -> Result<(), String> {
        let has_database = self.records.url.is_some() || self.storage.database.url.is_some();
        match self.storage.records {
            Some(RecordsRest::Postgres) if !has_database => {
                Err("storage.records is postgres, but neither records.url nor \
                 storage.database.url is set; DATABASE_URL sets the latter, too"
                    .to_owned())
            }
            _ => Ok(()),
        }
    }

    fn check_tenants(&self) -> anyhow::Result<()> {
        /// Shorter keys can be guessed.
        const KEY_BYTES_MIN: usize = 16;
        let mut seen = std::collections::HashSet::new();
        for (tenant, key) in self.configured_keys() {
            if key.reveal().len() < KEY_BYTES_MIN {
                bail!("wrong setting: an API key of tenant {tenant} has fewer than {KEY_BYTES_MIN} characters");
            }
            if !seen.insert(key.reveal().to_owned()) {
                bail!("wrong setting: tenant {tenant} has an API key that is listed twice");
            }
        }
        Ok(())
    }

    /// The keys of the settings, each with its tenant.
    pub(crate) fn configured_keys(&self) -> Vec<(Tenant, Secret)> {
        let of_tenants = self.tenants.iter().flat_map(|tenant| {
            let name = tenant.name.clone();
            tenant.api_keys.iter().map(move |key| (name.clone(), key.clone()))
        });
        of_tenants.chain(self.hub_api_key.iter().map(|key| (Tenant::system(), key.clone()))).collect()
    }

    /// Where records are, said or not.
    pub(crate) fn records(&self, data_dir: &Path) -> records::Config {
        let database = self.storage.database.url.as_ref().map(|url| records::Url::new(url.as_str()));
        let url = self.records.url.clone().or(database).filter(|_| self.storage.records != Some(RecordsRest::Sqlite));
        // A name without a folder is one in the data directory.
        records::Config { url, path: data_dir.join(&self.records.path), ..self.records.clone() }
    }

    /// The log's settings in its own types.
    pub(crate) fn wal(&self) -> anyhow::Result<wal::Config> {
        let WalConfig { durability, bytes_max, segment_bytes } = &self.wal;
        let durability = match durability.as_str() {
            "fsync" => wal::Durability::Fsync,
            "none" => wal::Durability::None,
            other => {
                let millis = other.strip_prefix("interval(").and_then(|rest| rest.strip_suffix(')'));
                let millis = millis.and_then(|millis| millis.trim().parse().ok()).filter(|millis| *millis > 0);
                let millis = millis.with_context(|| {
                    format!("wrong setting: wal.durability is '{other}', expected fsync, interval(<ms>) or none")
                })?;
                wal::Durability::Interval(Duration::from_millis(millis))
            }
        };
        Ok(wal::Config { durability, bytes_max: *bytes_max, segment_bytes: *segment_bytes, ..wal::Config::default() })
    }
}

#[cfg(test)]
mod tests {
    use figment::providers::{Format, Yaml};

    use super::*;

    fn load(yaml: &str) -> Result<Config, String> {
        let read = sources::with_defaults().merge(Yaml::string(yaml));
        let checked = sources::extract(&read).and_then(|config| config.check().map(|()| config));
        checked.map_err(|cause| format!("{cause:#}"))
    }

    #[test]
    fn an_unknown_setting_stops_the_start_with_one_line_that_names_it() {
        let error = load("server: {lissten: '127.0.0.1:1'}").expect_err("a wrong name");

        assert!(error.contains("lissten") && !error.contains('\n'), "{error}");
    }

    #[test]
    fn pages_that_may_use_the_api_are_named_one_by_one() {
        load("server: {cors_origins: ['https://app.example.org', 'http://[::1]:3000']}").expect("two origins");
        for wrong in ["*", "https://*.example.org", "https://app.example.org/path", "app.example.org", "https://"] {
            let error = load(&format!("server: {{cors_origins: ['{wrong}']}}")).expect_err(wrong);
            assert!(error.contains("server.cors_origins"), "{error}");
        }
    }

    #[test]
    fn what_a_query_reads_outlives_it() {
        for yaml in ["lake: {deletion_grace_seconds: 60}", "storage: {database: {deletion_grace_seconds: 60}}"] {
            let error = load(yaml).expect_err("no longer than a query");

            assert!(error.contains("deletion_grace_seconds is 60"), "{error}");
        }
    }

    #[test]
    fn telemetry_rests_in_the_database_that_is_named_unless_said_otherwise() {
        for (yaml, expected) in [
            ("{}", Some(Rest::Lake)),
            ("storage: {database: {url: 'postgres://there/db'}}", Some(Rest::Timescale)),
            ("storage: {telemetry: lake, database: {url: 'postgres://there/db'}}", Some(Rest::Lake)),
            ("storage: {telemetry: timescale}", None),
            ("storage: {database: {chunk_hours: 7}}", None),
        ] {
            assert_eq!(load(yaml).ok().map(|config| config.storage.rest()), expected, "{yaml}");
        }
    }

    #[test]
    fn durability_is_read_in_its_three_forms() {
        for (text, expected) in [
            ("fsync", Some(wal::Durability::Fsync)),
            ("none", Some(wal::Durability::None)),
            ("interval(200)", Some(wal::Durability::Interval(Duration::from_millis(200)))),
            ("interval(0)", None),
            ("sometimes", None),
        ] {
            let config = load(&format!("wal: {{durability: '{text}'}}"));
            assert_eq!(config.ok().map(|config| config.wal().expect("checked").durability), expected, "{text}");
        }
    }

    #[test]
    fn the_shipped_files_are_valid() {
        for name in ["development", "staging", "production"] {
            let path = format!("{}/../config/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
            let yaml = std::fs::read_to_string(&path).expect("a shipped file");
            load(&yaml).expect(name);
        }
    }
}
