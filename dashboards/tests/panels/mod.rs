//! Panels and variables are asked as the one who looks at them.

use serde_json::{Value, json};

use crate::office::Office;
use crate::written::SHOP;

const REQUESTS: &str = "/shop/panels/requests/query";

/// A panel with this statement.
fn panel(sql: &str) -> Value {
    json!({"panel": {"title": "A", "kind": "table", "sql": sql}})
}

#[test]
fn a_panel_answers_for_the_times_and_what_is_chosen() {
    Office::open(async |office| {
        office.answer("PUT", "/shop", SHOP).await;
        let requests = async |wanted: Value| office.answer("POST", REQUESTS, wanted).await["rows"][0][0].clone();

        assert_eq!(requests(json!({})).await, 5);
        assert_eq!(requests(json!({"variables": {"service": ["cart"]}})).await, 2);
        assert_eq!(requests(json!({"variables": {"service": ["cart", "checkout"]}})).await, 5);
        assert_eq!(requests(json!({"variables": {"service": "x') OR (true"}})).await, 0);
        assert_eq!(requests(json!({"from": "now-90s"})).await, 2);
        assert_eq!(requests(json!({"from": "now-1d", "to": "now-1h"})).await, 0);
    });
}

#[test]
fn a_chart_has_as_many_intervals_as_there_is_room_for() {
    Office::open(async |office| {
        office.answer("PUT", "/shop", SHOP).await;

        let told = office.answer("POST", "/shop/panels/over-time/query", json!({"from": "now-1h", "width": 60})).await;

        assert_eq!(told["interval_seconds"], 60.0, "{told}");
        assert_eq!(told["columns"][0], json!({"name": "time", "type": "timestamp"}), "{told}");
        let rows = told["rows"].as_array().expect("rows");
        let by_second: f64 = rows.iter().filter_map(|row| row[1].as_f64()).sum();
        assert!(rows.len() >= 3 && (by_second * 60.0 - 5.0).abs() < 0.001, "{told}");
        assert_eq!((&told["is_truncated"], &told["warnings"]), (&json!(false), &json!([])));
    });
}

#[test]
fn values_of_a_variable_are_those_of_its_statement() {
    Office::open(async |office| {
        office.answer("PUT", "/shop", SHOP).await;

        let told = office.answer("POST", "/shop/variables/service", json!({})).await;

        assert_eq!(told["values"], json!(["cart", "checkout"]), "{told}");
        assert_eq!(office.send("POST", "/shop/variables/host", json!({})).await.0, 404);
    });
}

#[test]
fn a_panel_is_tried_out_before_it_is_written() {
    Office::open(async |office| {
        let trial = json!({
            "panel": "title: A\nkind: stat\nsql: SELECT count(*) AS n FROM spans WHERE service_name = $service\n",
            "variables": {"service": "cart"},
        });
        assert_eq!(office.answer("POST", "/query", trial).await["rows"], json!([[2]]));

        let (evil, filter) = ("a_is_all OR true) OR ($a", "{service.name: '$a_is_all OR true) OR ($a'}");
        let trial = json!({
            "panel": format!("title: A\nkind: stat\nmetric: {{name: m, function: avg, filter: {filter}}}\n"),
            "variables": {"a": "x", evil: "x"},
        });
        let (status, told) = office.send("POST", "/query", trial).await;
        assert_eq!(status, 400, "a name is never part of a statement: {told}");
        let (status, told) = office.send("POST", "/query", panel("SELECT $nothing")).await;
        assert_eq!(status, 422, "{told}");
        let (status, told) =
            office.send("POST", "/query", panel("SELECT 1,\n  nothing FROM spans WHERE start_time > $from")).await;
        assert!(
            status == 400 && told["error"]["message"].as_str().is_some_and(|told| told.contains("line 2, column 3")),
            "{told}"
        );
    });
}

#[test]
fn who_may_not_see_a_table_does_not_see_it_in_a_panel_and_tenants_see_their_own() {
    Office::open(async |office| {
        assert_eq!(
            office.answer("POST", "/query", panel("SELECT count(*) FROM dashboards.queries")).await["rows"],
            json!([[0]])
        );
        let (status, told) = office.send("POST", "/query", panel("SELECT count(*) FROM vault.things")).await;
        assert!(
            status == 400 && told["error"]["message"].as_str().is_some_and(|told| told.contains("not found")),
            "{told}"
        );

        let (status, told) = office.send_elsewhere("POST", "/query", panel("SELECT count(*) FROM spans")).await;
        assert_eq!((status, &told["rows"]), (200, &json!([[0]])), "{told}");
    });
}

#[test]
fn a_long_answer_is_cut_and_says_so() {
    Office::open(async |office| {
        let told = office.answer("POST", "/query", panel("SELECT value FROM generate_series(1, 50000)")).await;

        assert_eq!(told["rows"].as_array().map(Vec::len), Some(10_000));
        assert_eq!(told["is_truncated"], true);
    });
}

#[test]
fn what_cannot_be_asked_is_told() {
    Office::open(async |office| {
        office.answer("PUT", "/shop", SHOP).await;

        for wrong in [
            json!({"from": "yesterday"}),
            json!({"from": "now-500d"}),
            json!({"form": "now-1h"}),
            json!({"variables": {"servce": "cart"}}),
            json!({"variables": {"service": 7}}),
        ] {
            let (status, told) = office.send("POST", REQUESTS, wrong.clone()).await;
            assert_eq!(status, 400, "{wrong}: {told}");
        }
        let (status, told) = office.send("POST", "/shop/panels/request/query", json!({})).await;
        assert!(status == 404 && told["error"]["hint"] == "did you mean requests?", "{told}");
    });
}
