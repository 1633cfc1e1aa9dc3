//! Routes of channels, silences and notifications, below `/api/v1/alerting`.

mod channels;
mod notifications;
mod silences;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::desk::Desk;

/// All of them.
pub(crate) fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new()
        .routes(routes!(channels::list, channels::create))
        .routes(routes!(channels::show, channels::replace, channels::delete))
        .routes(routes!(channels::test))
        .routes(routes!(silences::list, silences::create))
        .routes(routes!(silences::end))
        .routes(routes!(notifications::list))
}
