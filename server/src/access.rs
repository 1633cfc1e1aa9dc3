//! Who is asking, between the hub, which knows, and the protocols, which want to know.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Extension;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::request::Parts;
use hub::{Access, Caller, Permission, Refusal};
use ingest::{Authorize, Unauthorized};

/// Whose telemetry a request of OTLP is.
pub(crate) fn of_ingest(access: Arc<Access>) -> Arc<Authorize> {
    Arc::new(move |head: &Parts| {
        let caller = access.caller(&head.method, &head.headers, peer(&head.extensions)).map_err(unauthorized)?;
        match caller.may(&Permission::INGEST) {
            true => Ok(caller.tenant().clone()),
            false => Err(Unauthorized::Forbidden(format!(
                "{} lacks the permission {}",
                caller.who().name(),
                Permission::INGEST
            ))),
        }
    })
}

fn peer(extensions: &http::Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip())
}

fn unauthorized(refusal: Refusal) -> Unauthorized {
    match refusal {
        Refusal::Unauthenticated(reason) => Unauthorized::Unauthenticated(reason),
        Refusal::Forbidden(reason) => Unauthorized::Forbidden(reason),
    }
}

/// Tells SQL who asks, after the hub has let them in.
pub(crate) async fn of_sql(Extension(caller): Extension<Caller>, mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(plugin::asker(caller));
    next.run(request).await
}
