//! Statements of the SQL workbench: saved ones, and what somebody asked before.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use http::StatusCode;
use plugin::hub::audit::Deed;
use plugin::hub::{Asking, Moment};
use plugin::model::Timestamp;
use plugin::records::{Cursor, Expected, List, PAGE_MAX, RecordId};
use plugin::{Asked, Failure};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use super::Desk;
use crate::library::has_room;
use crate::queries::{self, REMEMBERED_BYTES_MAX, REMEMBERED_MAX, Remembered, SAVED_MAX, SQL_BYTES_MAX, SavedQuery};

/// Longest name, and longest description, in bytes.
const NAME_BYTES_MAX: usize = 200;
const DESCRIPTION_BYTES_MAX: usize = 1024;

/// Saved statements.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SavedQueries {
    queries: Vec<SavedQuery>,
}

/// A statement that is to be saved.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueryToSave {
    sql: String,
    description: Option<String>,
}

/// A statement that was asked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueryAsked {
    sql: String,
    /// How long the answer took.
    took_ms: Option<u64>,
    /// How many rows it has.
    rows: Option<u64>,
}

/// What somebody asked, the last one first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QueryHistory {
    queries: Vec<RememberedQuery>,
    /// `after` of the next page; null on the last one.
    next: Option<String>,
}

/// A statement, and when it was asked.
#[derive(Debug, Serialize, ToSchema)]
struct RememberedQuery {
    sql: String,
    at: String,
    took_ms: Option<u64>,
    rows: Option<u64>,
}

/// Which page.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct HistoryWanted {
    /// `next` of the page before.
    after: Option<String>,
    /// At most so many; 50 when it is not said, 200 at most.
    limit: Option<usize>,
}

/// Saved statements of the tenant, by name
#[utoipa::path(
    get, path = "/queries", tag = "dashboards", security(("caller" = ["dashboards:queries:read"])),
    responses((status = 200, body = SavedQueries))
)]
pub(crate) async fn list(State(desk): State<Desk>, asking: Asking) -> Result<Json<SavedQueries>, Failure> {
    let saved = desk.context.records.collection::<SavedQuery>();
    let (mut queries, mut after) = (Vec::new(), None);
    loop {
        let page = saved.list(asking.tenant(), &List::all().limit(PAGE_MAX).after(after)).await?;
        queries.extend(page.records.into_iter().map(|record| record.body));
        after = page.next;
        if after.is_none() {
            return Ok(Json(SavedQueries { queries }));
        }
    }
}

/// Save a statement, new or in the place of one of that name
#[utoipa::path(
    put, path = "/queries/{name}", tag = "dashboards", security(("caller" = ["dashboards:queries:write"])),
    params(("name" = String, Path)), request_body = QueryToSave,
    responses((status = 200, body = SavedQuery), (status = 400, description = "It is too long, or there are too many"))
)]
pub(crate) async fn put(
    State(desk): State<Desk>,
    asking: Asking,
    Path(name): Path<String>,
    body: Result<Json<QueryToSave>, JsonRejection>,
) -> Result<Json<SavedQuery>, Failure> {
    let QueryToSave { sql, description } = wanted(body)?;
    check_length("the name", &name, NAME_BYTES_MAX)?;
    check_length("the statement", &sql, SQL_BYTES_MAX)?;
    if let Some(description) = &description {
        check_length("the description", description, DESCRIPTION_BYTES_MAX)?;
    }
    let by = asking.caller().who().name().to_owned();
    let (id, saved) = (&RecordId::new(name.as_str())?, &SavedQuery { name, description, sql, by });
    let (asking, audit, tenant) = (&asking, &desk.context.audit, asking.tenant());
    let save = desk.context.records.transaction(|transaction| async move {
        let all = transaction.collection::<SavedQuery>();
        if all.get(tenant, id).await?.is_none() && !has_room::<SavedQuery>(&transaction, tenant, SAVED_MAX).await? {
            let failure = Failure::invalid(format!("a tenant saves at most {SAVED_MAX} statements"));
            return Err(failure.hinting("remove one first"));
        }
        all.put(tenant, id, saved, Expected::Any).await?;
        let deed = Deed { action: "query.saved", subject: ("query", &saved.name), details: json!({}) };
        audit.by(&transaction, asking, deed).await?;
        Ok::<_, Failure>(())
    });
    save.await?;
    Ok(Json(saved.clone()))
}

/// Remove a saved statement
#[utoipa::path(
    delete, path = "/queries/{name}", tag = "dashboards", security(("caller" = ["dashboards:queries:write"])),
    params(("name" = String, Path)),
    responses((status = 204, description = "It is gone"), (status = 404, description = "There is none"))
)]
pub(crate) async fn remove(
    State(desk): State<Desk>,
    asking: Asking,
    Path(name): Path<String>,
) -> Result<StatusCode, Failure> {
    let (id, name) = (&RecordId::new(name.as_str())?, name.as_str());
    let (asking, audit, tenant) = (&asking, &desk.context.audit, asking.tenant());
    let remove = desk.context.records.transaction(|transaction| async move {
        if !transaction.collection::<SavedQuery>().delete(tenant, id, Expected::Any).await? {
            return Err(Failure::not_found(format!("there is no saved statement '{name}'")));
        }
        let deed = Deed { action: "query.deleted", subject: ("query", name), details: json!({}) };
        audit.by(&transaction, asking, deed).await?;
        Ok::<_, Failure>(())
    });
    remove.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the caller asked before, the last one first
#[utoipa::path(
    get, path = "/queries/history", tag = "dashboards", security(("caller" = ["telemetry:rows:read"])),
    params(HistoryWanted), responses((status = 200, body = QueryHistory))
)]
pub(crate) async fn history(
    State(desk): State<Desk>,
    asking: Asking,
    Asked(wanted): Asked<HistoryWanted>,
) -> Result<Json<QueryHistory>, Failure> {
    let after = wanted.after.map(Cursor::try_from).transpose()?;
    let limit = wanted.limit.unwrap_or(50).clamp(1, REMEMBERED_MAX as usize);
    let list = queries::of(&asking.caller().who().to_string()).limit(limit).after(after);
    let page = desk.context.records.collection::<Remembered>().list(asking.tenant(), &list).await?;
    let queries = page.records.into_iter().map(|record| {
        let Remembered { sql, at, took_ms, rows, .. } = record.body;
        RememberedQuery { sql, at: Moment(Timestamp(at)).to_string(), took_ms, rows }
    });
    Ok(Json(QueryHistory { queries: queries.collect(), next: page.next.map(String::from) }))
}

/// Remember a statement that the caller asked; the last 200 are, for 90 days
#[utoipa::path(
    post, path = "/queries/history", tag = "dashboards", security(("caller" = ["telemetry:rows:read"])),
    request_body = QueryAsked,
    responses((status = 204, description = "It is"), (status = 400, description = "It is too long"))
)]
pub(crate) async fn remember(
    State(desk): State<Desk>,
    asking: Asking,
    body: Result<Json<QueryAsked>, JsonRejection>,
) -> Result<StatusCode, Failure> {
    let QueryAsked { sql, took_ms, rows } = wanted(body)?;
    check_length("a statement that is remembered", &sql, REMEMBERED_BYTES_MAX)?;
    queries::remember(&desk.context.records, &asking, (sql, took_ms, rows)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forget what the caller asked
#[utoipa::path(
    delete, path = "/queries/history", tag = "dashboards", security(("caller" = ["telemetry:rows:read"])),
    responses((status = 204, description = "It is forgotten"))
)]
pub(crate) async fn forget(State(desk): State<Desk>, asking: Asking) -> Result<StatusCode, Failure> {
    queries::forget_own(&desk.context.records, &asking).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn wanted<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, Failure> {
    body.map(|Json(wanted)| wanted).map_err(|cause| Failure::invalid(cause.body_text()))
}

fn check_length(what: &str, text: &str, bytes_max: usize) -> Result<(), Failure> {
    if text.trim().is_empty() {
        return Err(Failure::invalid(format!("{what} is empty")));
    }
    if text.len() > bytes_max {
        return Err(Failure::invalid(format!("{what} has {} bytes, over the limit of {bytes_max}", text.len())));
    }
    Ok(())
}
