//! Patterns of log records: learnt while they arrive, kept, added up, and told of a range.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use plugin::model::Tenant;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::shop::{Shop, acme, now, text};

const INFO: i32 = 9;
const ERROR: i32 = 17;

const COUNTS: &str = "select template, count from apm.patterns where merged_into is null order by count desc, template";

/// A request with one record a line, all with one severity and trace.
fn request(service: &str, severity: i32, lines: &[&str]) -> ExportLogsServiceRequest {
    let record = |line: &&str| LogRecord {
        time_unix_nano: now(),
        severity_number: severity,
        body: Some(AnyValue { value: Some(Any::StringValue((*line).to_owned())) }),
        trace_id: vec![7; 16],
        ..LogRecord::default()
    };
    let scope_logs = vec![ScopeLogs { log_records: lines.iter().map(record).collect(), ..ScopeLogs::default() }];
    let resource = Resource { attributes: vec![text("service.name", service)], ..Resource::default() };
    let resource_logs = vec![ResourceLogs { resource: Some(resource), scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }
}

async fn learn(shop: &Shop, lines: &[&str]) {
    shop.run_during(async || shop.log(&request("checkout", INFO, lines)).await).await;
}

async fn counts(shop: &Shop) -> Vec<(String, u64)> {
    let rows = shop.sql(&acme(), COUNTS).await.into_iter();
    rows.map(|row| (row[0].clone(), row[1].parse().expect("a number"))).collect()
}

fn counted(counts: &[(&str, u64)]) -> Vec<(String, u64)> {
    counts.iter().map(|(template, count)| ((*template).to_owned(), *count)).collect()
}

#[test]
fn patterns_are_learnt_as_records_arrive_and_kept_at_the_end() {
    Shop::visit(async |shop| {
        shop.run_during(async || {
            shop.log(&request("checkout", INFO, &["order 1 is paid", "order 2 is paid", "cart is empty"])).await;
            shop.log(&request("checkout", ERROR, &["order 3 is paid", "order 4 is paid", "order 5 is paid"])).await;
            shop.log_of(&Tenant::default_tenant(), &request("hidden", INFO, &["of another tenant"])).await;
        })
        .await;

        let sql = "select service, template, count, severity, severities->>'info', example, trace_id,
            first_seen > now() - interval '1 hour' and first_seen <= last_seen, length(id) from apm.patterns order by count desc";
        let trace = "07".repeat(16);
        let paid =
            ["checkout", "order <*> is paid", "5", "error", "2", "order 1 is paid", trace.as_str(), "true", "16"];
        let empty = ["checkout", "cart is empty", "1", "info", "1", "cart is empty", trace.as_str(), "true", "16"];
        assert_eq!(shop.sql(&acme(), sql).await, [paid, empty]);
        assert_eq!(shop.sql(&Tenant::default_tenant(), COUNTS).await, [["of another tenant", "1"]]);
    });
}

#[test]
fn what_runs_one_after_the_other_count_adds_up_under_one_id() {
    Shop::visit(async |shop| {
        learn(shop, &["hello user ada, well met"]).await;
        let id = shop.sql(&acme(), "select id from apm.patterns").await;

        learn(shop, &["hello user 17, well met", "hello user bob, well met"]).await;
        learn(shop, &["hello user eve, well met"]).await;

        assert_eq!(counts(shop).await, counted(&[("hello user <*>, well met", 4)]));
        assert_eq!(shop.sql(&acme(), "select id from apm.patterns").await, id);
    });
}

#[test]
fn processes_that_learn_at_once_do_not_overwrite_each_other() {
    Shop::visit(async |shop| {
        shop.run_during(async || learn(shop, &["order 1 is paid", "order 2 is paid", "cart is empty"]).await).await;

        assert_eq!(counts(shop).await, counted(&[("order <*> is paid", 4), ("cart is empty", 2)]));
    });
}

#[test]
fn patterns_that_a_more_general_one_covers_become_part_of_it() {
    Shop::visit(async |shop| {
        learn(shop, &["ada has left the shop", "bob has left the shop", "bob has left the shop"]).await;
        learn(shop, &["eve has left the shop"]).await;

        learn(shop, &["kim has left the shop"]).await;
        learn(shop, &["zoe has left the shop"]).await;

        assert_eq!(counts(shop).await, counted(&[("<*> has left the shop", 6)]));
        let signs = "select count, merged_into from apm.patterns where merged_into is not null order by template";
        let general = shop.sql(&acme(), "select id from apm.patterns where merged_into is null").await;
        let signs = shop.sql(&acme(), signs).await;
        assert_eq!(signs.len(), 2, "{signs:?}");
        assert!(signs.iter().all(|sign| sign[0] == "0" && sign[1] == general[0][0]), "{signs:?}");
    });
}

fn templates(told: &Value) -> Vec<(&str, u64)> {
    let patterns = told["patterns"].as_array().expect("patterns").iter();
    let told = patterns.map(|pattern| Some((pattern["template"].as_str()?, pattern["count"].as_u64()?)));
    told.collect::<Option<_>>().expect("templates and counts")
}

#[test]
fn patterns_of_a_range_are_told_with_counts_over_time_and_whether_they_are_new() {
    Shop::visit(async |shop| {
        learn(shop, &["order 1 is paid", "order 2 is paid"]).await;
        shop.log(&request("checkout", ERROR, &["order 3 is paid", "cart c-1 is lost"])).await;
        shop.log(&request("payments", ERROR, &["card ends with 4711"])).await;

        let told = shop.get("/logs/patterns?service=checkout").await;

        assert_eq!(templates(&told), [("order <*> is paid", 3), ("cart <*> is lost", 1)], "{told}");
        assert_eq!((&told["read"], &told["is_truncated"]), (&json!(4), &json!(false)), "{told}");
        let paid = &told["patterns"][0];
        assert_eq!(
            (&paid["share"], &paid["is_new"], &paid["service"]),
            (&json!(0.75), &json!(true), &json!("checkout"))
        );
        assert_eq!((&paid["severities"]["info"], &paid["severities"]["error"]), (&json!(2), &json!(1)), "{paid}");
        let over_time: Vec<u64> = serde_json::from_value(paid["over_time"].clone()).expect("numbers");
        assert_eq!(over_time.len(), told["buckets"].as_array().expect("buckets").len());
        assert_eq!(over_time.iter().sum::<u64>(), 3, "{paid}");
        assert_eq!(
            (&paid["example"]["body"], &paid["example"]["trace_id"]),
            (&json!("order 3 is paid"), &json!("07".repeat(16)))
        );
        assert_eq!(told["patterns"][1]["is_new"], Value::Null, "it is not in the records yet");
        let stored = shop.sql(&acme(), "select id from apm.patterns").await;
        assert_eq!(paid["id"], stored[0][0], "an answer has the ids of the records");
    });
}

#[test]
fn patterns_are_told_of_the_records_that_are_wanted_alone() {
    Shop::visit(async |shop| {
        learn(shop, &["order 1 is paid", "cart is empty"]).await;
        shop.log(&request("payments", ERROR, &["order 2 is paid", "card is blocked"])).await;

        assert_eq!(templates(&shop.get("/logs/patterns?severity=error&text=order").await), [("order <*> is paid", 1)]);
        let few = shop.get("/logs/patterns?limit=1").await;
        assert_eq!(
            (few["patterns"].as_array().map(Vec::len), &few["patterns_left_out"]),
            (Some(1), &json!(3)),
            "{few}"
        );
        let nothing = shop.get("/logs/patterns?from=now-3d&to=now-2d").await;
        assert_eq!(
            (&nothing["read"], &nothing["patterns"], &nothing["read_from"]),
            (&json!(0), &json!([]), &Value::Null)
        );
        assert_eq!(shop.ask("/logs/patterns?severity=loud").await.0, 400);
    });
}

#[test]
fn what_was_seen_before_the_range_is_not_new_in_it() {
    Shop::visit(async |shop| {
        learn(shop, &["order 1 is paid"]).await;
        let from = OffsetDateTime::now_utc().format(&Rfc3339).expect("a time");
        shop.log(&request("checkout", INFO, &["order 2 is paid"])).await;

        let told = shop.get(&format!("/logs/patterns?from={from}")).await;

        assert_eq!(templates(&told), [("order <*> is paid", 1)], "{told}");
        assert_eq!(told["patterns"][0]["is_new"], false, "{told}");
    });
}

#[test]
fn records_of_a_pattern_are_found_by_its_id_wherever_logs_are_asked_for() {
    Shop::visit(async |shop| {
        let lines = ["order 1 is paid", "order 2 is paid", "order 3 is lost", "cart is empty"];
        learn(shop, &lines).await;
        shop.log(&request("till", INFO, &["order 9 is paid"])).await;
        let sql = "select id from apm.patterns where template = 'order <*> is paid'";
        let id = shop.sql(&acme(), sql).await[0][0].clone();

        let told = shop.get(&format!("/logs?pattern={id}&sort=oldest")).await;
        let facets = shop.get(&format!("/logs/facets?pattern={id}&field=service")).await;
        let patterns = shop.get(&format!("/logs/patterns?pattern={id}")).await;

        let mut bodies: Vec<_> = told["logs"].as_array().expect("lines").iter().map(|line| &line["body"]).collect();
        bodies.sort_by_key(|body| body.to_string());
        assert_eq!(bodies, ["order 1 is paid", "order 2 is paid"], "of its service alone");
        assert_eq!(facets["facets"][0]["values"][0]["count"], 2, "{facets}");
        assert_eq!(templates(&patterns), [("order <*> is paid", 2)]);
        assert_eq!(shop.ask(&format!("/logs?pattern={}", "0".repeat(16))).await.0, 404);
        assert_eq!(shop.ask("/logs?pattern=paid").await.0, 400);
    });
}
