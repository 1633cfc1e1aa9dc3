//! Accepts connections and serves them until told to stop.
//!
//! HTTP/1.1 and HTTP/2 are told apart by their first bytes, so every port speaks both. Who is slow to begin is cut off, and
//! connections are limited, so that nobody can take the place of all others.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::tls::Tls;

/// Requests of one HTTP/2 connection at once.
const STREAMS_MAX: u32 = 256;
/// Bytes that may be on their way in one stream and one connection: batches arrive without waiting for the window.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;
const FRAME_BYTES: u32 = 1 << 20;
/// A client that does not finish its handshake is cut off.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// A client that does not finish its headers is cut off.
const HEADER_SECONDS: u64 = 30;
/// Connections of one port at once; further ones wait to be accepted.
const CONNECTIONS_MAX: usize = 10_000;

/// Takes the address, or says who could be in the way. Port 0 becomes the port that the system has chosen.
pub(crate) async fn bind(address: &mut SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(*address).await.with_context(|| {
        format!(
            "{address} ({setting}) cannot be listened on: another process may have it; choose another with --{setting}"
        )
    })?;
    *address = listener.local_addr()?;
    Ok(listener)
}

/// A port, and what answers there.
pub(crate) struct Port {
    pub(crate) listener: TcpListener,
    pub(crate) tls: Option<Tls>,
    pub(crate) router: Router,
}

impl Port {
    /// Serves until stopped, then lets requests finish for at most `grace`.
    pub(crate) async fn serve(self, stop: CancellationToken, grace: Duration) {
        let graceful = GracefulShutdown::new();
        let server = server();
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let (place, (stream, peer)) = tokio::select! {
                accepted = self.accept(&places) => match accepted {
                    Ok(accepted) => accepted,
                    Err(cause) => {
                        // Out of file descriptors, mostly: they come back when connections end.
                        tracing::warn!(%cause, "a connection was not accepted");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                },
                () = stop.cancelled() => break,
            };
            let (server, watcher, tls) = (server.clone(), graceful.watcher(), self.tls.clone());
            let router = self.router.clone().layer(Extension(ConnectInfo(peer)));
            tokio::spawn(async move {
                if let Err(cause) = connection(stream, tls, &server, router, watcher).await {
                    tracing::debug!(cause, "a connection ended early");
                }
                drop(place);
            });
        }
        drop(self.listener);
        if timeout(grace, graceful.shutdown()).await.is_err() {
            tracing::warn!(seconds = grace.as_secs(), "requests did not finish in time and are cut off");
        }
    }

    /// The next connection, once there is a place for it.
    async fn accept(&self, places: &Arc<Semaphore>) -> io::Result<(OwnedSemaphorePermit, (TcpStream, SocketAddr))> {
        let place = Arc::clone(places).acquire_owned().await.expect("the places are never closed");
        Ok((place, self.listener.accept().await?))
    }
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// One connection from its handshake to its end.
async fn connection(
    stream: TcpStream,
    tls: Option<Tls>,
    server: &auto::Builder<TokioExecutor>,
    router: Router,
    watcher: Watcher,
) -> Result<(), Failed> {
    // Answers are small and waited for.
    let _ = stream.set_nodelay(true);
    match tls {
        None => requests(stream, server, router, watcher).await,
        Some(tls) => {
            let encrypted = timeout(HANDSHAKE_MAX, tls.acceptor().accept(stream)).await??;
            requests(encrypted, server, router, watcher).await
        }
    }
}

async fn requests(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    server: &auto::Builder<TokioExecutor>,
    router: Router,
    watcher: Watcher,
) -> Result<(), Failed> {
    let service = TowerToHyperService::new(router);
    watcher.watch(server.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned()).await
}

fn server() -> auto::Builder<TokioExecutor> {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http1().timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(HEADER_SECONDS));
    server
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(Duration::from_secs(60)))
        .max_concurrent_streams(STREAMS_MAX)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES);
    server
}

/// Resolves at SIGINT or SIGTERM.
pub(crate) async fn interrupted() {
    let mut terminate = signal(SignalKind::terminate()).expect("a process can listen for signals");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// SIGHUP, which no longer ends the process.
pub(crate) fn hangup() -> Signal {
    signal(SignalKind::hangup()).expect("a process can listen for signals")
}
