//! The hub's API at `/api/v1/hub`. Who may use a route stands in its description, and nowhere else: see [`guard`].

mod audit;
pub(crate) mod cookies;
mod dead_letters;
mod extract;
mod groups;
mod guard;
mod keys;
mod licence;
mod me;
mod oidc;
mod people;
mod providers;
mod roles;
mod scim;
mod session;
mod sessions;
mod status;
mod tenants;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Hub;

/// Largest body of a request, in bytes: a group with all its members.
const BODY_BYTES_MAX: usize = 1 << 20;

type Hubs = State<Arc<Hub>>;

impl Hub {
    /// The hub's routes, with their description. They let nobody in by themselves: [`Hub::guarded`] does.
    pub fn routes(self: &Arc<Self>) -> OpenApiRouter {
        let resources: OpenApiRouter<Arc<Hub>> = OpenApiRouter::new()
            .routes(routes!(session::start, session::end))
            .routes(routes!(session::refresh))
            .routes(routes!(session::public_keys))
            .routes(routes!(session::replace_signing_keys))
            .routes(routes!(me::read, me::edit))
            .routes(routes!(me::change_password))
            .routes(routes!(me::sessions, me::end_other_sessions))
            .routes(routes!(me::end_session))
            .routes(routes!(people::list, people::invite))
            .routes(routes!(people::read, people::edit, people::remove))
            .routes(routes!(people::reset_password))
            .routes(routes!(groups::list, groups::make))
            .routes(routes!(groups::read, groups::replace, groups::remove))
            .routes(routes!(roles::list))
            .routes(routes!(roles::put, roles::remove))
            .routes(routes!(keys::list, keys::make))
            .routes(routes!(keys::revoke))
            .routes(routes!(keys::rotate))
            .routes(routes!(sessions::list))
            .routes(routes!(sessions::end))
            .routes(routes!(sessions::end_all))
            .routes(routes!(audit::list))
            .routes(routes!(audit::verify))
            .routes(routes!(dead_letters::list))
            .routes(routes!(dead_letters::remove))
            .routes(routes!(dead_letters::retry))
            .routes(routes!(licence::read, licence::install))
            .routes(routes!(tenants::list, tenants::make))
            .routes(routes!(tenants::read, tenants::edit))
            .routes(routes!(providers::list))
            .routes(routes!(providers::put, providers::remove))
            .routes(routes!(oidc::providers))
            .routes(routes!(oidc::begin))
            .routes(routes!(oidc::finish))
            .routes(routes!(scim::service_provider))
            .routes(routes!(scim::resource_types))
            .routes(routes!(scim::users, scim::make_user))
            .routes(routes!(scim::user, scim::replace_user, scim::patch_user, scim::remove_user))
            .routes(routes!(scim::groups, scim::make_group))
            .routes(routes!(scim::group, scim::replace_group, scim::patch_group, scim::remove_group));
        let resources = resources.layer(DefaultBodyLimit::max(BODY_BYTES_MAX)).with_state(Arc::clone(self));
        OpenApiRouter::new().nest("/api/v1/hub", resources)
    }
}
