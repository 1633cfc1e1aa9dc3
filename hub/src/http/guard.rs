//! Stands before every route: who is asking, how often, and whether they may, by what the route's description says.
//!
//! `security(())` lets everybody in, `security(("caller" = []))` whoever is known, and `security(("caller" = ["a:b:c"]))` whoever
//! has the permission. What is not described is not there.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, Method};
use serde_json::Value;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;

use crate::Hub;
use crate::access::{Asking, Caller, Origin};
use crate::error::Error;
use crate::limits::Left;
use crate::permissions::Permission;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// Who may use a route.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Everybody,
    Known,
    Having(Permission),
}

/// The rules of all routes, by method and path.
#[derive(Debug)]
struct Guard {
    hub: Arc<Hub>,
    rules: HashMap<(Method, String), Rule>,
}

impl Hub {
    /// The routes as a service that lets in who may. [`Asking`] tells them who it is; so do
    /// `Extension<Caller>` and `Extension<Tenant>`.
    ///
    /// Takes routes with their whole addresses: of all products at once, or of each by itself.
    pub fn guarded(self: &Arc<Self>, routes: OpenApiRouter) -> (Router, OpenApi) {
        let (router, mut description) = routes.split_for_parts();
        let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        description.components.get_or_insert_default().add_security_scheme("caller", bearer);
        let guard = Arc::new(Guard { hub: Arc::clone(self), rules: rules(&description) });
        (router.route_layer(from_fn_with_state(guard, stand)), description)
    }

    /// Routes without a description, for whoever has the permission.
    pub fn requiring(self: &Arc<Self>, router: Router, permission: Permission) -> Router {
        router.route_layer(from_fn_with_state((Arc::clone(self), Rule::Having(permission)), stand_before_all))
    }

    async fn admit(&self, rule: Option<&Rule>, mut request: Request, next: Next) -> Response {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        let origin = self.access.origin(request.headers(), peer);
        let admitted = self.admitted(rule, &request, peer, &origin);
        let mut response = match admitted {
            Ok((caller, left)) => {
                let extensions = request.extensions_mut();
                if let Some(caller) = caller {
                    extensions.insert(caller.tenant().clone());
                    extensions.insert(Asking::new(caller.clone(), origin.clone()));
                    extensions.insert(caller);
                }
                extensions.insert(origin);
                with_limits(next.run(request).await, left)
            }
            Err(error) => {
                self.telemetry.refused(&error);
                error.into_response()
            }
        };
        // What is told to one caller is not for a cache between.
        response.headers_mut().entry(http::header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        response
    }

    fn admitted(
        &self,
        rule: Option<&Rule>,
        request: &Request,
        peer: Option<IpAddr>,
        origin: &Origin,
    ) -> Result<(Option<Caller>, Left), Error> {
        let permission = match rule {
            None => {
                return Err(Error::not_found("operation", format!("{} {}", request.method(), request.uri().path())));
            }
            Some(Rule::Everybody) => return Ok((None, self.limits.unknown(origin.address)?)),
            Some(Rule::Known) => None,
            Some(Rule::Having(permission)) => Some(permission),
        };
        let caller = match self.access.caller(request.method(), request.headers(), peer) {
            Ok(caller) => caller,
            Err(refusal) => {
                // Guessing keys is as limited as anything else.
                self.limits.unknown(origin.address)?;
                return Err(refusal.into());
            }
        };
        let left = self.limits.request(&caller, origin.address)?;
        if let Some(permission) = permission {
            self.access.check(&caller, permission)?;
        }
        Ok((Some(caller), left))
    }
}

async fn stand(State(guard): State<Arc<Guard>>, path: MatchedPath, request: Request, next: Next) -> Response {
    // Whoever answers GET answers HEAD.
    let method = if request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
    let rule = guard.rules.get(&(method, path.as_str().to_owned()));
    guard.hub.admit(rule, request, next).await
}

async fn stand_before_all(State((hub, rule)): State<(Arc<Hub>, Rule)>, request: Request, next: Next) -> Response {
    hub.admit(Some(&rule), request, next).await
}

fn with_limits(mut response: Response, left: Left) -> Response {
    let headers = response.headers_mut();
    headers.insert(LIMIT, HeaderValue::from(left.limit));
    headers.insert(REMAINING, HeaderValue::from(left.remaining));
    headers.insert(RESET, HeaderValue::from(left.reset.as_secs() + u64::from(left.reset.subsec_nanos() > 0)));
    response
}

/// What the description says of each operation.
fn rules(description: &OpenApi) -> HashMap<(Method, String), Rule> {
    let description = serde_json::to_value(description).expect("a description is JSON");
    let paths = description["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path, method, operation))
    });
    let rules = operations.filter_map(|(path, method, operation)| {
        let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).ok()?;
        Some(((method, path.clone()), rule(operation)?))
    });
    rules.collect()
}

fn rule(operation: &Value) -> Option<Rule> {
    let security = operation.get("security")?.as_array()?;
    match security.as_slice() {
        [Value::Object(none)] if none.is_empty() => Some(Rule::Everybody),
        [requirement] => match requirement.get("caller")?.as_array()?.as_slice() {
            [] => Some(Rule::Known),
            [permission] => permission.as_str()?.parse().ok().map(Rule::Having),
            // Several permissions have no meaning yet, so nobody has them.
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_route_that_says_nothing_has_no_rule() {
        let having = |text: &str| Some(Rule::Having(text.parse().expect("a permission")));
        for (operation, expected) in [
            (json!({}), None),
            (json!({"security": []}), None),
            (json!({"security": [{}]}), Some(Rule::Everybody)),
            (json!({"security": [{"caller": []}]}), Some(Rule::Known)),
            (json!({"security": [{"caller": ["hub:people:read"]}]}), having("hub:people:read")),
            (json!({"security": [{"caller": ["hub:people:*"]}]}), None),
            (json!({"security": [{"caller": ["a:b:c", "d:e:f"]}]}), None),
            (json!({"security": [{"caller": []}, {}]}), None),
            (json!({"security": [{"other": []}]}), None),
        ] {
            assert_eq!(rule(&operation), expected, "{operation}");
        }
    }
}
