//! Notifications: who was told what and when, and who was not.

use axum::extract::State;
use axum::{Extension, Json};
use plugin::model::Tenant;
use plugin::records::{Cursor, List, Order, Record};
use plugin::{Asked, Failure, Told};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::notify::desk::Desk;
use crate::notify::notification::{Notification, State as Progress};

/// Most notifications of a page.
const PAGE_MAX: usize = 200;
/// Pages that are looked through for those of one subject; `next` leads on from there.
const LOOKS_MAX: usize = 50;

/// Which notifications.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct NotificationsWanted {
    /// In this state.
    #[param(inline)]
    state: Option<Progress>,
    /// Over this channel, by its name.
    channel: Option<String>,
    /// With something of this subject: `alert/<rule>/<fingerprint>`, `incident/<number>`.
    subject: Option<String>,
    /// Most of a page, 1 to 200; 50 when it is not said.
    limit: Option<usize>,
    /// `next` of the page before.
    after: Option<String>,
}

/// Notifications, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Notifications {
    notifications: Vec<NotificationShown>,
    /// `after` of the next page, if there is one.
    next: Option<String>,
    /// True when there may be more of the subject than was looked through, all of them older.
    is_truncated: bool,
}

/// A notification.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotificationShown {
    id: String,
    #[serde(flatten)]
    #[schema(value_type = Notification)]
    notification: Told,
}

impl NotificationShown {
    fn new(record: &Record<Notification>) -> Self {
        let notification = Told::of(&record.body).with_times_of("items", &["at"]);
        Self { id: record.id.to_string(), notification }
    }
}

/// Notifications, the newest first
#[utoipa::path(
    get, path = "/notifications", tag = "alerting", security(("caller" = ["alerting:notifications:read"])),
    params(NotificationsWanted),
    responses((status = 200, body = Notifications), (status = 400, description = "A parameter is wrong"))
)]
pub(crate) async fn list(
    State(desk): State<Desk>,
    Extension(tenant): Extension<Tenant>,
    Asked(wanted): Asked<NotificationsWanted>,
) -> Result<Json<Notifications>, Failure> {
    let limit = wanted.limit.unwrap_or(50);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(Failure::invalid(format!("'limit' is {limit}, must be 1 to {PAGE_MAX}")));
    }
    let mut after: Option<Cursor> = wanted.after.as_deref().map(str::parse).transpose()?;
    let mut list = List::all().by(Order::Key("created".to_owned())).descending();
    if let Some(state) = wanted.state {
        list = list.equal("state", state.name());
    }
    if let Some(channel) = wanted.channel {
        list = list.equal("channel", channel);
    }
    let subject = wanted.subject.as_deref();
    let is_wanted = |one: &&Record<Notification>| subject.is_none_or(|subject| one.body.tells_of(subject));
    let mut found = Vec::new();
    for _ in 0..LOOKS_MAX {
        // Never more than there is room for, so that the next page begins behind the last one that is shown.
        let list = list.clone().limit(limit - found.len()).after(after);
        let page = desk.records.collection::<Notification>().list(&tenant, &list).await?;
        found.extend(page.records.iter().filter(is_wanted).map(NotificationShown::new));
        after = page.next;
        if after.is_none() || found.len() >= limit {
            break;
        }
    }
    let is_truncated = after.is_some() && found.len() < limit;
    Ok(Json(Notifications { notifications: found, next: after.map(|next| next.to_string()), is_truncated }))
}
