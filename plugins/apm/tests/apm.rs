//! Every route over a plane of its own: spans go in, answers come out.

mod logs;
mod metrics;
mod patterns;
mod shop;
mod slo;
mod traces;

use serde_json::{Value, json};

use crate::shop::Shop;

fn names(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().filter_map(|each| each["name"].as_str()).collect()
}

fn near(value: &Value, expected: f64) -> bool {
    value.as_f64().is_some_and(|value| (value - expected).abs() <= expected / 100.0)
}

#[test]
fn services_are_listed_with_rate_errors_latency_and_apdex() {
    Shop::visit(async |shop| {
        let told = shop.get("/services?from=now-1h&compare=true&apdex_ms=500").await;

        assert_eq!(names(&told["services"]), ["checkout", "payments"], "{told}");
        let checkout = &told["services"][0];
        assert_eq!((&checkout["requests"], &checkout["errors"]), (&json!(4), &json!(1)), "{checkout}");
        assert!(near(&checkout["error_share"], 0.25) && near(&checkout["rate_per_second"], 4.0 / 3600.0), "{checkout}");
        assert!(near(&checkout["latency"]["p50_ms"], 100.0), "{checkout}");
        // Two satisfied, one tolerated, one failed.
        assert!(near(&checkout["apdex"], 2.5 / 4.0), "{checkout}");
        assert_eq!(checkout["versions"], json!(["2.0.0", "1.0.0"]));
        assert_eq!(checkout["languages"], json!(["rust"]));
        assert_eq!(checkout["before"]["requests"], 0);
        assert!(checkout["last_seen"].as_str().is_some_and(|seen| seen.ends_with(":00Z")), "{checkout}");
        assert_eq!(names(&shop.get("/services?text=PAY").await["services"]), ["payments"]);
        assert_eq!(names(&shop.get("/services?environment=nowhere").await["services"]), Vec::<&str>::new());
    });
}

#[test]
fn a_service_is_told_over_time_by_its_parts_and_with_its_peers() {
    Shop::visit(async |shop| {
        let told = shop.get("/services/checkout?from=now-1h&compare=true").await;

        assert_eq!((&told["now"]["requests"], &told["before"]["requests"]), (&json!(4), &json!(0)), "{told}");
        let buckets = told["over_time"].as_array().expect("buckets");
        let in_buckets: u64 = buckets.iter().filter_map(|bucket| bucket["requests"].as_u64()).sum();
        assert!(in_buckets == 4 && buckets.len() <= 121, "{told}");
        assert_eq!(names(&told["operations"])[0], "POST /checkout");
        let statuses: Vec<_> = told["statuses"].as_array().expect("a list").iter().collect();
        assert!(
            statuses.iter().any(|status| status["http_response_status_code"] == 500 && status["errors"] == 1),
            "{told}"
        );
        assert_eq!(told["versions"].as_array().map(Vec::len), Some(2));
        assert_eq!(told["instances"][0]["id"], "checkout-1");
        assert_eq!(told["databases"][0]["id"], "database:postgresql:orders");
        assert_eq!(names(&told["callees"]), ["payments"]);
        assert_eq!(told["callees"][0]["calls"], 4);
        assert_eq!(told["callers"][0]["id"], Value::Null);
    });
}

#[test]
fn an_unknown_service_is_told_with_names_that_are_near() {
    Shop::visit(async |shop| {
        let (status, told) = shop.ask("/services/chekcout").await;

        assert_eq!((status, &told["error"]["code"]), (404, &json!("not_found")), "{told}");
        assert!(told["error"]["hint"].as_str().is_some_and(|hint| hint.contains("checkout")), "{told}");
        assert_eq!(shop.ask("/services/chekcout/errors").await.0, 404);
        // It was heard of, though not then.
        let quiet = shop.get("/services/checkout?from=now-30d&to=now-29d").await;
        assert_eq!(quiet["now"]["requests"], 0);
    });
}

#[test]
fn errors_are_grouped_by_type_and_by_what_stays_the_same_of_their_message() {
    Shop::visit(async |shop| {
        let told = shop.get("/services/payments/errors").await;

        let groups = told["groups"].as_array().expect("groups");
        assert_eq!(groups.len(), 2, "{told}");
        assert_eq!((&groups[0]["type"], &groups[0]["count"]), (&json!("CardDeclined"), &json!(2)), "{told}");
        assert_eq!(groups[0]["pattern"], "card <text> of order <n> was declined, can't retry <id>");
        assert!(groups[0]["first_seen"].as_str() < groups[0]["last_seen"].as_str(), "{told}");
        assert_eq!(groups[0]["last"]["trace_id"], shop.trace(1));
        assert_eq!(groups[1]["type"], "timeout");
        assert_eq!(groups[1]["pattern"], Value::Null);
    });
}

#[test]
fn the_map_has_nodes_and_edges_and_what_is_downstream_of_one() {
    Shop::visit(async |shop| {
        let map = shop.get("/map").await;

        let ids: Vec<_> = map["nodes"].as_array().expect("nodes").iter().map(|node| node["id"].clone()).collect();
        assert_eq!(ids, ["service:checkout", "service:payments", "database:postgresql:orders"], "{map}");
        assert_eq!(
            (&map["nodes"][0]["calls"], &map["nodes"][0]["calls_from_outside"]),
            (&json!(4), &json!(4)),
            "{map}"
        );
        let edges: Vec<_> = map["edges"].as_array().expect("edges").iter().collect();
        assert!(edges.iter().any(|edge| edge["source"] == "service:checkout" && edge["target"] == "service:payments"));
        let below = shop.get("/map?from_node=payments").await;
        assert_eq!(names(&below["nodes"]), ["payments"], "{below}");
        assert_eq!(shop.ask("/map?from_node=paymants").await.0, 404);
    });
}

#[test]
fn a_trace_is_told_as_a_tree_in_pages() {
    Shop::visit(async |shop| {
        let trace = shop.get(&format!("/traces/{}", shop.trace(0))).await;

        let nodes: Vec<_> = trace["nodes"].as_array().expect("nodes").iter().collect();
        let shape: Vec<_> =
            nodes.iter().map(|node| (node["name"].as_str().expect("a name"), node["depth"].as_u64())).collect();
        let expected =
            [("POST /checkout", Some(0)), ("SELECT orders", Some(1)), ("POST /pay", Some(1)), ("POST /pay", Some(2))];
        assert_eq!(shape, expected, "{trace}");
        assert_eq!((&trace["spans"], &trace["logs"], &trace["next"]), (&json!(4), &json!(1), &Value::Null), "{trace}");
        assert_eq!(trace["duration_ns"], 100_000_000);
        let critical: i64 = nodes.iter().filter_map(|node| node["critical_ns"].as_i64()).sum();
        assert_eq!(critical, 100_000_000, "{trace}");
        assert_eq!(trace["faults"]["told"], json!([]));
        assert_eq!(trace["services"].as_array().map(Vec::len), Some(2));
        let page = shop.get(&format!("/traces/{}?offset=1&limit=2", shop.trace(0))).await;
        assert_eq!((&page["nodes"][0]["index"], &page["next"]), (&json!(1), &json!(3)), "{page}");
    });
}

#[test]
fn a_broken_trace_is_shown_with_what_is_wrong() {
    Shop::visit(async |shop| {
        let trace = shop.get(&format!("/traces/{}", shop.broken_trace())).await;

        assert_eq!((&trace["spans"], &trace["faults"]["missing_parents"]), (&json!(2), &json!(1)), "{trace}");
        assert_eq!(trace["faults"]["circles"], 1, "{trace}");
        assert_eq!(shop.ask(&format!("/traces/{}", "f".repeat(32))).await.0, 404);
        assert_eq!(shop.ask("/traces/nothing").await.0, 400);
    });
}

async fn found(shop: &Shop, question: &str) -> Vec<String> {
    let told = shop.get(&format!("/traces?{question}")).await;
    let traces = told["traces"].as_array().expect("traces").iter();
    traces.map(|trace| trace["trace_id"].as_str().expect("an id").to_owned()).collect()
}

#[test]
fn traces_are_found_by_what_is_true_of_a_span() {
    Shop::visit(async |shop| {
        let of = |numbers: &[u8]| numbers.iter().map(|number| shop.trace(*number)).collect::<Vec<_>>();
        let checkout = "service=checkout&operation=POST+/checkout";

        assert_eq!(found(shop, checkout).await, of(&[3, 2, 1, 0]), "the newest first");
        assert_eq!(found(shop, &format!("{checkout}&sort=duration")).await[0], shop.trace(2));
        assert_eq!(found(shop, &format!("{checkout}&min_duration_ms=500")).await, of(&[2]));
        assert_eq!(found(shop, "service=checkout&status=error").await, of(&[3]));
        assert_eq!(found(shop, "attributes=%7B%22http.response.status_code%22:500%7D").await, of(&[3]));
        assert_eq!(found(shop, "attributes=%7B%22shop.customer%22:%22it's%22%7D").await, of(&[0]));
        assert_eq!(found(shop, "attributes=%7B%22service.instance.id%22:%22checkout-1%22%7D").await.len(), 4);
        assert_eq!(found(shop, "text=declined").await, of(&[1, 0]));
        let told = shop.get(&format!("/traces?{checkout}&limit=1")).await;
        let trace = &told["traces"][0];
        assert_eq!((&trace["root_operation"], &trace["spans"]), (&json!("POST /checkout"), &json!(4)), "{trace}");
        assert_eq!(trace["services"], json!(["checkout", "payments"]));
    });
}

#[test]
fn pages_of_a_search_have_every_trace_once() {
    Shop::visit(async |shop| {
        for sort in ["time", "duration", "errors"] {
            let (mut all, mut after) = (Vec::new(), String::new());
            loop {
                let told = shop.get(&format!("/traces?service=checkout&sort={sort}&limit=1{after}")).await;
                all.extend(
                    told["traces"].as_array().expect("traces").iter().map(|trace| trace["trace_id"].to_string()),
                );
                match told["next"].as_str() {
                    Some(next) => after = format!("&after={next}"),
                    None => break,
                }
            }
            let found = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!((found, all.len()), (4, 4), "{sort}");
        }
    });
}

#[test]
fn what_cannot_be_answered_says_what_to_do() {
    Shop::visit(async |shop| {
        for wrong in [
            "/services?from=yesterday",
            "/services?from=now&to=now-1h",
            "/services?from=now-500d",
            "/services?apdex_ms=0",
            "/services?compare=perhaps",
            "/services/checkout/errors?from=now-32d",
            "/traces?sort=name",
            "/traces?after=nowhere",
            "/traces?attributes=a",
            "/traces?text=%22",
        ] {
            let (status, told) = shop.ask(wrong).await;
            assert_eq!(status, 400, "{wrong}: {told}");
            assert!(told["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{wrong}: {told}");
        }
    });
}
