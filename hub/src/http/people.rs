//! People of the tenant.

use axum::Json;
use axum::extract::{Path, State};
use http::StatusCode;
use records::Record;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Hubs;
use super::extract::{Asked, Body, PageWanted, id};
use super::status::ErrorAnswer;
use crate::access::Asking;
use crate::clock::Moment;
use crate::email::Email;
use crate::error::Error;
use crate::passwords::Secret;
use crate::people::{NewPerson, Person, PersonEdit, Status};
use crate::roles::RoleName;

/// A person.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PersonView {
    id: String,
    email: String,
    name: String,
    /// Roles of their own, beside those of their groups.
    roles: Vec<String>,
    status: Status,
    /// `<provider>/<subject>`, for those who sign in elsewhere.
    identity: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    made_at: Moment,
    #[schema(value_type = String, format = DateTime)]
    changed_at: Moment,
}

impl PersonView {
    fn of(person: Record<Person>) -> Self {
        let Person { email, name, roles, status, identity, .. } = person.body;
        Self {
            id: person.id.into(),
            email: email.into(),
            name,
            roles: roles.into_iter().map(String::from).collect(),
            status,
            identity,
            made_at: person.created_at.into(),
            changed_at: person.updated_at.into(),
        }
    }
}

/// Some people.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct People {
    people: Vec<PersonView>,
    /// `after` of the next page.
    next: Option<String>,
}

/// Which people.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct PeopleWanted {
    /// The one with this e-mail.
    #[param(value_type = Option<String>)]
    email: Option<Email>,
    after: Option<String>,
    limit: Option<usize>,
}

/// People of the tenant
#[utoipa::path(
    get, path = "/people", tag = "people", security(("caller" = ["hub:people:read"])), params(PeopleWanted),
    responses((status = 200, body = People), (status = 403, body = ErrorAnswer))
)]
pub(crate) async fn list(
    State(hub): Hubs,
    asking: Asking,
    Asked(wanted): Asked<PeopleWanted>,
) -> Result<Json<People>, Error> {
    let PeopleWanted { email, after, limit } = wanted;
    let list = PageWanted { after, limit }.list()?;
    let list = email.into_iter().fold(list, |list, email| list.equal("email", email.as_str()));
    let page = hub.records.collection::<Person>().list(asking.tenant(), &list).await?;
    let people = page.records.into_iter().map(PersonView::of).collect();
    Ok(Json(People { people, next: page.next.map(String::from) }))
}

/// Somebody to invite.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Invitation {
    #[schema(value_type = String)]
    email: Email,
    #[serde(default)]
    name: String,
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    roles: Vec<RoleName>,
}

/// Somebody who can sign in once, and then chooses a password.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OneTimePassword {
    id: String,
    /// Told once: pass it on.
    #[schema(value_type = String)]
    one_time_password: Secret,
}

/// Invite somebody
#[utoipa::path(
    post, path = "/people", tag = "people", security(("caller" = ["hub:people:write"])), request_body = Invitation,
    responses((status = 201, body = OneTimePassword), (status = 403, body = ErrorAnswer), (status = 409, body = ErrorAnswer))
)]
pub(crate) async fn invite(
    State(hub): Hubs,
    asking: Asking,
    Body(invitation): Body<Invitation>,
) -> Result<(StatusCode, Json<OneTimePassword>), Error> {
    let Invitation { email, name, roles } = invitation;
    let (id, one_time_password) = hub.invite(&asking, &NewPerson { email, name, roles }).await?;
    Ok((StatusCode::CREATED, Json(OneTimePassword { id: id.into(), one_time_password })))
}

/// One person
#[utoipa::path(
    get, path = "/people/{id}", tag = "people", security(("caller" = ["hub:people:read"])), params(("id" = String, Path)),
    responses((status = 200, body = PersonView), (status = 404, body = ErrorAnswer))
)]
pub(crate) async fn read(
    State(hub): Hubs,
    asking: Asking,
    Path(person): Path<String>,
) -> Result<Json<PersonView>, Error> {
    let id = id("person", person)?;
    let person = hub.records.collection::<Person>().get(asking.tenant(), &id).await?;
    Ok(Json(PersonView::of(person.ok_or_else(|| Error::not_found("person", id))?)))
}

/// What is to be different of a person.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonChange {
    name: Option<String>,
    #[schema(value_type = Option<Vec<String>>)]
    roles: Option<Vec<RoleName>>,
    /// Whether they are kept out; what they have open is closed.
    suspended: Option<bool>,
}

/// Change name, roles or whether somebody can come in
#[utoipa::path(
    patch, path = "/people/{id}", tag = "people", security(("caller" = ["hub:people:write"])), params(("id" = String, Path)),
    request_body = PersonChange,
    responses((status = 200, body = PersonView), (status = 403, body = ErrorAnswer), (status = 404, body = ErrorAnswer))
)]
pub(crate) async fn edit(
    State(hub): Hubs,
    asking: Asking,
    Path(person): Path<String>,
    Body(change): Body<PersonChange>,
) -> Result<Json<PersonView>, Error> {
    let PersonChange { name, roles, suspended } = change;
    let edit = PersonEdit { name, roles, is_suspended: suspended };
    let person = hub.edit_person(&asking, &id("person", person)?, &edit).await?;
    Ok(Json(PersonView::of(person)))
}

/// Remove somebody
#[utoipa::path(
    delete, path = "/people/{id}", tag = "people", security(("caller" = ["hub:people:write"])), params(("id" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorAnswer), (status = 409, body = ErrorAnswer))
)]
pub(crate) async fn remove(State(hub): Hubs, asking: Asking, Path(person): Path<String>) -> Result<StatusCode, Error> {
    hub.remove_person(&asking, &id("person", person)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give somebody a new one-time password
///
/// Also ends a lock after wrong passwords, and closes what they have open.
#[utoipa::path(
    post, path = "/people/{id}/password", tag = "people", security(("caller" = ["hub:people:write"])), params(("id" = String, Path)),
    responses((status = 200, body = OneTimePassword), (status = 404, body = ErrorAnswer))
)]
pub(crate) async fn reset_password(
    State(hub): Hubs,
    asking: Asking,
    Path(person): Path<String>,
) -> Result<Json<OneTimePassword>, Error> {
    let id = id("person", person)?;
    let one_time_password = hub.reset_password(&asking, &id).await?;
    Ok(Json(OneTimePassword { id: id.into(), one_time_password }))
}
