//! Connections to the database: some for keeping, some for queries, one for upkeep, so that none waits for the others.

use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use store::StoreError;
use tokio_postgres::config::Host;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::config::Config;
use crate::error::{Form, Reaction, Refusal};
use crate::tls;

/// A database that may not be there.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) schema: String,
    /// What it is called in errors: without the password.
    medium: String,
    writes: Pool,
    reads: Pool,
    upkeep: Pool,
}

impl Database {
    /// Knows how to connect; does not connect. The error says what is wrong with the settings.
    pub(crate) fn new(config: &Config) -> Result<Self, String> {
        let url = config.url.as_ref().ok_or("storage.database.url is not set; DATABASE_URL sets it too")?;
        let (mut connect, tls) = tls::parse(url.as_str()).map_err(|cause| format!("storage.database.url: {cause}"))?;
        if connect.get_application_name().is_none() {
            connect.application_name("observatory");
        }
        connect.connect_timeout(config.connect_time_max());
        // A host that is gone without a word shows after half a minute, not after hours.
        connect.keepalives_idle(Duration::from_secs(15)).keepalives_interval(Duration::from_secs(5));
        connect.tcp_user_timeout(Duration::from_secs(30));
        let pool = |size, statement_seconds| pool(config, &connect, &tls, size, statement_seconds);
        Ok(Self {
            schema: config.schema.clone(),
            medium: medium(&connect),
            writes: pool(config.write_connections_max, config.keep_seconds_max)?,
            reads: pool(config.read_connections_max, config.statement_seconds_max)?,
            upkeep: pool(1, config.keep_seconds_max)?,
        })
    }

    /// What it is called in errors.
    pub(crate) fn medium(&self) -> &str {
        &self.medium
    }

    /// A connection for keeping.
    pub(crate) async fn writer(&self) -> Result<Lease, Refusal> {
        Ok(Lease(Some(self.writes.get().await?)))
    }

    /// A connection for a query.
    pub(crate) async fn reader(&self) -> Result<Lease, Refusal> {
        Ok(Lease(Some(self.reads.get().await?)))
    }

    /// The connection for upkeep. It lives on the threads of upkeep, which give way to others.
    pub(crate) async fn upkeep(&self) -> Result<Lease, Refusal> {
        Ok(Lease(Some(self.upkeep.get().await?)))
    }

    /// The refusal as an error of the store.
    pub(crate) fn error(&self, form: Form, cause: impl Into<Refusal>) -> StoreError {
        cause.into().into_store_error(&self.medium, form)
    }
}

/// A connection, closed when dropped unless it is given back: whoever leaves in the middle leaves rows in it.
#[derive(Debug)]
pub(crate) struct Lease(Option<Object>);

impl Lease {
    /// For the next one.
    pub(crate) fn give_back(mut self) {
        self.0.take();
    }
}

impl std::ops::Deref for Lease {
    type Target = tokio_postgres::Client;

    fn deref(&self) -> &Self::Target {
        self.0.as_ref().expect("it is taken at the end only")
    }
}

impl std::ops::DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.0.as_mut().expect("it is taken at the end only")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        drop(self.0.take().map(Object::take));
    }
}

fn pool(
    config: &Config,
    connect: &tokio_postgres::Config,
    tls: &MakeRustlsConnect,
    size: usize,
    statement_seconds: u64,
) -> Result<Pool, String> {
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(connect.clone(), tls.clone(), recycling);
    let session = session(&config.schema, statement_seconds);
    let begin = Hook::async_fn(move |client: &mut deadpool_postgres::ClientWrapper, _| {
        let session = session.clone();
        Box::pin(async move { client.batch_execute(&session).await.map_err(HookError::Backend) })
    });
    Pool::builder(manager)
        .max_size(size)
        // Whoever waits has a limit of its own, which is about as long.
        .wait_timeout(Some(Duration::from_secs(statement_seconds)))
        .create_timeout(Some(config.connect_time_max()))
        .recycle_timeout(Some(config.connect_time_max()))
        .runtime(Runtime::Tokio1)
        .post_create(begin)
        .build()
        .map_err(|cause| cause.to_string())
}

/// Settings of every connection. What `keep` has answered is cut from our log, so it must be on the database's disk.
fn session(schema: &str, statement_seconds: u64) -> String {
    format!(
        "SET client_min_messages = warning; SET timezone = 'UTC'; SET datestyle = 'ISO'; SET standard_conforming_strings = on; \
         SET jit = off; SET search_path = {schema}, public; SET statement_timeout = '{statement_seconds}s'; \
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
}

fn medium(config: &tokio_postgres::Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        #[cfg(unix)]
        Some(Host::Unix(path)) => path.display().to_string(),
        None => "localhost".to_owned(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let database = config.get_dbname().or(config.get_user()).unwrap_or("postgres");
    format!("PostgreSQL at {host}:{port}/{database}")
}

/// A wait that took too long.
pub(crate) fn too_slow(what: &str, limit: Duration) -> Refusal {
    Refusal::new(Reaction::TryAgain, format!("{what} took longer than {limit:?}; it is tried again by itself"))
}
