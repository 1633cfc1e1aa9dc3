//! Wires the parts, runs them, stops them in reverse.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::middleware::from_fn_with_state;
use ingest::Receiver;
use parking_lot::Mutex;
use plane::DataPlane;
use query::QueryEngine;
use serde_json::json;
use store::Store;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::access::{Access, identify};
use crate::config::environment::Environment;
use crate::config::{Config, ServeArgs, ServerConfig};
use crate::crash::CrashPoint;
use crate::data_dir::DataDir;
use crate::health::{Check, Health};
use crate::own_telemetry::OwnTelemetry;
use crate::quota_file::QuotaFile;
use crate::reload::Reload;
use crate::stores::Stores;
use crate::tls::Tls;
use crate::{backup, banner, health, listen, reload};

/// Runs the server until it is interrupted.
pub(crate) fn run(args: ServeArgs) -> anyhow::Result<()> {
    let config = args.load()?;
    // Queries compute on threads of their own: a heavy one must not hold up a request that waits to be acknowledged.
    let queries = query::runtime(&config.query)?;
    let requests = Builder::new_multi_thread()
        .worker_threads(config.server.workers_max)
        .thread_name("request")
        .enable_all()
        .build()?;
    let outcome = requests.block_on(serve(args, config, &queries));
    queries.shutdown_background();
    requests.shutdown_timeout(Duration::from_secs(1));
    outcome
}

async fn serve(args: ServeArgs, mut config: Config, queries: &Runtime) -> anyhow::Result<()> {
    let own = OwnTelemetry::start(&config)?;
    for name in Environment::of_process().without_effect() {
        tracing::warn!("{name} is set, and has no effect in this version");
    }
    // From now on, so that one that comes before the parts are there ends nothing.
    let hangup = listen::hangup();
    let data = DataDir::hold(&config.server.data_dir)?;
    let tls = config.server.tls.as_ref().map(Tls::load).transpose()?;
    // As they were written: the system chooses ports below.
    let written = config.clone();
    let listeners = Listeners::bind(&mut config.server).await?;
    let port = |listener, router| listen::Port { listener, tls: tls.clone(), router };
    let stop = CancellationToken::new();
    let grace = Duration::from_secs(config.server.shutdown_seconds);
    let mut servers = JoinSet::new();
    // Health is answered while the log is replayed, which may take a while.
    let health = Health::starting();
    let api: Arc<OnceLock<Router>> = Arc::default();
    servers.spawn(port(listeners.api, front(&health, Arc::clone(&api))).serve(stop.clone(), grace));

    let stores = Stores::open(&config, &data).await?;
    health.add(stores.check());
    health.add(Check::here("redis", || Ok(json!({"embedded": "in this process"}))));
    let plane = Arc::new(open_plane(&config, &data, Arc::clone(&stores.telemetry)).await?);
    plane.start_upkeep(&config.maintenance, &config.retention).context("upkeep cannot be started")?;
    let access = Arc::new(Access::new(&config.tenants));
    let authorize = Arc::clone(&access);
    let authorize = Arc::new(move |head: &http::request::Parts| authorize.tenant(&head.headers));
    let quotas = QuotaFile::open(&config.quotas, &data);
    let receiver = Receiver::new(Arc::clone(&plane), authorize, Arc::clone(&quotas.quotas), config.ingest.clone());
    let receiver = Arc::new(receiver);
    let engine = Arc::new(QueryEngine::new(Arc::clone(&plane), config.query.clone(), queries.handle().clone())?);
    let reload = Arc::new(Reload {
        args,
        config: Mutex::new(written),
        lines: own.lines.clone(),
        tls: tls.clone(),
        access: Arc::clone(&access),
        quotas: Arc::clone(&quotas.quotas),
        plane: Arc::clone(&plane),
    });
    let routes = query::http::router(engine).merge(reload::router(&reload));
    let _ = api.set(routes.layer(from_fn_with_state(access, identify)).fallback(health::nothing_here));
    health::of_plane(&plane).into_iter().for_each(|check| health.add(check));
    servers.spawn(reload::at_hangup(hangup, reload, stop.clone()));
    own.watch(&plane, &receiver.telemetry(), &quotas.quotas);
    for listener in [listeners.grpc, listeners.http] {
        let routes = health.router().merge(ingest::router(Arc::clone(&receiver)));
        servers.spawn(port(listener, routes).serve(stop.clone(), grace));
    }
    let backups = backup::schedule::start(config.clone(), stop.clone());
    let quotas = tokio::spawn(quotas.run(stop.clone()));
    banner::print(&config, &data, &stores);

    listen::interrupted().await;
    tracing::info!("stopping: no new connections, requests finish, rows go to the store");
    stop.cancel();
    servers.join_all().await;
    quotas.await.context("counting quotas panicked")?;
    backups.await.context("the nightly backup panicked")?;
    own.stop();
    plane.close().await.context("the data plane did not close")?;
    tracing::info!("stopped");
    Ok(())
}

struct Listeners {
    api: TcpListener,
    grpc: TcpListener,
    http: TcpListener,
}

impl Listeners {
    /// Takes all ports before any work is done.
    async fn bind(server: &mut ServerConfig) -> anyhow::Result<Self> {
        Ok(Self {
            api: listen::bind(&mut server.listen, "listen").await?,
            grpc: listen::bind(&mut server.otlp_grpc, "otlp-grpc").await?,
            http: listen::bind(&mut server.otlp_http, "otlp-http").await?,
        })
    }
}

/// Health, and the API once there is one.
fn front(health: &Health, api: Arc<OnceLock<Router>>) -> Router {
    health.router().fallback(move |request: axum::extract::Request| {
        let api = api.get().cloned();
        async move { health::unless_starting(api, request).await }
    })
}

async fn open_plane(config: &Config, data: &DataDir, store: Arc<dyn Store>) -> anyhow::Result<DataPlane> {
    let crash = CrashPoint::from_env();
    let wal = wal::Config { observe: crash.as_ref().map(CrashPoint::in_wal), ..config.wal()? };
    let decode = |envelope: &plane::Envelope, body| ingest::replay(envelope, &body).map_err(|cause| cause.to_string());
    let observe = crash.as_ref().map(CrashPoint::in_flush);
    let plane = DataPlane::open(&config.plane, &data.path().join("wal"), wal, store, Arc::new(decode), observe).await;
    plane.context("the data plane cannot be opened")
}
