//! Silences: made by people for a while, ended when they are not needed any more.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use http::StatusCode;
use plugin::hub::audit::Deed;
use plugin::hub::{Asking, Moment};
use plugin::model::{Tenant, Timestamp};
use plugin::records::{Expected, List, Order, Record, RecordId};
use plugin::{Asked, Failure};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use crate::notify::desk::Desk;
use crate::notify::file::matchers;
use crate::notify::mute::silence::{SILENCES_MAX, Silence, not_ended};

/// Longest silence, in days.
const DAYS_MAX: i64 = 366;
/// Longest reason, in bytes.
const WHY_BYTES_MAX: usize = 1000;
/// Silences of an answer.
const SHOWN_MAX: usize = 500;

const DAY: i64 = 24 * 3600 * 1_000_000_000;

/// What is not to be told for a while.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SilenceWanted {
    /// All must be true of an alert's labels, `rule` and `severity` among them: `service=checkout`, `rule=~"API.*"`, `!=`, `!~`.
    matchers: Vec<String>,
    /// As `2026-01-31T10:00:00Z`; now when it is not said.
    #[schema(value_type = Option<String>, format = DateTime)]
    starts: Option<Moment>,
    #[schema(value_type = String, format = DateTime)]
    ends: Moment,
    why: String,
}

/// A silence.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SilenceShown {
    id: String,
    matchers: Vec<String>,
    #[schema(format = DateTime)]
    starts: String,
    #[schema(format = DateTime)]
    ends: String,
    /// Whether it mutes at this moment.
    is_active: bool,
    who: String,
    why: String,
}

/// Silences.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Silences {
    silences: Vec<SilenceShown>,
    /// True when there are more than the answer has.
    is_truncated: bool,
}

/// Which silences.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct SilencesWanted {
    /// Also those that have ended.
    ended: bool,
}

impl SilenceShown {
    fn new(record: Record<Silence>, now: Timestamp) -> Self {
        let Silence { matchers, starts, ends, who, why } = record.body;
        let time = |nanos| Moment(Timestamp(nanos)).to_string();
        Self {
            id: record.id.to_string(),
            matchers: matchers.into_iter().map(String::from).collect(),
            starts: time(starts),
            ends: time(ends),
            is_active: starts <= now.0 && now.0 < ends,
            who,
            why,
        }
    }
}

/// Silences, the one that ends first before the others
#[utoipa::path(
    get, path = "/silences", tag = "alerting", security(("caller" = ["alerting:silences:read"])),
    params(SilencesWanted), responses((status = 200, body = Silences))
)]
pub(crate) async fn list(
    State(desk): State<Desk>,
    Extension(tenant): Extension<Tenant>,
    Asked(wanted): Asked<SilencesWanted>,
) -> Result<Json<Silences>, Failure> {
    let (silences, now) = (desk.records.collection::<Silence>(), desk.now());
    let from = if wanted.ended { i64::MIN } else { now.0.saturating_add(1) };
    let list = List::all().at_least("ends", from).by(Order::Key("ends".to_owned())).limit(SHOWN_MAX);
    let page = silences.list(&tenant, &list).await?;
    let is_truncated = page.next.is_some();
    let silences = page.records.into_iter().map(|record| SilenceShown::new(record, now)).collect();
    Ok(Json(Silences { silences, is_truncated }))
}

/// Mutes alerts for a while
#[utoipa::path(
    post, path = "/silences", tag = "alerting", security(("caller" = ["alerting:silences:write"])),
    request_body = SilenceWanted,
    responses((status = 201, body = SilenceShown), (status = 400, description = "Matchers or times are wrong"))
)]
pub(crate) async fn create(
    State(desk): State<Desk>,
    asking: Asking,
    Json(wanted): Json<SilenceWanted>,
) -> Result<(StatusCode, Json<SilenceShown>), Failure> {
    let (tenant, now) = (asking.tenant(), desk.now());
    let silence = wanted.read(asking.caller().who().name().to_owned(), now)?;
    let silences = desk.records.collection::<Silence>();
    if not_ended(&silences, tenant, now).await?.len() >= SILENCES_MAX {
        return Err(Failure::invalid(format!("there are {SILENCES_MAX} silences, which is the limit"))
            .hinting("end one that is not needed any more"));
    }
    let id = RecordId::unique();
    put(&desk, &asking, "silence.made", (&id, &silence), Expected::Absent).await?;
    Ok((StatusCode::CREATED, Json(SilenceShown::new(find(&desk, tenant, &id).await?, now))))
}

/// Ends a silence now; alerts that still fire are told within seconds
#[utoipa::path(
    delete, path = "/silences/{id}", tag = "alerting", security(("caller" = ["alerting:silences:write"])),
    params(("id" = String, Path)),
    responses((status = 204, description = "It has ended"), (status = 404, description = "There is no such silence"))
)]
pub(crate) async fn end(
    State(desk): State<Desk>,
    asking: Asking,
    Path(id): Path<String>,
) -> Result<StatusCode, Failure> {
    let (id, now) = (RecordId::new(id)?, desk.now());
    let found = find(&desk, asking.tenant(), &id).await?;
    if found.body.ends > now.0 {
        // It stays to be looked up: who was not told, and why.
        let ended = Silence { starts: found.body.starts.min(now.0), ends: now.0, ..found.body };
        put(&desk, &asking, "silence.ended", (&id, &ended), Expected::Version(found.version)).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

impl SilenceWanted {
    fn read(self, who: String, now: Timestamp) -> Result<Silence, Failure> {
        let matchers = matchers(&self.matchers).map_err(Failure::invalid)?;
        if matchers.is_empty() {
            return Err(Failure::invalid("there are no matchers").hinting("say rule=~\".+\" to mute everything"));
        }
        let (starts, ends) = (self.starts.map_or(now.0, |Moment(starts)| starts.0), self.ends.0.0);
        if ends <= starts || ends <= now.0 {
            return Err(Failure::invalid("it has ended before it starts, or before now").hinting("let 'ends' be later"));
        }
        if ends.saturating_sub(starts) > DAYS_MAX * DAY {
            let message = format!("it is longer than {DAYS_MAX} days");
            return Err(Failure::invalid(message).hinting("change the rule if it is not to be told at all"));
        }
        match self.why.trim().len() {
            1..=WHY_BYTES_MAX => Ok(Silence { matchers, starts, ends, who, why: self.why.trim().to_owned() }),
            _ => Err(Failure::invalid(format!("'why' must have 1 to {WHY_BYTES_MAX} bytes"))
                .hinting("say it for those who wonder later why nobody was told")),
        }
    }
}

/// Writes the silence, and that somebody did.
async fn put(
    desk: &Desk,
    asking: &Asking,
    action: &str,
    (id, silence): (&RecordId, &Silence),
    expected: Expected,
) -> Result<(), Failure> {
    let time = |nanos| Moment(Timestamp(nanos)).to_string();
    let matchers: Vec<String> = silence.matchers.iter().cloned().map(String::from).collect();
    let details = &json!({"matchers": matchers, "starts": time(silence.starts), "ends": time(silence.ends)});
    let written = desk.records.transaction(|transaction| async move {
        transaction.collection::<Silence>().put(asking.tenant(), id, silence, expected).await?;
        let deed = Deed { action, subject: ("silence", id.as_str()), details: details.clone() };
        desk.audit.by(&transaction, asking, deed).await
    });
    Ok(written.await?)
}

async fn find(desk: &Desk, tenant: &Tenant, id: &RecordId) -> Result<Record<Silence>, Failure> {
    let found = desk.records.collection::<Silence>().get(tenant, id).await?;
    found.ok_or_else(|| Failure::not_found(format!("there is no silence '{id}'")))
}
