//! Channels: seen, set up, tried out. Secrets come in and do not go out.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use http::StatusCode;
use plugin::Failure;
use plugin::hub::audit::Deed;
use plugin::hub::{Asking, Moment};
use plugin::model::Tenant;
use plugin::records::{Error, Expected, List, Record};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::labels::Labels;
use crate::notify::channel::{CHANNELS_MAX, Channel, ChannelWritten, Kind, Origin, Sending, Vault};
use crate::notify::desk::Desk;
use crate::notify::message::Message;
use crate::notify::plan::Plan;
use crate::notify::trouble;
use crate::notify::wording::{Wording, Words};
use crate::notify::{Delivery, Item, ItemKind};
use crate::pages::all_of;
use crate::rule::Severity;

/// Channels.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Channels {
    channels: Vec<ChannelShown>,
}

/// A channel without its secrets.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChannelShown {
    name: String,
    kind: Kind,
    default: bool,
    receivers: Vec<String>,
    rate_per_minute: Option<u32>,
    delivery: BTreeMap<Severity, Delivery>,
    /// Its own words, as templates.
    title: Option<String>,
    text: Option<String>,
    body: Option<String>,
    /// `file`: it stands in `notifications.yaml`, and is changed there.
    origin: Origin,
    /// What the kind needs to know, without its secrets.
    #[schema(value_type = Object)]
    settings: serde_json::Value,
    version: u64,
    #[schema(format = DateTime)]
    updated_at: String,
}

/// Whom to send a test message.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TestWanted {
    /// The channel's first receiver when it is not said.
    to: Option<String>,
}

/// What became of a test message.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Tested {
    is_sent: bool,
    /// What the receiver said, or why it was not asked.
    answer: String,
}

impl ChannelShown {
    fn new(record: Record<Channel>) -> Self {
        let Channel { name, kind, default, receivers, rate_per_minute, delivery, wording, origin, settings } =
            record.body;
        let Wording { title, text, body } = wording;
        let (version, updated_at) = (record.version, Moment(record.updated_at).to_string());
        let settings = settings.shown();
        Self {
            name,
            kind,
            default,
            receivers,
            rate_per_minute,
            delivery,
            title,
            text,
            body,
            origin,
            settings,
            version,
            updated_at,
        }
    }
}

/// Channels over which people are told
#[utoipa::path(
    get, path = "/channels", tag = "alerting", security(("caller" = ["alerting:channels:read"])),
    responses((status = 200, body = Channels))
)]
pub(crate) async fn list(
    State(desk): State<Desk>,
    Extension(tenant): Extension<Tenant>,
) -> Result<Json<Channels>, Failure> {
    let channels = all_of(&desk.records.collection::<Channel>(), &tenant, &List::all()).await?;
    Ok(Json(Channels { channels: channels.into_iter().map(ChannelShown::new).collect() }))
}

/// Sets up a channel
#[utoipa::path(
    post, path = "/channels", tag = "alerting", security(("caller" = ["alerting:channels:write"])),
    request_body = ChannelWritten,
    responses(
        (status = 201, body = ChannelShown),
        (status = 400, description = "It is no channel"),
        (status = 409, description = "There is one of this name")
    )
)]
pub(crate) async fn create(
    State(desk): State<Desk>,
    asking: Asking,
    Json(written): Json<ChannelWritten>,
) -> Result<(StatusCode, Json<ChannelShown>), Failure> {
    let tenant = asking.tenant();
    let channels = desk.records.collection::<Channel>();
    // Those of the file have a limit of their own.
    let known = all_of(&channels, tenant, &List::all().equal("origin", "api")).await?.len();
    if known >= CHANNELS_MAX {
        let message = format!("there are {known} channels made through the API, which is the limit");
        return Err(Failure::invalid(message).hinting("delete one that is not used"));
    }
    let vault = Vault::Api { keyring: &desk.keyring, tenant, before: None };
    let channel = written.read(&vault).map_err(Failure::invalid)?;
    put(&desk, &asking, "channel.made", &channel, Expected::Absent).await?;
    Ok((StatusCode::CREATED, Json(ChannelShown::new(find(&desk, tenant, &channel.name).await?))))
}

/// One channel
#[utoipa::path(
    get, path = "/channels/{name}", tag = "alerting", security(("caller" = ["alerting:channels:read"])),
    params(("name" = String, Path)),
    responses((status = 200, body = ChannelShown), (status = 404, description = "There is none of this name"))
)]
pub(crate) async fn show(
    State(desk): State<Desk>,
    Extension(tenant): Extension<Tenant>,
    Path(name): Path<String>,
) -> Result<Json<ChannelShown>, Failure> {
    Ok(Json(ChannelShown::new(find(&desk, &tenant, &name).await?)))
}

/// Changes a channel; secrets that are not said stay as they are, unless the receiver is another
#[utoipa::path(
    put, path = "/channels/{name}", tag = "alerting", security(("caller" = ["alerting:channels:write"])),
    params(("name" = String, Path)), request_body = ChannelWritten,
    responses(
        (status = 200, body = ChannelShown),
        (status = 400, description = "It is no channel, or stands in a file"),
        (status = 404, description = "There is none of this name")
    )
)]
pub(crate) async fn replace(
    State(desk): State<Desk>,
    asking: Asking,
    Path(name): Path<String>,
    Json(written): Json<ChannelWritten>,
) -> Result<Json<ChannelShown>, Failure> {
    let tenant = asking.tenant();
    let before = find_of_api(&desk, tenant, &name).await?;
    if written.name != name {
        let message = format!("the channel is called '{name}', not '{}'", written.name);
        return Err(Failure::invalid(message).hinting("make another one, and delete this"));
    }
    let vault = Vault::Api { keyring: &desk.keyring, tenant, before: Some(&before.body) };
    let channel = written.read(&vault).map_err(Failure::invalid)?;
    put(&desk, &asking, "channel.changed", &channel, Expected::Version(before.version)).await?;
    Ok(Json(ChannelShown::new(find(&desk, tenant, &name).await?)))
}

/// Deletes a channel; what waits for it is not sent
#[utoipa::path(
    delete, path = "/channels/{name}", tag = "alerting", security(("caller" = ["alerting:channels:write"])),
    params(("name" = String, Path)),
    responses(
        (status = 204, description = "It is gone"),
        (status = 400, description = "It stands in a file"),
        (status = 404, description = "There is none of this name")
    )
)]
pub(crate) async fn delete(
    State(desk): State<Desk>,
    asking: Asking,
    Path(name): Path<String>,
) -> Result<StatusCode, Failure> {
    let (asking, tenant) = (&asking, asking.tenant());
    let (desk, before, now) = (&desk, &find_of_api(&desk, tenant, &name).await?, desk.now());
    let deleted = desk.records.transaction(|transaction| async move {
        let channels = transaction.collection::<Channel>();
        channels.delete(tenant, &before.id, Expected::Version(before.version)).await?;
        trouble::clear(&transaction, tenant, &before.body.name, now).await?;
        desk.audit.by(&transaction, asking, deed("channel.deleted", &before.body)).await
    });
    deleted.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a test message now, and tells what the receiver says
#[utoipa::path(
    post, path = "/channels/{name}/test", tag = "alerting", security(("caller" = ["alerting:channels:write"])),
    params(("name" = String, Path)), request_body = TestWanted,
    responses(
        (status = 200, body = Tested),
        (status = 400, description = "The receiver is none"),
        (status = 404, description = "There is none of this name")
    )
)]
pub(crate) async fn test(
    State(desk): State<Desk>,
    asking: Asking,
    Path(name): Path<String>,
    Json(wanted): Json<TestWanted>,
) -> Result<Json<Tested>, Failure> {
    let tenant = asking.tenant();
    let channel = find(&desk, tenant, &name).await?.body;
    if let Some(to) = &wanted.to {
        channel.kind.check_receiver(to).map_err(Failure::invalid)?;
    }
    // Before it is sent: nobody sends a message unseen.
    let (desk, asking, tried) = (&desk, &asking, &channel);
    let told = desk.records.transaction(|transaction| async move {
        desk.audit.by(&transaction, asking, deed("channel.tested", tried)).await
    });
    told.await?;
    let plan = Plan::read(&desk.records.collection(), tenant).await?;
    let (now, to) = (desk.now(), wanted.to.as_deref().or(channel.receivers.first().map(String::as_str)));
    let message = Message {
        id: uuid::Uuid::now_v7().to_string(),
        tenant: tenant.clone(),
        severity: Severity::Info,
        items: vec![item(&name, now.0)],
        more: 0,
        is_repeat: false,
        public_url: plan.public_url,
        words: Words::default(),
    };
    let sent = Sending { desk, channel: &channel, to, message: &message, now }.send().await;
    if sent.is_ok() {
        let delivers = desk.records.transaction(|transaction| async move {
            if trouble::clear(&transaction, asking.tenant(), &tried.name, now).await? {
                desk.audit.by(&transaction, asking, deed("channel.delivers_again", tried)).await?;
            }
            Ok::<_, Error>(())
        });
        delivers.await?;
    }
    Ok(Json(match sent {
        Ok(answer) => Tested { is_sent: true, answer },
        Err(unsent) => Tested { is_sent: false, answer: unsent.reason },
    }))
}

fn item(channel: &str, at: i64) -> Item {
    Item {
        subject: format!("test/{channel}"),
        kind: ItemKind::Test,
        severity: Severity::Info,
        title: format!("The channel {channel} works"),
        text: "Somebody wanted to know whether this message arrives.".to_owned(),
        labels: Labels::from_iter([("channel", channel)]),
        annotations: [].into(),
        value: None,
        links: Vec::new(),
        at,
    }
}

/// Writes the channel, and that somebody did.
async fn put(desk: &Desk, asking: &Asking, action: &str, channel: &Channel, expected: Expected) -> Result<(), Failure> {
    let (tenant, id) = (asking.tenant(), &Channel::id(&channel.name)?);
    let written = desk.records.transaction(|transaction| async move {
        transaction.collection::<Channel>().put(tenant, id, channel, expected).await?;
        desk.audit.by(&transaction, asking, deed(action, channel)).await
    });
    Ok(written.await?)
}

/// What the audit trail says of a channel; its settings and receivers are not in it.
fn deed<'a>(action: &'a str, channel: &'a Channel) -> Deed<'a> {
    let details = json!({"kind": channel.kind.name(), "default": channel.default});
    Deed { action, subject: ("channel", &channel.name), details }
}

async fn find(desk: &Desk, tenant: &Tenant, name: &str) -> Result<Record<Channel>, Failure> {
    let found = desk.records.collection::<Channel>().get(tenant, &Channel::id(name)?).await?;
    found.ok_or_else(|| Failure::not_found(format!("there is no channel '{name}'")))
}

async fn find_of_api(desk: &Desk, tenant: &Tenant, name: &str) -> Result<Record<Channel>, Failure> {
    let found = find(desk, tenant, name).await?;
    match found.body.origin {
        Origin::Api => Ok(found),
        Origin::File => Err(Failure::invalid(format!("the channel '{name}' stands in notifications.yaml"))
            .hinting("change it there; it is read again within seconds")),
    }
}
