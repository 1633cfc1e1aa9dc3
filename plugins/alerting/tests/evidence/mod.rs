//! The way from an alert to the rows behind it.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{Gauge, NumberDataPoint};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use plane::Payload;
use serde_json::{Value, json};

use crate::incident::desk::Desk;
use crate::promql::bench::{metric, pairs};

const SECOND: u64 = 1_000_000_000;
const SERVER: i32 = 2;
const ERROR: i32 = 2;

const RULES: &str = "
- {name: Errors, condition: error_count > 0, over: 10m, interval: 1s, severity: critical}
- {name: Depth, promql: 'queue_depth > 1', interval: 1s, severity: info}
- name: Statement
  interval: 1s
  severity: info
  sql: |
    select name, service_name as service, count(*) as value from spans
    where status_code = 'error' and start_time > now() - interval '10 minutes' group by 1, 2 -- each route
";

fn now() -> u64 {
    (plugin::hub::system_clock())().0.cast_unsigned()
}

/// Requests of a service, each with its name and whether it failed.
fn requests(service: &str, named: &[(&str, bool)], at: u64) -> ExportTraceServiceRequest {
    let request = |(number, (name, is_error)): (u8, &(&str, bool))| Span {
        trace_id: vec![number; 16],
        span_id: vec![number; 8],
        name: (*name).to_owned(),
        kind: SERVER,
        start_time_unix_nano: at,
        end_time_unix_nano: at + 1,
        status: Some(Status { code: if *is_error { ERROR } else { 0 }, ..Status::default() }),
        ..Span::default()
    };
    let spans = (1..).zip(named).map(request).collect();
    let resource = Resource { attributes: pairs(&[("service.name", service)]), ..Resource::default() };
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let of_service = ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![of_service] }
}

/// How deep queues are.
fn depths(queues: &[(&str, f64)], at: u64) -> ExportMetricsServiceRequest {
    let point = |(queue, depth): &(&str, f64)| NumberDataPoint {
        attributes: pairs(&[("queue", queue)]),
        time_unix_nano: at,
        value: Some(Number::AsDouble(*depth)),
        ..NumberDataPoint::default()
    };
    let data_points = queues.iter().map(point).collect();
    let gauge = metric(&[("service.name", "checkout")], "queue.depth", "", Data::Gauge(Gauge { data_points }));
    ExportMetricsServiceRequest { resource_metrics: vec![gauge] }
}

/// The alert of a rule with a label, and the rows behind it.
async fn rows(desk: &Desk, rule: &str, (label, value): (&str, &str)) -> (Value, Value) {
    let told = desk.get(&format!("/alerts?rule={rule}")).await;
    let alerts = told["alerts"].as_array().expect("a list");
    let alert = alerts.iter().find(|alert| alert["labels"][label] == value).unwrap_or_else(|| panic!("{told}"));
    let path = format!("/alerts/{}", alert["id"].as_str().expect("an id"));
    (desk.get(&path).await, desk.get(&format!("{path}/rows")).await)
}

/// A column of the rows that were told.
fn column<'a>(told: &'a Value, name: &str) -> Vec<&'a Value> {
    let columns = told["columns"].as_array().expect("columns");
    let place = columns.iter().position(|column| column["name"] == name).expect("the column is there");
    told["rows"].as_array().expect("rows").iter().map(|row| &row[place]).collect()
}

#[test]
fn an_alert_leads_to_the_rows_behind_it_as_of_when_it_fired() {
    Desk::visit(None, async |desk| {
        let at = now() - 5 * SECOND;
        let checkout = requests("checkout", &[("GET /cart", true), ("GET /pay", true), ("GET /cart", false)], at);
        desk.send("acme", Payload::Traces, &checkout).await;
        desk.send("acme", Payload::Traces, &requests("search", &[("GET /find", true)], at)).await;
        desk.send("globex", Payload::Traces, &requests("checkout", &[("GET /cart", true)], at)).await;
        desk.send("acme", Payload::Metrics, &depths(&[("orders", 5.0), ("mails", 0.0)], at)).await;
        desk.post("/rules", json!({"yaml": RULES})).await;
        let process = desk.process();
        desk.alerts_fire(6).await;
        process.stop().await;
        // What happens later is not behind them.
        desk.send("acme", Payload::Traces, &requests("checkout", &[("GET /cart", true)], now())).await;

        let (errors, failed) = rows(desk, "Errors", ("service", "checkout")).await;
        let (_, found) = rows(desk, "Statement", ("name", "GET /pay")).await;
        let (_, points) = rows(desk, "Depth", ("queue", "orders")).await;

        let names = column(&failed, "name");
        assert!(names.len() == 2 && names.contains(&&json!("GET /cart")), "{failed}");
        assert_eq!(
            (&failed["is_truncated"], &failed["columns"][0]["name"]),
            (&json!(false), &json!("start_time")),
            "{failed}"
        );
        assert_eq!(failed["asked"], errors["rows"], "what is told is what is asked");
        assert_eq!((&errors["rows"]["to"], &errors["rows"]["as_of"]), (&errors["fired_at"], &errors["fired_at"]));
        let link = errors["rows"]["link"].as_str().expect("a link");
        assert!(link.starts_with("/sql?sql=SELECT+start_time") && link.contains("&params=%5B%222"), "{link}");
        assert_eq!(
            (column(&found, "name"), column(&found, "service")),
            (vec![&json!("GET /pay")], vec![&json!("checkout")])
        );
        assert_eq!(
            (column(&points, "name"), column(&points, "value")),
            (vec![&json!("queue.depth")], vec![&json!(5.0)])
        );
    });
}

#[test]
fn an_incident_leads_to_the_rows_of_its_alerts_and_tells_times_as_text() {
    Desk::visit(None, async |desk| {
        let failed = requests("checkout", &[("GET /cart", true); 101], now() - 5 * SECOND);
        desk.send("acme", Payload::Traces, &failed).await;
        let rule = "[{name: Errors, condition: error_count > 0, over: 10m, interval: 1s, severity: critical}]";
        desk.post("/rules", json!({"yaml": rule})).await;
        let process = desk.process();
        desk.alerts_fire(1).await;
        process.stop().await;

        let incident = desk.get("/incidents/INC-000001").await;

        let alert = &incident["alerts_shown"][0];
        assert!(alert["rows"]["sql"].as_str().is_some_and(|sql| sql.contains("status_code = 'error'")), "{incident}");
        for time in [&incident["opened_at"], &incident["timeline"][0]["at"], &alert["fired_at"], &alert["rows"]["from"]]
        {
            assert!(time.as_str().is_some_and(|time| time.ends_with('Z')), "{incident}");
        }
        let path = format!("/alerts/{}", alert["id"].as_str().expect("an id"));
        let rows = desk.get(&format!("{path}/rows")).await;
        assert_eq!((rows["rows"].as_array().map(Vec::len), &rows["is_truncated"]), (Some(100), &json!(true)));
        desk.ask(http::Method::DELETE, "/rules/Errors", None).await;
        assert_eq!(desk.get(&path).await["rows"], Value::Null, "nobody knows any more what it asked");
        assert_eq!(desk.ask(http::Method::GET, &format!("{path}/rows"), None).await.0, 404);
        assert_eq!(desk.ask(http::Method::GET, "/alerts/nobody", None).await.0, 404);
    });
}
