//! Opens an incident that no rule has found.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use plugin::Failure;
use plugin::hub::Asking;
use plugin::records::Expected;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::alerts::{open_next, put};
use super::super::document::{LINKS_MAX, Opening, SERVICES_MAX};
use super::super::timeline::{Entries, EntryKind};
use super::super::{deed, happened};
use super::{Body, Desk, IncidentView, Refusal, TEXT_BYTES_MAX, TITLE_BYTES_MAX, actor, said};
use crate::notify::Link;
use crate::rule::Priority;

/// An incident to open.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct IncidentRequest {
    title: String,
    priority: Priority,
    /// What is known so far; the first note.
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    services: Vec<String>,
    /// To traces, queries and more.
    #[serde(default)]
    links: Vec<Link>,
}

/// Open an incident
///
/// Who is on call is told within seconds.
#[utoipa::path(
    post, path = "/incidents", tag = "incidents", security(("caller" = ["alerting:incidents:write"])),
    request_body = IncidentRequest,
    responses((status = 201, body = IncidentView), (status = 400, description = "Something in it cannot be"))
)]
pub(crate) async fn open(
    State(desk): State<Desk>,
    asking: Asking,
    Body(request): Body<IncidentRequest>,
) -> Result<(StatusCode, Json<IncidentView>), Failure> {
    let (actor, at, tenant) = (actor(asking.caller()), desk.incidents.now(), asking.tenant());
    let (opening, text) = request.read(actor.who.clone())?;
    let (asking, opening, text, actor) = (&asking, &opening, &text, &actor);
    let desk = &desk;
    let opened = desk.incidents.records.transaction(|transaction| async move {
        let mut incident = open_next(&transaction, tenant, Some(at), opening.clone()).await?;
        let mut entries = Entries::default();
        let opened = format!("{:?}: {}", incident.priority, incident.title);
        entries.add(&mut incident, actor, (EntryKind::Opened, opened), at);
        if let Some(text) = text {
            entries.add(&mut incident, actor, (EntryKind::Note, text.clone()), at);
        }
        put(&transaction, tenant, &incident, Expected::Absent).await?;
        entries.write(&transaction, tenant).await?;
        happened(&transaction, tenant, "alerting.incident.opened", &incident).await?;
        desk.incidents.audit.by(&transaction, asking, deed("incident.opened", &incident)).await?;
        Ok::<_, Refusal>(incident)
    });
    Ok((StatusCode::CREATED, Json(IncidentView::new(1, &opened.await?))))
}

impl IncidentRequest {
    fn read(self, opened_by: String) -> Result<(Opening, Option<String>), Failure> {
        let Self { title, priority, text, services, links } = self;
        for (what, number, limit) in [("services", services.len(), SERVICES_MAX), ("links", links.len(), LINKS_MAX)] {
            if number > limit {
                let message = format!("{number} {what}, over the limit of {limit}");
                return Err(Failure::invalid(message).hinting("leave some out"));
            }
        }
        let title = said("title", &title, TITLE_BYTES_MAX)?;
        let text = text.map(|text| said("text", &text, TEXT_BYTES_MAX)).transpose()?;
        for service in &services {
            said("services", service, TITLE_BYTES_MAX)?;
        }
        for Link { name, url } in &links {
            said("links.name", name, TITLE_BYTES_MAX)?;
            said("links.url", url, 4 * TITLE_BYTES_MAX)?;
            if !["https://", "http://", "/"].iter().any(|start| url.starts_with(start)) {
                let message = format!("'links.url' is '{url}', which is no address");
                return Err(Failure::invalid(message).hinting("begin it with https://, http:// or /"));
            }
        }
        Ok((Opening { title, priority, opened_by, rule: None, services, links }, text))
    }
}
