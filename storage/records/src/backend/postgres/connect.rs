//! How the server is reached, and what every connection is set to.

use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config as Connect};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::tls;
use crate::config::Config;
use crate::error::Error;

/// Where the server is, with the password, which is never shown.
pub(crate) struct Address {
    connect: Connect,
    tls: MakeRustlsConnect,
    /// What it is called in errors: without the password.
    pub(crate) medium: String,
}

impl Address {
    pub(crate) fn new(config: &Config, url: &str) -> Result<Self, Error> {
        let (mut connect, tls) = tls::parse(url).map_err(|cause| Error::Invalid(format!("records.url: {cause}")))?;
        if connect.get_application_name().is_none() {
            connect.application_name("observatory-records");
        }
        connect.connect_timeout(config.connect_time_max());
        // A host that is gone without a word shows after half a minute, not after hours.
        connect.keepalives_idle(Duration::from_secs(15)).keepalives_interval(Duration::from_secs(5));
        connect.tcp_user_timeout(Duration::from_secs(30));
        let medium = medium(&connect);
        Ok(Self { connect, tls, medium })
    }

    /// One connection, for as long as it is held.
    pub(crate) async fn connect(&self) -> Result<Client, tokio_postgres::Error> {
        let (client, connection) = self.connect.connect(self.tls.clone()).await?;
        // It ends with the client, and what went wrong the client has been told.
        tokio::spawn(async move { connection.await.unwrap_or_default() });
        Ok(client)
    }

    /// Connections that are made as they are needed, and again after the server was away.
    pub(crate) fn pool(&self, config: &Config) -> Result<Pool, Error> {
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(self.connect.clone(), self.tls.clone(), recycling);
        let session = session(config);
        let begin = Hook::async_fn(move |client: &mut deadpool_postgres::ClientWrapper, _| {
            let session = session.clone();
            Box::pin(async move { client.batch_execute(&session).await.map_err(HookError::Backend) })
        });
        Pool::builder(manager)
            .max_size(config.connections_max)
            .wait_timeout(Some(config.statement_time_max()))
            .create_timeout(Some(config.connect_time_max()))
            .recycle_timeout(Some(config.connect_time_max()))
            .runtime(Runtime::Tokio1)
            .post_create(begin)
            .build()
            .map_err(|cause| Error::Invalid(cause.to_string()))
    }
}

/// Settings of every connection. What is answered is on disk, so commits are synchronous; a scan of a whole table would
/// conflict with every other transaction, so indexes are used even where tables are small.
fn session(config: &Config) -> String {
    let Config { schema, statement_seconds_max, .. } = config;
    // Ours ends first; this is for a process that has stopped in the middle.
    let idle_seconds_max = config.transaction_seconds_max.saturating_add(10);
    format!(
        "SET client_min_messages = error; SET standard_conforming_strings = on; SET jit = off; SET enable_seqscan = off; \
         SET search_path = {schema}; SET statement_timeout = '{statement_seconds_max}s'; \
         SET idle_in_transaction_session_timeout = '{idle_seconds_max}s'; \
         SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
}

fn medium(config: &Connect) -> String {
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
