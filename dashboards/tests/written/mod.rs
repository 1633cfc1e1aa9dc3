//! Dashboards that are written, shown, checked and removed.

use serde_json::{Value, json};

use crate::office::Office;

pub(crate) const SHOP: &str = "\
# Of the shop.
name: shop
title: Shop
tags: [demo]
time: 1h
variables:
  - {name: service, kind: query, multi: true, sql: 'SELECT DISTINCT service_name FROM spans WHERE start_time >= $from ORDER BY 1'}
rows:
  - panels:
      - title: Requests
        kind: stat
        sql: |
          SELECT count(*) AS requests FROM spans
          WHERE ($service_is_all OR service_name IN ($service)) AND start_time >= $from AND start_time < $to
      - title: Over time
        kind: time_series
        sql: |
          SELECT time_bucket($interval, start_time) AS time, count(*) / $interval_seconds AS requests FROM spans
          WHERE start_time >= $from AND start_time < $to GROUP BY 1 ORDER BY 1
";

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn names(told: &Value) -> Vec<(&str, &str)> {
    let dashboards = told["dashboards"].as_array().expect("a list").iter();
    dashboards.map(|dashboard| (text(&dashboard["name"]), text(&dashboard["origin"]))).collect()
}

#[test]
fn a_dashboard_is_written_shown_and_removed_and_the_trail_says_so() {
    Office::open(async |office| {
        let told = office.answer("PUT", "/shop", SHOP).await;

        assert_eq!((&told["origin"], &told["version"]), (&json!("app"), &json!(1)), "{told}");
        assert_eq!(told["dashboard"]["rows"][0]["panels"][1]["id"], "over-time", "{told}");
        assert_eq!(office.get("/shop/yaml").await, SHOP, "as it was written");
        assert!(names(&office.get("/").await).contains(&("shop", "app")));
        assert_eq!(office.send_elsewhere("GET", "/shop", "").await.0, 404);
        let (status, told) = office.send("GET", "/shpo", "").await;
        assert!(status == 404 && told["error"]["hint"] == "did you mean shop?", "{told}");
        office.answer("DELETE", "/shop", "").await;
        assert_eq!(office.send("DELETE", "/shop", "").await.0, 404);
        assert_eq!(office.audited().await, ["dashboard.written dashboard/shop", "dashboard.deleted dashboard/shop"]);
    });
}

#[test]
fn four_come_along_and_one_of_the_same_name_counts_before_them() {
    Office::open(async |office| {
        let all =
            [("executive", "built_in"), ("operations", "built_in"), ("product", "built_in"), ("technical", "built_in")];
        assert_eq!(names(&office.get("/").await), all);

        let own = SHOP.replace("name: shop", "name: product");
        office.answer("PUT", "/product", own).await;

        assert_eq!(office.get("/product").await["dashboard"]["title"], "Shop");
        assert!(names(&office.get("/").await).contains(&("product", "app")));
        office.answer("DELETE", "/product", "").await;
        assert_eq!(names(&office.get("/").await), all);
        assert_eq!(office.send("DELETE", "/product", "").await.0, 409);
    });
}

#[test]
fn of_two_who_write_over_one_that_came_along_the_second_is_told() {
    Office::open(async |office| {
        let own = SHOP.replace("name: shop", "name: product");
        assert_eq!(office.get("/product").await["version"], json!(null));

        let told = office.answer("PUT", "/product?version=0", own.as_str()).await;

        assert_eq!(told["version"], 1, "{told}");
        let (status, told) = office.send("PUT", "/product?version=0", own.as_str()).await;
        assert!(status == 409 && told["error"]["code"] == "conflict", "{told}");
        office.answer("PUT", "/product", own).await;
    });
}

#[test]
fn json_becomes_yaml_and_says_the_same() {
    Office::open(async |office| {
        let mut dashboard = office.answer("PUT", "/shop", SHOP).await["dashboard"].clone();
        dashboard["title"] = json!("Better");

        let told = office.answer("PUT", "/shop?version=1", dashboard.clone()).await;

        assert_eq!((&told["dashboard"], &told["version"]), (&dashboard, &json!(2)), "{told}");
        let yaml = office.get("/shop/yaml").await;
        assert!(yaml.as_str().is_some_and(|yaml| yaml.contains("title: Better")), "{yaml}");
        assert_eq!(office.send("PUT", "/shop?version=1", dashboard).await.0, 409, "it has changed since");
    });
}

#[test]
fn what_is_wrong_is_told_with_lines_and_columns() {
    Office::open(async |office| {
        let check = async |yaml: String, line: u64, column: u64, problem: &str| {
            let (status, told) = office.send("PUT", "/shop", yaml.as_str()).await;
            let fault = &told["faults"][0];
            assert_eq!((status, &fault["line"], &fault["column"]), (422, &json!(line), &json!(column)), "{told}");
            assert!(fault["problem"].as_str().is_some_and(|told| told.contains(problem)), "{told}");
            let checked = office.answer("POST", "/check", yaml).await;
            assert_eq!(checked["faults"], told["faults"]);
        };

        check(SHOP.replace("kind: stat", "kind: pie"), 11, 15, "`pie`").await;
        check(SHOP.replace("$interval_seconds", "$intervals"), 18, 73, "there is no `$intervals`").await;
        check(SHOP.replace("IN ($service)", "IN ($service) AND nothing = 1"), 14, 68, "nothing").await;
        check(SHOP.replace("AS time,", "AS time, body,"), 18, 62, "body").await;
        check(SHOP.replace("kind: stat", "kind: traces"), 13, 11, "needs a column `trace_id`").await;
        check(SHOP.replace("kind: stat", "kind: stat\n        x: hour"), 12, 12, "no column `hour`").await;
        let (status, told) = office.send("PUT", "/other", SHOP).await;
        assert!(status == 422 && told["faults"][0]["line"] == 2, "{told}");
        assert_eq!(office.answer("POST", "/check", SHOP).await["faults"], json!([]));
    });
}
