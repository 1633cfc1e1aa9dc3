//! One alert with the rows behind it: what asks for them, and the rows themselves for who may read them.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use futures::TryStreamExt;
use plugin::hub::{Caller, Moment, Permission};
use plugin::model::Tenant;
use plugin::query::http::{Column, columns, row_texts};
use plugin::query::{self, Statement};
use plugin::records::{Record, RecordId, Records};
use plugin::{Failure, asker};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::Desk;
use super::alerts::AlertView;
use crate::alert::Alert;
use crate::evaluate::{Evidence, bytes_of};
use crate::notify::form_encoded;
use crate::rule::Rule;
use crate::stored::{StoredRule, rule_id};

/// Rows of an answer; SQL has all.
const ROWS_MAX: usize = 100;
/// Size of these rows, in bytes.
const ROWS_BYTES_MAX: usize = 8 << 20;
/// Longest link, in bytes; browsers and proxies refuse what is much longer.
const LINK_BYTES_MAX: usize = 8 << 10;

/// An alert, and what asks for the rows behind it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlertDetail {
    #[serde(flatten)]
    alert: AlertView,
    /// By its rule as it is now; null when that is gone, or looks at no rows.
    rows: Option<RowsAsked>,
}

/// What asks for the rows behind an alert, again and again with the same answer while they are kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RowsAsked {
    sql: String,
    /// Values of `$1`, `$2`, … in it.
    #[schema(value_type = Vec<Object>)]
    params: Vec<Value>,
    /// The first time that is looked at; null where the statement of the rule decides.
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Moment>,
    /// The time before which it ends.
    #[schema(value_type = String, format = DateTime)]
    to: Moment,
    /// The time that is `now()` in it, and from which on telemetry is not there.
    #[schema(value_type = String, format = DateTime)]
    as_of: Moment,
    /// The page of the web app that asks it; null when that would be longer than 8 KiB.
    link: Option<String>,
}

/// The rows behind an alert.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AlertRows {
    asked: RowsAsked,
    columns: Vec<Column>,
    /// Each as long as there are columns.
    #[schema(value_type = Vec<Vec<serde_json::Value>>)]
    rows: Vec<Box<RawValue>>,
    /// True when there are more.
    is_truncated: bool,
    /// What is missing from the rows, a sentence each.
    warnings: Vec<String>,
}

impl AlertDetail {
    pub(crate) fn new(record: Record<Alert>, rule: Option<&Rule>) -> Self {
        let evidence = rule.and_then(|rule| Evidence::of(rule, &record.body));
        Self { rows: evidence.as_ref().map(RowsAsked::new), alert: record.into() }
    }
}

impl RowsAsked {
    fn new(evidence: &Evidence) -> Self {
        let (sql, params, to) = (evidence.sql(ROWS_MAX), evidence.params.clone(), Moment(evidence.to));
        let [text, values] = [&sql, &Value::from(params.clone()).to_string()].map(|text| form_encoded(text));
        let link = format!("/sql?sql={text}&params={values}&as_of={}", form_encoded(&to.to_string()));
        let link = Some(link).filter(|link| link.len() <= LINK_BYTES_MAX);
        Self { sql, params, from: evidence.from.map(Moment), to, as_of: to, link }
    }
}

/// The rule of this name, if there is one and it can be read.
pub(crate) async fn rule_of(records: &Records, tenant: &Tenant, name: &str) -> Result<Option<Rule>, Failure> {
    let found = records.collection::<StoredRule>().get(tenant, &rule_id(name)?).await?;
    Ok(found.and_then(|found| found.body.rule().ok()).map(|rule| Rule::clone(&rule)))
}

/// One alert, and what asks for the rows behind it
#[utoipa::path(
    get, path = "/alerts/{id}", tag = "alerting", security(("caller" = ["alerting:alerts:read"])),
    params(("id" = String, Path)),
    responses((status = 200, body = AlertDetail), (status = 404, description = "There is no such alert"))
)]
pub(crate) async fn show(
    State(desk): State<Desk>,
    Extension(tenant): Extension<Tenant>,
    Path(id): Path<String>,
) -> Result<Json<AlertDetail>, Failure> {
    let records = &desk.context.records;
    let alert = find(records, &tenant, &id).await?;
    let rule = rule_of(records, &tenant, &alert.body.rule).await?;
    Ok(Json(AlertDetail::new(alert, rule.as_ref())))
}

/// The rows behind an alert, as far as the caller may read them
///
/// Who asks needs `telemetry:rows:read` besides, and sees the tables of products that they may read.
#[utoipa::path(
    get, path = "/alerts/{id}/rows", tag = "alerting", security(("caller" = ["alerting:alerts:read"])),
    params(("id" = String, Path)),
    responses(
        (status = 200, body = AlertRows),
        (status = 400, description = "The statement cannot be asked"),
        (status = 403, description = "The caller may not read telemetry"),
        (status = 404, description = "There is no such alert, its rule is gone, or looks at no rows"),
    )
)]
pub(crate) async fn rows(
    State(desk): State<Desk>,
    Extension(tenant): Extension<Tenant>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<AlertRows>, Failure> {
    if !caller.may(&Permission::QUERY) {
        let message = format!("{} lacks the permission {}", caller.who().name(), Permission::QUERY);
        return Err(Failure::forbidden(message).hinting("owners and admins give roles"));
    }
    let records = &desk.context.records;
    let alert = find(records, &tenant, &id).await?.body;
    let rule = rule_of(records, &tenant, &alert.rule).await?;
    let Some(evidence) = rule.as_ref().and_then(|rule| Evidence::of(rule, &alert)) else {
        let message = format!("the rule '{}' is gone, or looks at no rows", alert.rule);
        return Err(Failure::not_found(message).hinting("GET /api/v1/alerting/rules lists rules"));
    };
    let (params, as_of) = (evidence.params.clone(), Some(evidence.to));
    let statement = Statement { params, as_of, ..Statement::new(evidence.sql(ROWS_MAX + 1)) };
    let answer = desk.context.engine.sql(&asker(caller), statement).await?;
    let warnings = answer.warnings().to_vec();
    let columns = columns(answer.schema());
    let mut rows = read(answer).await?;
    let is_truncated = rows.len() > ROWS_MAX;
    rows.truncate(ROWS_MAX);
    Ok(Json(AlertRows { asked: RowsAsked::new(&evidence), columns, rows, is_truncated, warnings }))
}

async fn find(records: &Records, tenant: &Tenant, id: &str) -> Result<Record<Alert>, Failure> {
    let found = records.collection::<Alert>().get(tenant, &RecordId::new(id)?).await?;
    found.ok_or_else(|| {
        Failure::not_found(format!("there is no alert '{id}'")).hinting("pending ones that passed are gone")
    })
}

async fn read(mut answer: query::Rows) -> Result<Vec<Box<RawValue>>, Failure> {
    let (mut rows, mut bytes) = (Vec::new(), 0);
    while let Some(batch) = answer.try_next().await? {
        bytes += bytes_of(&batch);
        if bytes > ROWS_BYTES_MAX {
            let message = format!("the rows have more than {ROWS_BYTES_MAX} bytes");
            return Err(Failure::invalid(message).hinting("ask for some of their columns in SQL"));
        }
        let texts = row_texts(&batch)?.into_iter();
        rows.extend(texts.map(|text| RawValue::from_string(text).expect("a row is written as JSON")));
    }
    Ok(rows)
}
