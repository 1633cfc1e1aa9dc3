//! Rules: written, shown, checked, removed, and taken along as a file.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use http::header::CONTENT_TYPE;
use plugin::hub::Asking;
use plugin::model::Tenant;
use plugin::records::{Cursor, List, PAGE_MAX, Record};
use plugin::yaml::Fault;
use plugin::{Asked, Failure};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Desk;
use super::alerts::AlertView;
use crate::alert::Alert;
use crate::pages::all_of;
use crate::rule::Rule;
use crate::rule_book::{self, By};
use crate::stored::{RuleHealth, StoredRule, rule_id};

/// Rules of a page when it is not said.
const PAGE: usize = 200;

/// A rule and how it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RuleView {
    #[serde(flatten)]
    rule: StoredRule,
    /// Why it could not be evaluated the last time; null when it could.
    error: Option<String>,
}

/// Some rules.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Rules {
    rules: Vec<RuleView>,
    /// `after` of the next page; null on the last one.
    next: Option<String>,
}

/// One rule with what it found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OneRule {
    #[serde(flatten)]
    rule: RuleView,
    /// Pending or firing.
    alerts: Vec<AlertView>,
}

/// Rules as a file has them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleText {
    /// YAML: a list of rules in the short or long form, or Prometheus' groups.
    pub(crate) yaml: String,
}

/// What is wrong with rules, if anything is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Checked {
    /// Names of the rules, when nothing is wrong.
    rules: Vec<String>,
    faults: Vec<Fault>,
    /// What was made of them that their author should know.
    notes: Vec<String>,
}

/// Which page.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct PageWanted {
    /// `next` of the page before.
    after: Option<String>,
    /// At most so many; 200 when it is not said, 1000 at most.
    limit: Option<usize>,
}

impl PageWanted {
    pub(super) fn new(after: Option<String>, limit: Option<usize>) -> Self {
        Self { after, limit }
    }

    pub(super) fn list(&self, list: List) -> Result<List, Failure> {
        let after = self.after.as_ref().map(|after| Cursor::try_from(after.clone())).transpose()?;
        Ok(list.limit(self.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX)).after(after))
    }
}

/// Rules of the tenant, by name
#[utoipa::path(
    get, path = "/rules", tag = "alerting", security(("caller" = ["alerting:rules:read"])), params(PageWanted),
    responses((status = 200, body = Rules))
)]
pub(crate) async fn list(
    State(desk): State<Desk>,
    Extension(tenant): Extension<Tenant>,
    Asked(wanted): Asked<PageWanted>,
) -> Result<Json<Rules>, Failure> {
    let records = &desk.context.records;
    let page = records.collection::<StoredRule>().list(&tenant, &wanted.list(List::all())?).await?;
    let failing = all_of(&records.collection::<RuleHealth>(), &tenant, &List::all().equal("is_failing", true)).await?;
    let error = |name: &str| {
        failing.iter().find(|health| health.body.rule == name).and_then(|health| health.body.error.clone())
    };
    let view = |record: Record<StoredRule>| RuleView { error: error(&record.body.name), rule: record.body };
    Ok(Json(Rules { rules: page.records.into_iter().map(view).collect(), next: page.next.map(String::from) }))
}

/// Put rules: new ones are made, those of the same name are replaced
#[utoipa::path(
    post, path = "/rules", tag = "alerting", security(("caller" = ["alerting:rules:write"])), request_body = RuleText,
    responses(
        (status = 200, body = Checked),
        (status = 400, description = "Something is wrong with them; the first fault with its line and column"),
        (status = 409, description = "A rule of that name stands in a file"),
    )
)]
pub(crate) async fn put(
    State(desk): State<Desk>,
    asking: Asking,
    Json(text): Json<RuleText>,
) -> Result<Json<Checked>, Failure> {
    let (checked, rules) = checked(&desk, asking.tenant(), &text.yaml).await;
    if let Some(first) = checked.faults.first() {
        return Err(first.into());
    }
    desk.book().change(asking.tenant(), By::Somebody(&asking), &rules, &[]).await?;
    Ok(Json(checked))
}

/// Say what is wrong with rules, without putting them
#[utoipa::path(
    post, path = "/rules/check", tag = "alerting", security(("caller" = ["alerting:rules:read"])), request_body = RuleText,
    responses((status = 200, body = Checked))
)]
pub(crate) async fn check(
    State(desk): State<Desk>,
    Extension(tenant): Extension<Tenant>,
    Json(text): Json<RuleText>,
) -> Json<Checked> {
    Json(checked(&desk, &tenant, &text.yaml).await.0)
}

async fn checked(desk: &Desk, tenant: &Tenant, yaml: &str) -> (Checked, Vec<Rule>) {
    match rule_book::read(yaml.to_owned()).await {
        Err(faults) => (Checked { rules: Vec::new(), faults, notes: Vec::new() }, Vec::new()),
        Ok(written) => {
            let faults = desk.evaluator.faults(tenant, &written).await;
            let notes = written.iter().flat_map(|written| written.notes.clone()).collect();
            let rules: Vec<Rule> = written.into_iter().map(|written| written.rule).collect();
            let names = rules.iter().map(|rule| rule.name.clone()).collect();
            (Checked { rules: names, faults, notes }, rules)
        }
    }
}

/// One rule, and its alerts that are pending or firing
#[utoipa::path(
    get, path = "/rules/{name}", tag = "alerting", security(("caller" = ["alerting:rules:read"])),
    params(("name" = String, Path)), responses((status = 200, body = OneRule), (status = 404, description = "There is none"))
)]
pub(crate) async fn show(
    State(desk): State<Desk>,
    Extension(tenant): Extension<Tenant>,
    Path(name): Path<String>,
) -> Result<Json<OneRule>, Failure> {
    let (records, id) = (&desk.context.records, rule_id(&name)?);
    let Some(record) = records.collection::<StoredRule>().get(&tenant, &id).await? else {
        return Err(Failure::not_found(format!("there is no rule '{name}'")));
    };
    let health = records.collection::<RuleHealth>().get(&tenant, &id).await?;
    let mut alerts = Vec::new();
    for state in ["firing", "pending"] {
        let list = List::all().equal("state", state).equal("rule", name.as_str()).limit(PAGE_MAX);
        let page = records.collection::<Alert>().list(&tenant, &list).await?;
        alerts.extend(page.records.into_iter().map(AlertView::from));
    }
    let rule = RuleView { rule: record.body, error: health.and_then(|health| health.body.error) };
    Ok(Json(OneRule { rule, alerts }))
}

/// Remove a rule; its alerts are over
#[utoipa::path(
    delete, path = "/rules/{name}", tag = "alerting", security(("caller" = ["alerting:rules:write"])),
    params(("name" = String, Path)),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is none"),
        (status = 409, description = "It stands in a file"),
    )
)]
pub(crate) async fn remove(
    State(desk): State<Desk>,
    asking: Asking,
    Path(name): Path<String>,
) -> Result<http::StatusCode, Failure> {
    desk.book().change(asking.tenant(), By::Somebody(&asking), &[], &[name]).await?;
    Ok(http::StatusCode::NO_CONTENT)
}

/// All rules as one file, to be put among the files of another server
#[utoipa::path(
    get, path = "/rules/export", tag = "alerting", security(("caller" = ["alerting:rules:read"])),
    responses((status = 200, description = "YAML", content_type = "application/yaml", body = String))
)]
pub(crate) async fn export(
    State(desk): State<Desk>,
    Extension(tenant): Extension<Tenant>,
) -> Result<([(http::HeaderName, &'static str); 1], String), Failure> {
    let rules = all_of(&desk.context.records.collection::<StoredRule>(), &tenant, &List::all()).await?;
    let yaml = rules.into_iter().map(|record| record.body.yaml).collect::<Vec<_>>().join("\n");
    Ok(([(CONTENT_TYPE, "application/yaml")], yaml))
}
