//! Wires the parts, runs them, stops them in reverse.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use ingest::Receiver;
use parking_lot::Mutex;
use plane::DataPlane;
use plugin::Host;
use query::QueryEngine;
use store::Store;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower_http::timeout::RequestBodyTimeoutLayer;

use crate::api::Api;
use crate::config::environment::Environment;
use crate::config::{Config, Role, ServeArgs};
use crate::crash::CrashPoint;
use crate::data_dir::DataDir;
use crate::demo::{self, Demos};
use crate::health::Health;
use crate::own_telemetry::OwnTelemetry;
use crate::platform::Platform;
use crate::quota_file::QuotaFile;
use crate::reload::Reload;
use crate::stores::Stores;
use crate::tls::Tls;
use crate::{access, api, audit_roots, backup, banner, health, limits, listen, products, reload};

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
    for (name, reason) in Environment::of_process().without_effect() {
        tracing::warn!("{name} is set, and has no effect: {reason}");
    }
    // From now on, so that one that comes before the parts are there ends nothing.
    let hangup = listen::hangup();
    let data = DataDir::hold(&config.server.data_dir)?;
    let tls = config.server.tls.as_ref().map(Tls::load).transpose()?;
    // As they were written: the system chooses ports below.
    let written = config.clone();
    let listeners = Listeners::bind(&mut config).await?;
    let stop = CancellationToken::new();
    let mut ports = Ports { tls: tls.clone(), stop: stop.clone(), grace: config.server.grace(), tasks: JoinSet::new() };
    // Health is answered while the log is replayed, which may take a while.
    let health = Health::starting();
    let front: Arc<OnceLock<Router>> = Arc::default();
    ports.serve(listeners.api, api::hardened(&config.server, front_door(&health, Arc::clone(&front))));

    let platform = Platform::open(&config, &data).await?;
    platform.checks().into_iter().for_each(|check| health.add(check));
    let stores = Stores::open(&config, &data).await?;
    health.add(stores.check());
    let plane = Arc::new(open_plane(&config, &data, Arc::clone(&stores.telemetry)).await?);
    plane.start_upkeep(&config.maintenance, &config.retention).context("upkeep cannot be started")?;
    let quotas = QuotaFile::open(&config.quotas, &data);
    let authorize = access::of_ingest(platform.hub.access());
    let receiver = Receiver::new(Arc::clone(&plane), authorize, Arc::clone(&quotas.quotas), config.ingest.clone());
    let receiver = Arc::new(receiver);

    let plugins = products::chosen(&config).expect("the settings were checked");
    let schemas = plugin::schemas(&plugins, &platform.records).map_err(anyhow::Error::from_boxed)?;
    let schemas = std::iter::once(platform.schema()?).chain(schemas).collect();
    let engine = QueryEngine::new(Arc::clone(&plane), config.query.clone(), queries.handle().clone())?;
    let engine = engine.with_schemas(schemas);
    let host = Arc::new(Host::new(plugins, &products::context(&platform, &engine, &plane, &stop))?);
    health.add(health::of_products(&host));
    let reload = Arc::new(Reload {
        args,
        config: Mutex::new(written),
        turn: Mutex::default(),
        lines: own.lines.clone(),
        tls,
        hub: Arc::clone(&platform.hub),
        quotas: Arc::clone(&quotas.quotas),
        plane: Arc::clone(&plane),
    });
    let api = Api { hub: &platform.hub, server: &config.server };
    let demos = Demos::new(Arc::clone(&receiver), &stop);
    let of_telemetry = Api::of_telemetry(&engine, &reload).merge(demo::routes(&demos)).merge(limits::routes(&reload));
    let _ = front.set(api.serving(of_telemetry.merge(host.routes())));
    ports.tasks.spawn(reload::at_hangup(hangup, reload, stop.clone()));
    own.watch(&plane, &receiver.telemetry(), &quotas.quotas, &platform);
    for (name, listener) in listeners.products {
        let routes = host.routes_of(&name).expect("the settings were checked");
        ports.serve(listener, api::hardened(&config.server, health.router().merge(api.serving(routes))));
    }
    for listener in listeners.otlp {
        let routes =
            ingest::router(Arc::clone(&receiver)).layer(RequestBodyTimeoutLayer::new(config.server.body_pause()));
        ports.serve(listener, health.router().merge(routes));
    }
    // Ready is who serves all of its ports.
    health::of_plane(&plane).into_iter().for_each(|check| health.add(check));
    let mut upkeep = JoinSet::new();
    platform.run(&mut upkeep, &stop);
    upkeep.spawn(audit_roots::run(Arc::clone(&platform.hub), config.audit.clone(), stop.clone()));
    upkeep.spawn(quotas.run(stop.clone()));
    let products = host.start();
    let backups = backup::schedule::start(config.clone(), stop.clone());
    banner::print(&config, &data, &stores, &platform);

    listen::interrupted().await;
    tracing::info!("stopping: no new connections, requests finish, rows go to the store");
    stop.cancel();
    ports.tasks.join_all().await;
    demos.end().await;
    products.stop().await;
    upkeep.join_all().await;
    backups.await.context("the nightly backup panicked")?;
    own.stop();
    plane.close().await.context("the data plane did not close")?;
    tracing::info!("stopped");
    Ok(())
}

/// The ports of this process and what runs with them.
struct Ports {
    tls: Option<Tls>,
    stop: CancellationToken,
    grace: Duration,
    tasks: JoinSet<()>,
}

impl Ports {
    fn serve(&mut self, listener: TcpListener, router: Router) {
        let port = listen::Port { listener, tls: self.tls.clone(), router };
        self.tasks.spawn(port.serve(self.stop.clone(), self.grace));
    }
}

struct Listeners {
    api: TcpListener,
    otlp: Vec<TcpListener>,
    products: Vec<(String, TcpListener)>,
}

impl Listeners {
    /// Takes all ports before any work is done.
    async fn bind(config: &mut Config) -> anyhow::Result<Self> {
        let server = &mut config.server;
        let api = listen::bind(&mut server.listen, "listen").await?;
        let mut otlp = Vec::new();
        if server.role == Role::All {
            otlp.push(listen::bind(&mut server.otlp_grpc, "otlp-grpc").await?);
            otlp.push(listen::bind(&mut server.otlp_http, "otlp-http").await?);
        }
        let mut products = Vec::new();
        for (name, address) in &mut config.products.listen {
            products.push((name.clone(), listen::bind(address, "products.listen").await?));
        }
        Ok(Self { api, otlp, products })
    }
}

/// Health, and the API once there is one.
fn front_door(health: &Health, api: Arc<OnceLock<Router>>) -> Router {
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
