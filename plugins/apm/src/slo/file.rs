//! SLOs as YAML: taken along from one server, put on another, kept under version control.
//!
//! What [`export`] writes, [`put`] reads: all of it is put, or nothing is.

use std::collections::HashSet;

use axum::Extension;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use plugin::hub::Asking;
use plugin::model::Tenant;
use plugin::records::{Expected, List, PAGE_MAX};
use plugin::{Failure, PluginContext};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::document::{Indicator, Slo};
use super::routes::{SLOS_MAX, deed, read_wanted, take_place};
use super::wanted::SloWanted;

/// Longest YAML, in bytes.
const YAML_BYTES_MAX: usize = 1 << 20;
/// Most values of it, and most bytes of them, those that aliases repeat among them.
const NODES_MAX: usize = 20_000;
const TEXT_BYTES_MAX: usize = 4 * YAML_BYTES_MAX;
/// How deep values may stand in each other.
const DEPTH_MAX: usize = 8;

/// What was put.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SlosPut {
    /// Names of those that are new.
    made: Vec<String>,
    changed: Vec<String>,
    /// Those that were there as they are.
    unchanged: Vec<String>,
}

/// An SLO as it is written; what is not said is left out.
#[derive(Debug, Serialize)]
struct Written<'a> {
    name: &'a str,
    service: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    owner: &'a str,
    objective: f64,
    window_days: u32,
    bad_events_min: u64,
    indicator: Value,
}

/// All SLOs as YAML, to be put on another server
#[utoipa::path(
    get, path = "/slos/export", tag = "slos", security(("caller" = ["apm:slos:read"])),
    responses((status = 200, description = "YAML", content_type = "application/yaml", body = String))
)]
pub(crate) async fn export(
    State(context): State<PluginContext>,
    Extension(tenant): Extension<Tenant>,
) -> Result<([(HeaderName, &'static str); 1], String), Failure> {
    let slos = context.records.collection::<Slo>().list(&tenant, &List::all().limit(PAGE_MAX)).await?.records;
    let yaml = to_yaml(slos.iter().map(|slo| &slo.body));
    Ok(([(CONTENT_TYPE, "application/yaml")], yaml))
}

fn to_yaml<'a>(slos: impl Iterator<Item = &'a Slo>) -> String {
    let written: Vec<Written<'_>> = slos.map(Written::of).collect();
    serde_saphyr::to_string(&written).expect("texts and numbers can be written")
}

impl<'a> Written<'a> {
    fn of(slo: &'a Slo) -> Self {
        Self {
            name: &slo.name,
            service: &slo.service,
            description: &slo.description,
            owner: &slo.owner,
            objective: slo.objective,
            window_days: slo.window_days,
            bad_events_min: slo.bad_events_min,
            indicator: indicator(&slo.indicator),
        }
    }
}

fn indicator(indicator: &Indicator) -> Value {
    let mut value = serde_json::to_value(indicator).expect("texts and numbers can be written");
    if let Value::Object(members) = &mut value {
        // Whether a statement answers by minute is found out where it is put.
        members.retain(|name, value| !value.is_null() && name != "by_minute");
    }
    value
}

/// Puts all SLOs of the YAML: new ones are made, those of the same name are replaced.
pub(crate) async fn put(context: &PluginContext, asking: &Asking, yaml: &str) -> Result<SlosPut, Failure> {
    let mut slos = Vec::new();
    for wanted in read(yaml)? {
        let (name, version) = (wanted.name().to_owned(), wanted.version);
        let slo = read_wanted(context, asking.tenant(), wanted).await;
        slos.push((slo.map_err(|cause| cause.within(&format!("the SLO '{name}'")))?, version));
    }
    let (tenant, audit, slos) = (asking.tenant(), &context.audit, slos.as_slice());
    let put = context.records.transaction(|transaction| async move {
        let collection = transaction.collection::<Slo>();
        let mut put = SlosPut { made: Vec::new(), changed: Vec::new(), unchanged: Vec::new() };
        let known = collection.list(tenant, &List::all().limit(SLOS_MAX)).await?.records.len();
        for (slo, version) in slos {
            let id = slo.id()?;
            match collection.get(tenant, &id).await? {
                None => {
                    collection.put(tenant, &id, slo, Expected::Absent).await?;
                    audit.by(&transaction, asking, deed("slo.made", slo)).await?;
                    put.made.push(slo.name.clone());
                }
                Some(before) if before.body.is_as(slo) => put.unchanged.push(slo.name.clone()),
                Some(before) => {
                    let expected = Expected::Version(version.unwrap_or(before.version));
                    take_place(&transaction, tenant, slo, &before, expected).await?;
                    audit.by(&transaction, asking, deed("slo.changed", slo)).await?;
                    put.changed.push(slo.name.clone());
                }
            }
        }
        if !put.made.is_empty() && known + put.made.len() > SLOS_MAX {
            return Err(Failure::invalid(format!("a tenant has at most {SLOS_MAX} SLOs")).hinting("remove some first"));
        }
        Ok(put)
    });
    put.await
}

fn read(yaml: &str) -> Result<Vec<SloWanted>, Failure> {
    if yaml.len() > YAML_BYTES_MAX {
        let message = format!("the YAML has {} bytes, over the limit of {YAML_BYTES_MAX}", yaml.len());
        return Err(Failure::invalid(message).hinting("put some SLOs first, then the others"));
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: NODES_MAX,
            max_depth: DEPTH_MAX,
            max_total_scalar_bytes: TEXT_BYTES_MAX,
        },
        with_snippet: false,
    };
    let wanted: Vec<SloWanted> = serde_saphyr::from_str_with_options(yaml, options).map_err(|cause| {
        let failure = Failure::invalid(format!("this is no YAML of SLOs: {cause}"));
        failure.hinting("write a list of SLOs, as GET /api/v1/apm/slos/export does")
    })?;
    if wanted.len() > SLOS_MAX {
        let message = format!("these are {} SLOs, a tenant has at most {SLOS_MAX}", wanted.len());
        return Err(Failure::invalid(message).hinting("leave some out"));
    }
    let mut names = HashSet::new();
    match wanted.iter().find(|wanted| !names.insert(wanted.name())) {
        Some(twice) => Err(Failure::invalid(format!("the SLO '{}' is there twice", twice.name()))),
        None => Ok(wanted),
    }
}

#[cfg(test)]
mod tests {
    use plugin::records::Document;

    use super::super::document::FreshSignal;
    use super::*;

    fn slo(text: &str, indicator: Indicator) -> Slo {
        let (description, owner) = (text.to_owned(), text.to_owned());
        Slo { description, owner, indicator, ..Slo::example().expect("an example") }
    }

    fn check(slo: &Slo) {
        let yaml = to_yaml([slo].into_iter());

        let mut read = read(&yaml).unwrap_or_else(|cause| panic!("{cause:?}\n{yaml}"));

        let again = read.pop().expect("one").read().unwrap_or_else(|cause| panic!("{cause:?}\n{yaml}"));
        assert!(again.is_as(slo), "{yaml}");
    }

    #[test]
    fn what_is_written_is_read_as_it_was() {
        for text in ["", "10", "null", "a: b # c", "- 'x'\n\n  \"y\"\n", " of\tgrüße…\r\n", "select 1\nfrom logs\n"]
        {
            let (operation, environment) = (Some(format!("x{text}")), None);
            check(&slo(text, Indicator::Latency { threshold_ms: 0.5, operation, environment }));
            check(&slo(text, Indicator::Sql { statement: text.to_owned(), by_minute: false }));
        }
        check(&slo("", Indicator::Freshness { signal: FreshSignal::Metrics, max_age_seconds: 60 }));
        check(&slo("", Indicator::Availability { operation: None, environment: None }));
    }

    #[test]
    fn what_is_no_list_of_slos_is_refused() {
        let long = "x".repeat(YAML_BYTES_MAX + 1);
        let slo = slo("", Indicator::Availability { operation: None, environment: None });
        let twice = to_yaml([&slo, &slo].into_iter());
        let many = to_yaml(std::iter::repeat_n(&slo, SLOS_MAX + 1));
        for (yaml, because) in [
            ("name: a", "list"),
            ("- name: a\n  objektiv: 3", "objektiv"),
            (long.as_str(), "over the limit"),
            (twice.as_str(), "is there twice"),
            (many.as_str(), "at most 500"),
        ] {
            let failure = format!("{:?}", read(yaml).expect_err("no SLOs"));
            assert!(failure.contains(because), "{failure}");
        }
    }
}
