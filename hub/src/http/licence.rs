//! The licence of the server.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::Hubs;
use super::status::ErrorAnswer;
use crate::access::Asking;
use crate::clock::Moment;
use crate::error::Error;
use crate::licence::{Licence, Standing};

/// What the licence is worth now.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LicenceView {
    /// `none`, `valid`, `grace` or `read_only`.
    standing: &'static str,
    /// When grace ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    grace_ends: Option<Moment>,
    /// Why products can be read only.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    licence: Option<Licence>,
}

impl From<Standing> for LicenceView {
    fn from(standing: Standing) -> Self {
        let view = |standing, licence| Self { standing, grace_ends: None, reason: None, licence };
        match standing {
            Standing::None => view("none", None),
            Standing::Valid(licence) => view("valid", Some(licence)),
            Standing::Grace(licence, ends) => Self { grace_ends: Some(ends.into()), ..view("grace", Some(licence)) },
            Standing::ReadOnly(licence, reason) => Self { reason: Some(reason), ..view("read_only", licence) },
        }
    }
}

/// What the licence allows
#[utoipa::path(
    get, path = "/licence", tag = "licence", security(("caller" = ["hub:licence:read"])),
    responses((status = 200, body = LicenceView), (status = 403, body = ErrorAnswer))
)]
pub(crate) async fn read(State(hub): Hubs) -> Json<LicenceView> {
    Json(hub.access.licence().into())
}

/// Install a licence file
#[utoipa::path(
    put, path = "/licence", tag = "licence", security(("caller" = ["server:licence:write"])),
    request_body(content = String, content_type = "text/plain"),
    responses((status = 200, body = LicenceView), (status = 400, body = ErrorAnswer), (status = 403, body = ErrorAnswer))
)]
pub(crate) async fn install(State(hub): Hubs, asking: Asking, file: String) -> Result<Json<LicenceView>, Error> {
    hub.install_licence(asking.by(), &file).await?;
    Ok(Json(hub.access.licence().into()))
}
