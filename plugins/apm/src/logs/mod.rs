//! Log records: found, counted, read around one another, and followed as they arrive.

mod context;
mod facets;
pub(crate) mod filter;
mod histogram;
mod line;
mod list;
mod member;
mod page;
pub(crate) mod severity;
mod tail;

use plugin::PluginContext;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use self::tail::{Feeds, run};

/// The routes below `/logs`.
pub(crate) fn routes(context: PluginContext, feeds: Feeds) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(facets::list))
        .routes(routes!(histogram::show))
        .routes(routes!(context::show))
        .with_state(context.clone())
        .merge(OpenApiRouter::new().routes(routes!(tail::follow)).with_state((context, feeds)))
}
