//! The values that fields of log records have, each with how often.

use axum::extract::State;
use axum::{Extension, Json};
use plugin::model::Tenant;
use plugin::{Asked, Failure, PluginContext};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::filter::{LogFilter, LogWanted};
use super::severity;
use crate::conditions::Conditions;
use crate::range::{Range, RangeWanted, SPAN_DAYS_MAX, rfc3339};
use crate::rows::Source;

/// Fields when none is named.
const FIELDS: [&str; 4] = ["severity", "service", "host", "environment"];
/// Most fields of an answer: each of them is a question of its own.
const FIELDS_MAX: usize = 10;
/// Longest name of a field, in bytes.
const FIELD_BYTES_MAX: usize = 256;
/// Values of a field that are told one by one.
const VALUES_MAX: usize = 20;

/// Which fields.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct FacetsWanted {
    /// `severity`, `service`, `host`, `environment`, or the key of an attribute of the record or its resource; ten at most, with
    /// commas between. The first four when none is named.
    field: Option<String>,
}

/// Fields with their values.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogFacets {
    from: String,
    to: String,
    facets: Vec<LogFacet>,
    /// What is missing from the answer, a sentence each.
    warnings: Vec<String>,
}

/// A field with its values, the most frequent first.
#[derive(Debug, Serialize, ToSchema)]
struct LogFacet {
    field: String,
    values: Vec<LogFacetValue>,
    /// Values there are, told here or not.
    distinct: u64,
    /// Records with other values than those.
    others: u64,
    /// Records that say nothing about the field.
    without: u64,
}

/// A value, and how many records have it.
#[derive(Debug, Serialize, ToSchema)]
struct LogFacetValue {
    value: String,
    count: u64,
}

/// Values of fields of log records, with counts
#[utoipa::path(
    get, path = "/logs/facets", tag = "apm", security(("caller" = ["apm:logs:read"])),
    params(RangeWanted, LogWanted, FacetsWanted),
    responses((status = 200, body = LogFacets), (status = 400, description = "The range or a parameter is wrong"))
)]
pub(crate) async fn list(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
    Asked(range): Asked<RangeWanted>,
    Asked(wanted): Asked<LogWanted>,
    Asked(facets): Asked<FacetsWanted>,
) -> Result<Json<LogFacets>, Failure> {
    let (range, filter, fields) = (range.read(SPAN_DAYS_MAX)?, wanted.find(&context, &tenant).await?, facets.fields()?);
    let source = Source::new(&context, tenant);
    let mut facets = Vec::with_capacity(fields.len());
    for field in fields {
        facets.push(facet(&source, range, &filter, field).await?);
    }
    Ok(Json(LogFacets { from: rfc3339(range.from), to: rfc3339(range.until), facets, warnings: source.warnings() }))
}

impl FacetsWanted {
    fn fields(&self) -> Result<Vec<&str>, Failure> {
        let named = self.field.as_deref().unwrap_or_default().split(',').map(str::trim);
        let named: Vec<&str> = named.filter(|field| !field.is_empty()).collect();
        if named.len() > FIELDS_MAX || named.iter().any(|field| field.len() > FIELD_BYTES_MAX) {
            let failure = Failure::invalid(format!(
                "'field' has {} names, over the limit of {FIELDS_MAX}, or one of more than {FIELD_BYTES_MAX} bytes",
                named.len()
            ));
            return Err(failure.hinting("ask for some of them, then for the others"));
        }
        Ok(if named.is_empty() { FIELDS.to_vec() } else { named })
    }
}

/// The value of a field in SQL.
fn value_of(field: &str, conditions: &mut Conditions) -> String {
    match field {
        "severity" => severity::name_in_sql(),
        "service" => "service_name".to_owned(),
        "host" => "host_name".to_owned(),
        "environment" => "deployment_environment_name".to_owned(),
        key => {
            let key = conditions.param(key);
            format!("coalesce(attributes->>cast({key} AS text), resource_attributes->>cast({key} AS text))")
        }
    }
}

async fn facet(source: &Source, range: Range, filter: &LogFilter, field: &str) -> Result<LogFacet, Failure> {
    let mut conditions = Conditions::of_logs(range);
    filter.add_to(&mut conditions);
    let value = value_of(field, &mut conditions);
    // The sums are of all values, and the limit is of those that are told.
    let sql = format!(
        "SELECT value, lines, cast(sum(lines) OVER () AS bigint), count(value) OVER (),
            cast(coalesce(sum(CASE WHEN value IS NULL THEN lines END) OVER (), 0) AS bigint)
        FROM (SELECT {value} AS value, count(*) AS lines FROM logs WHERE {} GROUP BY 1) AS counted
        ORDER BY value IS NULL, lines DESC, value LIMIT {VALUES_MAX}",
        conditions.text()
    );
    let answer = source.ask(sql, conditions.params()).await?;
    let values = answer.rows().filter_map(|row| Some(LogFacetValue { value: row.owned(0)?, count: row.count(1) }));
    let values: Vec<LogFacetValue> = values.collect();
    let (all, distinct, without) =
        answer.rows().next().map_or((0, 0, 0), |row| (row.count(2), row.count(3), row.count(4)));
    let told: u64 = values.iter().map(|value| value.count).sum();
    Ok(LogFacet { field: field.to_owned(), values, distinct, others: all - told - without, without })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_named_with_commas_between() {
        let fields = |field: &str| {
            let wanted = FacetsWanted { field: Some(field.to_owned()) };
            wanted.fields().map(|fields| fields.join(" ")).ok()
        };

        assert_eq!(fields("").as_deref(), Some("severity service host environment"));
        assert_eq!(fields("service, http.route,").as_deref(), Some("service http.route"));
        assert_eq!(fields(&"a,".repeat(FIELDS_MAX + 1)), None);
        assert_eq!(fields(&"a".repeat(FIELD_BYTES_MAX + 1)), None);
    }

    #[test]
    fn the_name_of_a_field_is_a_parameter() {
        let mut conditions = Conditions::none();

        let sql = value_of("'; DROP", &mut conditions);

        assert!(!sql.contains("DROP") && sql.contains("$1"), "{sql}");
    }
}
