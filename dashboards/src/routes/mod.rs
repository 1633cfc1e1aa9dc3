//! What dashboards answer, below `/api/v1/dashboards`.

mod dashboards;
mod panels;
mod queries;

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use plugin::query::QueryEngine;
use plugin::yaml::Fault;
use plugin::{Failure, PluginContext};
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ask;
use crate::config::Config;
use crate::files::Shelf;
use crate::library::Library;

/// What the routes work with.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    context: PluginContext,
    library: Library,
    /// With places for panels alone.
    engine: QueryEngine,
}

impl Desk {
    pub(crate) fn new(context: PluginContext, config: &Config, shelf: Arc<Shelf>) -> Self {
        let library = Library::new(context.records.clone(), context.audit.clone(), shelf);
        let engine = ask::of_panels(&context.engine, config);
        Self { context, library, engine }
    }
}

/// All routes.
pub(crate) fn routes(desk: Desk) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(dashboards::list))
        .routes(routes!(dashboards::check))
        .routes(routes!(panels::try_out))
        .routes(routes!(queries::list))
        .routes(routes!(queries::history, queries::remember, queries::forget))
        .routes(routes!(queries::put, queries::remove))
        .routes(routes!(dashboards::show, dashboards::put, dashboards::remove))
        .routes(routes!(dashboards::yaml))
        .routes(routes!(panels::ask_panel))
        .routes(routes!(panels::ask_variable))
        .with_state(desk)
}

/// Why something was not done: a failure, or faults of what was written.
#[derive(Debug)]
pub(crate) enum Refused {
    Failure(Failure),
    Faults(Vec<Fault>),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let faults = match self {
            Self::Failure(failure) => return failure.into_response(),
            Self::Faults(faults) => faults,
        };
        let message = faults.first().map(ToString::to_string).unwrap_or_default();
        let error = json!({"code": "invalid", "message": message, "hint": "`faults` has all that is wrong"});
        (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({"error": error, "faults": faults}))).into_response()
    }
}
