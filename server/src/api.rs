//! The API as one service: routes of hub, products and telemetry behind one guard, their description, and a page to try them.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::get;
use http::header::{
    AUTHORIZATION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue, Method};
use hub::Hub;
use query::QueryEngine;
use tower_http::cors::CorsLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::SwaggerUi;

use crate::config::ServerConfig;
use crate::health::nothing_here;
use crate::reload::Reload;
use crate::{access, reload};

const DESCRIPTION: &str = "/api/openapi.json";
const PAGE: &str = "/api/docs";
/// Nothing from elsewhere, and in no frame of others.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// What the description says of the whole.
#[derive(OpenApi)]
#[openapi(info(
    title = "Observatory",
    description = "Open observability: telemetry in SQL, and the products on it. Send a key or an access token as \
                   `Authorization: Bearer`. A session begins at `POST /api/v1/hub/session`."
))]
struct Whole;

/// What a port of the API answers with.
pub(crate) struct Api<'a> {
    pub(crate) hub: &'a Arc<Hub>,
    pub(crate) server: &'a ServerConfig,
}

impl Api<'_> {
    /// Telemetry and the server itself.
    pub(crate) fn of_telemetry(engine: &QueryEngine, reload: &Arc<Reload>) -> OpenApiRouter {
        let sql = query::http::routes(Arc::new(engine.clone())).layer(from_fn(access::of_sql));
        sql.merge(reload::routes(reload))
    }

    /// These routes and the hub's, for those who may.
    pub(crate) fn serving(&self, routes: OpenApiRouter) -> Router {
        let routes = OpenApiRouter::with_openapi(Whole::openapi()).merge(self.hub.routes()).merge(routes);
        let (guarded, mut description) = self.hub.guarded(routes);
        name_operations(&mut description);
        let description: Arc<str> = description.to_json().expect("a description is JSON").into();
        let json = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        let describe = get(move || async move { (json, description.to_string()) });
        let page = SwaggerUi::new(PAGE).config(utoipa_swagger_ui::Config::from(DESCRIPTION));
        let router = guarded.route(DESCRIPTION, describe).merge(page).fallback(app);
        let router = router.layer(RequestBodyTimeoutLayer::new(self.server.body_pause()));
        match self.origins() {
            origins if origins.is_empty() => router,
            origins => router.layer(cors(origins)),
        }
    }

    fn origins(&self) -> Vec<HeaderValue> {
        let value = |origin: &String| HeaderValue::from_str(origin).expect("the settings were checked");
        self.server.cors_origins.iter().map(value).collect()
    }
}

/// Names every operation after its method and path: by the names of their functions many would be called `list`.
fn name_operations(description: &mut utoipa::openapi::OpenApi) {
    for (path, item) in &mut description.paths.paths {
        let words = path.trim_start_matches("/api/v1/").split(|letter: char| !letter.is_ascii_alphanumeric());
        let name = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("_");
        let operations = [
            ("get", &mut item.get),
            ("put", &mut item.put),
            ("post", &mut item.post),
            ("patch", &mut item.patch),
            ("delete", &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                operation.operation_id = Some(format!("{method}_{name}"));
            }
        }
    }
}

/// The web app, at every address that is not the API's.
async fn app(request: Request) -> Response {
    let path = request.uri().path();
    let is_of_api = ["/api", "/health"].iter().any(|begin| path.starts_with(begin));
    let answer = if is_of_api { None } else { dashboards::app(request.method(), path, request.headers()) };
    match answer {
        Some(answer) => answer,
        None => nothing_here(request).await,
    }
}

/// With the headers that keep browsers from doing what no page of ours asks for.
pub(crate) fn hardened(server: &ServerConfig, router: Router) -> Router {
    let set = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    let router = router
        .layer(set(CONTENT_SECURITY_POLICY, POLICY))
        .layer(set(X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(set(X_FRAME_OPTIONS, "DENY"))
        .layer(set(REFERRER_POLICY, "no-referrer"));
    match server.tls {
        Some(_) => router.layer(set(STRICT_TRANSPORT_SECURITY, "max-age=31536000")),
        None => router,
    }
}

/// Pages of these origins may ask with a key or token of their own; cookies of ours stay ours.
fn cors(origins: Vec<HeaderValue>) -> CorsLayer {
    let custom = ["x-api-key", "x-observatory-tenant", "traceparent"].map(HeaderName::from_static);
    let told =
        ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after"].map(HeaderName::from_static);
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE].into_iter().chain(custom).collect::<Vec<_>>())
        .expose_headers(told)
        .max_age(Duration::from_secs(3600))
}
