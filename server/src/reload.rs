//! Takes new settings into the running server, at SIGHUP or `POST /api/v1/system/reload`: checked first, then whole or not at all.

use std::sync::Arc;

use anyhow::Context;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::StatusCode;
use hub::{Asking, Hub, Origin};
use ingest::Quotas;
use parking_lot::Mutex;
use plane::DataPlane;
use serde_json::json;
use tokio::runtime::Handle;
use tokio::signal::unix::Signal;
use tokio_util::sync::CancellationToken;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::config::{Config, ServeArgs, differing};
use crate::own_telemetry::Lines;
use crate::tls::{Certificate, Tls};

/// Settings that can change while the server runs, and with each those below it.
const CHANGEABLE: [&str; 11] = [
    "hub_api_key",
    "log.level",
    "maintenance.core_share",
    "maintenance.every_seconds",
    "maintenance.history_max",
    "maintenance.hours",
    "quotas",
    "retention",
    "server.tls.certificate",
    "server.tls.key",
    "tenants",
];

/// The settings in use, and the parts that can take others.
pub(crate) struct Reload {
    pub(crate) args: ServeArgs,
    /// Locked for moments only: requests read it, and must not wait for a reload that waits for the records.
    pub(crate) config: Mutex<Config>,
    /// Of the one that reloads.
    pub(crate) turn: Mutex<()>,
    pub(crate) lines: Lines,
    pub(crate) tls: Option<Tls>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) quotas: Arc<Quotas>,
    pub(crate) plane: Arc<DataPlane>,
}

/// Why everything is as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReloadError {
    /// The new settings would not start a server.
    #[error("{0:#}")]
    Wrong(anyhow::Error),
    /// They would start one, but not change this one.
    #[error("a restart is needed to change {}", .0.join(", "))]
    NeedsRestart(Vec<String>),
}

impl Reload {
    /// Reads the settings again and goes on by them. Answers which have changed; `server.tls` is a new certificate.
    ///
    /// Waits, so it is for a thread that may.
    pub(crate) fn run(&self) -> Result<Vec<String>, ReloadError> {
        let _turn = self.turn.lock();
        let used = self.config.lock().clone();
        let new = self.args.load().map_err(ReloadError::Wrong)?;
        let mut changed = differing(&used, &new);
        let fixed: Vec<_> = changed.iter().filter(|name| !is_changeable(name)).cloned().collect();
        if !fixed.is_empty() {
            return Err(ReloadError::NeedsRestart(fixed));
        }
        let lines = new.log.filter().map_err(ReloadError::Wrong)?;
        let certificate = new.server.tls.as_ref().map(Certificate::load).transpose().map_err(ReloadError::Wrong)?;

        let keys = new.configured_keys();
        let tenants = Handle::current().block_on(self.hub.prepare_keys(&keys));
        tenants.context("tenants cannot be made").map_err(ReloadError::Wrong)?;

        // Nothing fails from here on.
        self.lines.exchange(lines);
        self.hub.exchange_keys(&keys);
        self.quotas.exchange(new.quotas.clone());
        self.plane.adjust_upkeep(&new.maintenance, &new.retention);
        if let (Some(tls), Some(certificate)) = (&self.tls, certificate)
            && tls.exchange(certificate)
        {
            changed.push("server.tls".to_owned());
        }
        *self.config.lock() = new;
        tracing::info!(changed = changed.join(", "), "settings were read again");
        Ok(changed)
    }

    /// The same away from the tasks that wait for sockets.
    async fn run_apart(self: Arc<Self>) -> Result<Vec<String>, ReloadError> {
        let ran = tokio::task::spawn_blocking(move || self.run()).await;
        ran.context("reading the settings panicked").map_err(ReloadError::Wrong)?
    }
}

fn is_changeable(name: &str) -> bool {
    CHANGEABLE
        .iter()
        .any(|changeable| name.strip_prefix(changeable).is_some_and(|below| below.is_empty() || below.starts_with('.')))
}

/// Reloads at each SIGHUP, until stopped.
pub(crate) async fn at_hangup(mut hangup: Signal, reload: Arc<Reload>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = hangup.recv() => {}
        }
        if let Err(refused) = Arc::clone(&reload).run_apart().await {
            tracing::error!("settings were not changed: {refused}");
        }
    }
}

/// `POST /api/v1/system/reload`.
pub(crate) fn routes(reload: &Arc<Reload>) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(answer)).with_state(Arc::clone(reload))
}

/// Read the settings again
///
/// They are checked first and used whole, or nothing changes. Keys of the tenant `system` may, and people who run the server.
#[utoipa::path(
    post, path = "/api/v1/system/reload", tag = "server", security(("caller" = ["server:settings:write"])),
    responses(
        (status = 200, description = "The names of the settings that have changed"),
        (status = 409, description = "A restart is needed; nothing was changed"),
        (status = 422, description = "The new settings would not start a server; nothing was changed"),
    )
)]
async fn answer(State(reload): State<Arc<Reload>>, asking: Asking, Extension(origin): Extension<Origin>) -> Response {
    let from = origin.address.map(tracing::field::display);
    tracing::info!(by = asking.caller().who().name(), from, "settings are read again because somebody asked for it");
    match reload.run_apart().await {
        Ok(changed) => Json(json!({"changed": changed})).into_response(),
        Err(refused) => refusal(&refused),
    }
}

fn refusal(refused: &ReloadError) -> Response {
    let (status, code, settings) = match refused {
        ReloadError::Wrong(_) => (StatusCode::UNPROCESSABLE_ENTITY, "wrong_settings", [].as_slice()),
        ReloadError::NeedsRestart(settings) => (StatusCode::CONFLICT, "restart_needed", settings.as_slice()),
    };
    let error = json!({
        "code": code,
        "message": refused.to_string(),
        "settings": settings,
        "hint": "nothing was changed; `observatory doctor` looks at settings before they are used",
    });
    (status, Json(json!({"error": error}))).into_response()
}

#[cfg(test)]
mod tests {
    use super::is_changeable;

    #[test]
    fn a_setting_stands_for_those_below_it_and_not_for_those_that_begin_the_same() {
        for (name, expected) in [
            ("tenants", true),
            ("quotas.tenants.acme.bytes_per_day_max", true),
            ("maintenance.enabled", false),
            ("server.tls", false),
            ("log.format", false),
            ("retentions", false),
        ] {
            assert_eq!(is_changeable(name), expected, "{name}");
        }
    }
}
