//! SLOs over a plane of their own: requests go in, the job counts them, and routes and SQL tell how much may still fail.

mod office;

use plugin::records::{Document, Key, List};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::office::{Office, Requests};

/// The SLO of most tests.
const AVAILABILITY: &str = "checkout-availability";

fn availability() -> Value {
    json!({
        "name": AVAILABILITY, "service": "checkout", "owner": "shop", "objective": 99.9,
        "indicator": {"kind": "availability"},
    })
}

fn with(mut slo: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else { panic!("changes are members") };
    slo.as_object_mut().expect("members").extend(changes);
    slo
}

fn near(value: &Value, expected: f64) -> bool {
    value.as_f64().is_some_and(|value| (value - expected).abs() <= expected.abs() / 1000.0)
}

/// Good and valid events in the window.
fn counted(slo: &Value) -> (u64, u64) {
    let count = |name: &str| slo["budget"][name].as_u64().expect("a count");
    (count("good"), count("valid"))
}

#[test]
fn an_slo_tells_what_is_left_and_an_outage_pages() {
    Office::open(async |office| {
        office.requests(Requests { minutes_ago: 50, good: 900, ..Requests::default() }).await;
        office.requests(Requests { minutes_ago: 3, good: 80, bad: 20, ..Requests::default() }).await;
        office.requests(Requests { service: "cart", minutes_ago: 3, bad: 50, ..Requests::default() }).await;

        let made = office.post("/slos", &availability()).await;
        office.evaluate(0).await;

        assert_eq!(
            (&made["state"], &made["version"], &made["counted_from"]),
            (&json!("no_data"), &json!(1), &Value::Null)
        );
        let told = office.get("/slos").await;
        let slo = &told["slos"][0];
        assert_eq!((&slo["state"], counted(slo)), (&json!("page"), (980, 1000)), "{slo}");
        assert!(near(&slo["sli"], 0.98) && near(&slo["budget"]["total_bad"], 1.0), "{slo}");
        assert!(near(&slo["budget"]["left_bad"], -19.0) && near(&slo["budget"]["left_share"], -19.0), "{slo}");
        assert_eq!(slo["budget"]["exhausted_at"], slo["counted_until"], "nothing is left now");
        let page = &slo["burns"][0];
        assert_eq!(
            (&page["burn"], &page["long_window"], &page["bad"]),
            (&json!(14.4), &json!("1h"), &json!(20)),
            "{page}"
        );
        assert!(near(&page["long_burn"], 20.0) && near(&page["short_burn"], 200.0), "{page}");
        let burning = "select slo, service, severity from apm.slo_burns where is_burning order by burn desc limit 1";
        assert_eq!(office.sql(burning).await, "checkout-availability,checkout,page");
        assert_eq!(office.sql_of("globex", "select count(*) from apm.slo_burns").await, "0", "of another tenant");
        assert_eq!(
            office.sql("select name, objective, indicator->>'kind' from apm.slos").await,
            "checkout-availability,99.9,availability"
        );
        let metrics =
            "select name, attributes->>'window', round(value) from metrics where name = 'slo.error_budget.remaining'
            or attributes->>'window' = '5m' order by name";
        assert_eq!(office.sql(metrics).await, "slo.burn_rate,5m,200.0\nslo.error_budget.remaining,,-19.0");
    });
}

#[test]
fn what_comes_late_is_counted_for_ten_minutes_and_what_was_missed_afterwards() {
    Office::open(async |office| {
        office.post("/slos", &availability()).await;
        office.requests(Requests { minutes_ago: 5, good: 10, ..Requests::default() }).await;
        office.evaluate(-4).await;

        office.requests(Requests { minutes_ago: 5, good: 3, bad: 2, ..Requests::default() }).await;
        office.requests(Requests { minutes_ago: 60, good: 100, ..Requests::default() }).await;
        office.evaluate(-3).await;

        let slo = office.get("/slos/checkout-availability").await;
        assert_eq!((counted(&slo), &slo["caught_up"]), ((13, 15), &Value::Null), "{slo}");

        office.evaluate(30).await;

        let slo = office.get("/slos/checkout-availability").await;
        assert_eq!(counted(&slo), (13, 15), "{slo}");
        assert_eq!(slo["caught_up"]["to"], slo["counted_until"], "{slo}");
    });
}

#[test]
fn another_objective_keeps_what_is_counted_and_another_indicator_counts_anew() {
    Office::open(async |office| {
        office.requests(Requests { minutes_ago: 3, good: 90, bad: 10, ..Requests::default() }).await;
        office.requests(Requests { minutes_ago: 3, operation: "GET /cart", good: 50, ..Requests::default() }).await;
        office.post("/slos", &availability()).await;
        office.evaluate(0).await;

        let laxer = with(availability(), json!({"objective": 50, "version": 1}));
        let changed = office.put("/slos/checkout-availability", &laxer).await;
        assert_eq!(
            (&changed["version"], &changed["generation"], counted(&changed)),
            (&json!(2), &json!(1), (140, 150))
        );
        assert_eq!(office.send("PUT", "/slos/checkout-availability", &laxer).await.0, 409, "version 1 was changed");
        office.evaluate(0).await;
        assert_eq!(office.get("/slos/checkout-availability").await["state"], "ok");

        let narrower = json!({"indicator": {"kind": "availability", "operation": "POST /checkout"}});
        let changed = office.put("/slos/checkout-availability", &with(availability(), narrower)).await;
        assert_eq!((&changed["generation"], &changed["state"]), (&json!(2), &json!("no_data")), "{changed}");
        assert_eq!(office.sql("select count(*) from apm.slo_burns").await, "0");
        office.evaluate(0).await;
        assert_eq!(counted(&office.get("/slos/checkout-availability").await), (90, 100));
        let done =
            ["slo.made", "slo.changed", "slo.changed"].map(|action| format!("{action} slo/checkout-availability"));
        assert_eq!(office.audited().await, done);
    });
}

/// An hour as the plugin keeps it.
#[derive(Serialize, Deserialize)]
struct KeptHour {
    series: String,
    hour: i64,
}

impl Document for KeptHour {
    const COLLECTION: &'static str = "apm.slo_hours";
    const KEYS: &'static [Key] = &[Key::lookup("series"), Key::lookup("hour")];
}

#[test]
fn an_slo_that_is_removed_leaves_nothing_behind() {
    Office::open(async |office| {
        let hours = async || {
            office
                .context
                .records
                .collection::<KeptHour>()
                .list_everywhere(&List::all())
                .await
                .expect("hours")
                .records
                .len()
        };
        office.post("/slos", &with(availability(), json!({"window_days": 1}))).await;
        office.evaluate(0).await;
        assert!([24, 25].contains(&hours().await), "a day, of which two hours may be parts");
        assert_eq!(office.send("DELETE", "/slos/checkout-availability?version=7", &Value::Null).await.0, 409);

        let removed = office.send("DELETE", "/slos/checkout-availability", &Value::Null).await;
        office.evaluate(0).await;
        office.evaluate(0).await;

        assert_eq!((removed.0, hours().await), (204, 0));
        let done = ["slo.made", "slo.deleted"].map(|action| format!("{action} slo/checkout-availability"));
        assert_eq!(office.audited().await, done, "what was refused is not in it");
        assert_eq!(office.sql("select count(*) from apm.slo_burns").await, "0");
        let (status, told) = office.send("GET", "/slos/checkout-availability", &Value::Null).await;
        assert_eq!(status, 404, "{told}");
    });
}

#[test]
fn slow_answers_are_bad_for_latency() {
    Office::open(async |office| {
        for (duration_ms, good, bad) in [(100, 70, 5), (490, 20, 0), (600, 10, 0)] {
            office.requests(Requests { minutes_ago: 3, duration_ms, good, bad, ..Requests::default() }).await;
        }
        let indicator = json!({"kind": "latency", "threshold_ms": 500, "operation": "POST /checkout"});
        office.post("/slos", &with(availability(), json!({"indicator": indicator}))).await;

        office.evaluate(0).await;

        assert_eq!(counted(&office.get("/slos/checkout-availability").await), (90, 105));
    });
}

#[test]
fn silence_is_bad_for_freshness_from_when_it_is_promised() {
    Office::open(async |office| {
        office.requests(Requests { minutes_ago: 3, good: 1, ..Requests::default() }).await;
        let indicator = json!({"kind": "freshness", "signal": "spans", "max_age_seconds": 60});
        office.post("/slos", &with(availability(), json!({"indicator": indicator}))).await;

        office.evaluate(-2).await;
        let then = counted(&office.get("/slos/checkout-availability").await);
        office.evaluate(2).await;

        assert_eq!(then, (1, 1), "the minute of the request");
        assert_eq!(counted(&office.get("/slos/checkout-availability").await), (1, 5));
    });
}

#[test]
fn a_statement_says_what_is_good_by_minute_or_of_all() {
    Office::open(async |office| {
        office.requests(Requests { minutes_ago: 30, good: 30, bad: 10, ..Requests::default() }).await;
        office.requests(Requests { minutes_ago: 1, good: 3, bad: 1, ..Requests::default() }).await;
        let counts = "sum(case when status_code = 'error' then 0 else 1 end) as good, count(*) as valid from spans \
            where start_time >= $1 and start_time < $2";
        let slo = |name: &str, statement: String| {
            with(availability(), json!({"name": name, "indicator": {"kind": "sql", "statement": statement}}))
        };
        office.post("/slos", &slo("of-all", format!("select {counts}"))).await;
        let by_minute = format!("select date_trunc('minute', start_time) as minute, {counts} group by 1");
        office.post("/slos", &slo("by-minute", by_minute)).await;

        office.evaluate(0).await;

        assert_eq!(counted(&office.get("/slos/by-minute").await), (33, 44), "what was before is counted");
        assert_eq!(counted(&office.get("/slos/of-all").await), (3, 4), "from the last minute on");
    });
}

#[test]
fn a_statement_is_refused_with_what_is_wrong_and_where() {
    Office::open(async |office| {
        for (statement, because) in [
            ("select good frm spans", "line 1, column"),
            (
                "select nothing as good, 1 as valid from spans where start_time >= $1 and start_time < $2",
                "line 1, column 8",
            ),
            ("select 1 as good, 1 as valid", "parameter $1 is given but the statement does not use it"),
            (
                "select 1 as good where now() between cast($1 as timestamp) and cast($2 as timestamp)",
                "no column 'valid'",
            ),
            ("select $1 as good, $2 as valid", "has the type Utf8"),
            ("select 2 as good, 1 as valid where $1 < $2", "which are no counts"),
            ("select count(*) as good, 1 as valid from apm.slos where $1 < $2", "apm.slos"),
            ("delete from spans", "would change something"),
        ] {
            let slo = with(availability(), json!({"indicator": {"kind": "sql", "statement": statement}}));
            let (status, told) = office.send("POST", "/slos", &slo).await;
            assert_eq!(status, 400, "{statement}: {told}");
            let message = told["error"]["message"].as_str().expect("a message");
            assert!(message.contains(because), "{statement}: {message}");
        }
    });
}

#[test]
fn what_is_no_slo_is_refused() {
    Office::open(async |office| {
        for (wrong, because) in [
            (json!({"name": "Checkout"}), "'name'"),
            (json!({"service": ""}), "'service'"),
            (json!({"objective": 100}), "'objective' is 100"),
            (json!({"objective": 99.99999}), "'objective'"),
            (json!({"window_days": 91}), "'window_days' is 91"),
            (json!({"bad_events_min": 0}), "'bad_events_min'"),
            (json!({"indicator": {"kind": "latency", "threshold_ms": 0}}), "threshold_ms"),
            (json!({"indicator": {"kind": "latency"}}), "threshold_ms"),
            (
                json!({"indicator": {"kind": "freshness", "signal": "spans", "max_age_seconds": 3601}}),
                "max_age_seconds",
            ),
            (json!({"window": 7}), "window"),
        ] {
            let (status, told) = office.send("POST", "/slos", &with(availability(), wrong)).await;
            assert_eq!(status, 400, "{told}");
            let message = told["error"]["message"].as_str().expect("a message");
            assert!(message.contains(because), "{because}: {message}");
        }
        office.post("/slos", &availability()).await;
        assert_eq!(office.send("POST", "/slos", &availability()).await.0, 409);
        let (status, told) = office.send("GET", "/slos/chekcout-availability", &Value::Null).await;
        assert_eq!((status, &told["error"]["hint"]), (404, &json!("did you mean checkout-availability?")));
    });
}

#[test]
fn slos_are_taken_along_as_yaml_and_put_all_or_none() {
    Office::open(async |office| {
        let put = async |yaml: &str| {
            let (status, told) = office.send_text("POST", "/slos", "application/yaml", yaml.to_owned()).await;
            (status, serde_json::from_str::<Value>(&told).expect("JSON"))
        };
        let indicator = json!({"kind": "latency", "threshold_ms": 250, "operation": "POST /checkout"});
        office.post("/slos", &with(availability(), json!({"name": "latency", "indicator": indicator}))).await;
        office.post("/slos", &availability()).await;
        let (status, yaml) = office.send_text("GET", "/slos/export", "application/json", String::new()).await;
        assert_eq!(status, 200, "{yaml}");

        assert_eq!(put(&yaml).await.1["unchanged"], json!([AVAILABILITY, "latency"]), "{yaml}");
        assert_eq!(office.send("DELETE", "/slos/latency", &Value::Null).await.0, 204);
        let (status, told) = put(&yaml.replace("99.9", "99.5")).await;

        assert_eq!((status, &told["made"], &told["changed"]), (200, &json!(["latency"]), &json!([AVAILABILITY])));
        let slo = office.get("/slos/latency").await;
        assert_eq!((&slo["objective"], &slo["indicator"]["threshold_ms"]), (&json!(99.5), &json!(250.0)));
        let (status, told) = put(&yaml.replacen("99.9", "101", 1)).await;
        assert_eq!(status, 400, "{told}");
        assert_eq!(office.get("/slos/latency").await["objective"], json!(99.5), "nothing is put");
        let message = told["error"]["message"].as_str().expect("a message");
        assert!(message.contains("the SLO 'checkout-availability': 'objective' is 101"), "{message}");
    });
}

#[test]
fn the_past_adds_up_to_the_window() {
    Office::open(async |office| {
        office.post("/slos", &availability()).await;
        for minutes_ago in [20, 90, 150] {
            office.requests(Requests { minutes_ago, good: 50, bad: 1, ..Requests::default() }).await;
        }
        office.evaluate(0).await;

        let told = office.get("/slos/checkout-availability/history?from=now-2h").await;

        let buckets = told["buckets"].as_array().expect("buckets");
        let sum = |name: &str| buckets.iter().filter_map(|bucket| bucket[name].as_u64()).sum::<u64>();
        assert_eq!((sum("good"), sum("valid")), (100, 102), "{told}");
        let left: Vec<_> =
            buckets.iter().map(|bucket| bucket["budget_left_share"].as_f64().expect("a share")).collect();
        assert!(
            left.iter().all(|left| (left - (1.0 - 1000.0 / 51.0)).abs() < 1e-6),
            "one of 51 all the time: {left:?}"
        );
        assert_eq!(office.send("GET", "/slos/checkout-availability/history?from=now-91d", &Value::Null).await.0, 400);
    });
}
