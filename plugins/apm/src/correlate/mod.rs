//! From one kind of telemetry to the others: what logs and metrics say around a span, and spans and logs around a metric.
//!
//! An answer has the facts in short, and links to the routes that tell all of them.

mod links;
mod resource;
mod service;
mod severity;
mod span;

use axum::extract::State;
use axum::{Extension, Json};
use plugin::model::Tenant;
use plugin::{Asked, Failure, PluginContext};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use self::service::AroundService;
use self::span::AroundSpan;
use crate::metrics::exemplars::Exemplar;
use crate::metrics::{PointTable, exemplars};
use crate::range::{Range, RangeWanted, SPAN_DAYS_MAX};
use crate::rows::{Source, is_id};

/// Most exemplars of an answer.
const EXEMPLARS_MAX: usize = 20;

/// Around what.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct CorrelateWanted {
    /// The trace, as 32 hex digits; its root when no span is said. The range is five minutes before and after.
    trace_id: Option<String>,
    /// The span of the trace, as 16 hex digits.
    span_id: Option<String>,
    /// Instead of a trace: the service, in the range.
    service: Option<String>,
    /// With a service: only exemplars of this metric.
    metric: Option<String>,
}

/// What belongs to a span, or to a service in a range.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Correlated {
    Span(Box<AroundSpan>),
    Service(Box<AroundService>),
}

/// Logs, metrics and exemplars around a span; or errors, slow traces, logs and exemplars of a service in a range
#[utoipa::path(
    get, path = "/correlate", tag = "apm", security(("caller" = ["apm:traces:read"])), params(RangeWanted, CorrelateWanted),
    responses(
        (status = 200, body = Correlated),
        (status = 400, description = "The range or a parameter is wrong"),
        (status = 404, description = "There is no such span"),
    )
)]
pub(crate) async fn show(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    Asked(range): Asked<RangeWanted>,
    Asked(wanted): Asked<CorrelateWanted>,
) -> Result<Json<Correlated>, Failure> {
    let source = Source::new(&context, tenant);
    match (&wanted.trace_id, &wanted.service) {
        (Some(trace_id), None) => {
            check_id("trace_id", trace_id, 16)?;
            wanted.span_id.as_deref().map_or(Ok(()), |span_id| check_id("span_id", span_id, 8))?;
            let around = AroundSpan::read(&source, trace_id, wanted.span_id.as_deref()).await?;
            Ok(Json(Correlated::Span(Box::new(around))))
        }
        (None, Some(service)) => {
            let range = range.read(SPAN_DAYS_MAX)?;
            let around = AroundService::read(&source, service, range, wanted.metric.as_deref()).await?;
            Ok(Json(Correlated::Service(Box::new(around))))
        }
        _ => {
            let failure = Failure::invalid("one of 'trace_id' and 'service' must be said, and not both");
            Err(failure.hinting("ask correlate?trace_id=…&span_id=… or correlate?service=…&from=…&to=…"))
        }
    }
}

fn check_id(name: &str, id: &str, bytes: usize) -> Result<(), Failure> {
    if is_id(id, bytes) {
        return Ok(());
    }
    Err(Failure::invalid(format!("'{name}' is '{id}', expected {} hex digits", 2 * bytes)))
}

/// Exemplars of the range, of points and with spans like that; the newest first.
async fn exemplars(
    source: &Source,
    range: Range,
    points: &crate::conditions::Conditions,
    such: &[(&'static str, serde_json::Value)],
) -> Result<Vec<Exemplar>, Failure> {
    let mut found = Vec::new();
    for table in PointTable::ALL {
        found.extend(exemplars::read(source, table, range, points.clone(), such, EXEMPLARS_MAX).await?);
    }
    found.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    Ok(found.into_iter().take(EXEMPLARS_MAX).map(|(_, exemplar)| exemplar).collect())
}
