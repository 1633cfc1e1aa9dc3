//! The API of incidents below `/api/v1/alerting`.

mod acts;
mod duty;
mod figures;
mod open;
mod show;

use axum::Json;
use axum::extract::{FromRequest, Request};
use plugin::hub::{Asking, Caller};
use plugin::model::Tenant;
use plugin::query::QueryEngine;
use plugin::records::{Error, Expected, Record, RecordId, Transaction};
use plugin::{Failure, Told};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::document::Incident;
use super::timeline::{Actor, Entries};
use super::{Incidents, deed, happened};

/// Longest title and name, in bytes.
const TITLE_BYTES_MAX: usize = 500;
/// Longest note, reason or review, in bytes.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// What the routes work with.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    pub(crate) incidents: Incidents,
    pub(crate) engine: QueryEngine,
}

/// All of them.
pub(crate) fn routes() -> OpenApiRouter<Desk> {
    OpenApiRouter::new()
        .routes(routes!(show::list, open::open))
        .routes(routes!(figures::show))
        .routes(routes!(show::show, acts::change))
        .routes(routes!(acts::acknowledge))
        .routes(routes!(acts::assign))
        .routes(routes!(acts::note))
        .routes(routes!(acts::escalate))
        .routes(routes!(acts::resolve))
        .routes(routes!(acts::reopen))
        .routes(routes!(acts::review))
        .routes(routes!(duty::on_call))
        .routes(routes!(duty::escalation))
}

/// An incident, and the version that a change may name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IncidentView {
    /// Counts up with every change.
    version: u64,
    #[serde(flatten)]
    #[schema(value_type = Incident)]
    incident: Told,
}

impl IncidentView {
    fn new(version: u64, incident: &Incident) -> Self {
        // Who was told stands in the timeline.
        let shown = Incident { reached: Vec::new(), ..incident.clone() };
        Self { version, incident: Told::of(&shown) }
    }
}

impl From<Record<Incident>> for IncidentView {
    fn from(record: Record<Incident>) -> Self {
        Self::new(record.version, &record.body)
    }
}

/// The body of a request, as JSON; what cannot be read is a [`Failure`].
#[derive(Debug)]
struct Body<T>(T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let Json(body) =
            Json::from_request(request, state).await.map_err(|cause| Failure::invalid(cause.body_text()))?;
        Ok(Self(body))
    }
}

/// Which incident is changed, by whom.
#[derive(Clone, Copy)]
struct Act<'a> {
    asking: &'a Asking,
    number: &'a str,
    /// The version that was seen; whatever there is when it is not said.
    version: Option<u64>,
}

/// Why nothing was changed.
enum Refusal {
    Failure(Failure),
    Records(Error),
}

impl From<Error> for Refusal {
    fn from(cause: Error) -> Self {
        Self::Records(cause)
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Failure(failure) => failure,
            Refusal::Records(cause) => cause.into(),
        }
    }
}

impl Desk {
    /// Changes an incident as `change` says, with its timeline, an event of the kind `alerting.incident.<happens>`, and the audit trail.
    async fn act(
        &self,
        act: Act<'_>,
        happens: &str,
        change: impl Fn(&mut Incident, &mut Entries, &Actor, i64) -> Result<(), Failure>,
    ) -> Result<Json<IncidentView>, Failure> {
        let (tenant, id, actor) = (act.asking.tenant(), id(act.number)?, actor(act.asking.caller()));
        let (now, action) = (self.incidents.now(), format!("incident.{happens}"));
        let (act, id, actor, change, action) = (&act, &id, &actor, &change, &action);
        let changed = self.incidents.records.transaction(|transaction| async move {
            let Record { version, mut body, .. } = read(&transaction, tenant, id, act.version).await?;
            let mut entries = Entries::default();
            change(&mut body, &mut entries, actor, now)?;
            keep_rule(&transaction, tenant, &mut body).await?;
            let incidents = transaction.collection::<Incident>();
            let written = incidents.put(tenant, id, &body, Expected::Version(version)).await?;
            entries.write(&transaction, tenant).await?;
            happened(&transaction, tenant, &format!("alerting.{action}"), &body).await?;
            self.incidents.audit.by(&transaction, act.asking, deed(action, &body)).await?;
            Ok::<_, Refusal>(IncidentView::new(written.version, &body))
        });
        Ok(Json(changed.await?))
    }
}

/// The incident in the version that was seen.
async fn read(
    transaction: &Transaction,
    tenant: &Tenant,
    id: &RecordId,
    seen: Option<u64>,
) -> Result<Record<Incident>, Refusal> {
    let found = transaction.collection::<Incident>().get(tenant, id).await?;
    let found = found.ok_or_else(|| missing(id.as_str()))?;
    if seen.is_some_and(|seen| seen != found.version) {
        let (id, found) = (id.to_string(), Some(found.version));
        return Err(Error::Conflict { collection: "alerting.incidents", id, found }.into());
    }
    Ok(found)
}

/// An incident that is open again takes further alerts of its rule, unless another one does by now.
async fn keep_rule(transaction: &Transaction, tenant: &Tenant, incident: &mut Incident) -> Result<(), Error> {
    if !incident.is_active || incident.open_rule.is_some() {
        return Ok(());
    }
    let Some(rule) = &incident.rule else { return Ok(()) };
    let other = transaction.collection::<Incident>().find(tenant, "open_rule", rule.as_str()).await?;
    if other.is_none() {
        incident.open_rule = Some(rule.clone());
    }
    Ok(())
}

fn actor(caller: &Caller) -> Actor {
    let who = caller.who();
    Actor { who: who.to_string(), name: Some(who.name().to_owned()) }
}

fn id(number: &str) -> Result<RecordId, Failure> {
    RecordId::new(number).map_err(|_| missing(number))
}

fn missing(number: &str) -> Failure {
    Failure::not_found(format!("there is no incident '{number}'")).hinting("GET /api/v1/alerting/incidents lists them")
}

/// A text that must say something, within a limit.
fn said(what: &str, text: &str, bytes_max: usize) -> Result<String, Failure> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Failure::invalid(format!("'{what}' is empty")).hinting("say something"));
    }
    if text.len() > bytes_max {
        let message = format!("'{what}' is {} bytes, over the limit of {bytes_max}", text.len());
        return Err(Failure::invalid(message).hinting("make it shorter"));
    }
    Ok(text.to_owned())
}

/// The version that was seen; a change of another one is refused.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Seen {
    /// Whatever there is when it is not said.
    version: Option<u64>,
}
