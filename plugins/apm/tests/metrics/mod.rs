//! Metrics of every type over time, their labels, heatmaps and exemplars, and what belongs to a span.

mod sent;

use serde_json::{Value, json};

pub(crate) use self::sent::fill;
use crate::shop::Shop;

const RANGE: &str = "from=2026-01-31T10:00:00Z&to=2026-01-31T10:03:00Z";

async fn over_time(shop: &Shop, name: &str, asked: &str) -> Value {
    shop.get(&format!("/metrics/{name}/range?{RANGE}&step=1m&{asked}")).await
}

/// The values of the only series.
async fn check(shop: &Shop, name: &str, asked: &str, expected: &[Option<f64>]) {
    let told = over_time(shop, name, asked).await;
    let series = told["series"].as_array().expect("series");
    assert_eq!(series.len(), 1, "{name} {asked}: {told}");
    check_values(&series[0]["values"], expected, &told);
}

fn check_values(values: &Value, expected: &[Option<f64>], told: &Value) {
    let values = values.as_array().expect("values");
    assert_eq!(values.len(), expected.len(), "{told}");
    for (value, expected) in values.iter().zip(expected) {
        let is_equal = match (value.as_f64(), expected) {
            (Some(value), Some(expected)) => (value - expected).abs() < 1e-9,
            (None, None) => true,
            _ => false,
        };
        assert!(is_equal, "{values:?}, expected {expected:?}: {told}");
    }
}

async fn refused(shop: &Shop, path: &str, because: &str) {
    let (status, told) = shop.ask(path).await;
    assert_eq!(status, 400, "{path}: {told}");
    assert!(told["error"].to_string().contains(because), "{path}: {told}");
}

#[test]
fn metrics_are_listed_with_type_unit_cardinality_and_services() {
    Shop::visit(async |shop| {
        let told = shop.get(&format!("/metrics?{RANGE}")).await;

        let metrics = told["metrics"].as_array().expect("metrics");
        let named = |name: &str| metrics.iter().filter(|metric| metric["name"] == name).collect::<Vec<_>>();
        let requests = named("http.requests")[0];
        assert_eq!((&requests["type"], &requests["temporality"]), (&json!("sum"), &json!("cumulative")), "{told}");
        assert_eq!((&requests["monotonic"], &requests["series"]), (&json!(true), &json!(2)), "{told}");
        assert_eq!((&requests["unit"], &requests["services"]), (&json!("1"), &json!(["billing"])), "{told}");
        assert_eq!(requests["last_seen"], "2026-01-31T10:02:30Z");
        assert_eq!(named("mixed").len(), 2, "once for each way it is sent");
        assert_eq!(named("payload.size")[0]["type"], "exponential_histogram");
        assert!(named("hidden.metric").is_empty() && told["is_truncated"] == false, "{told}");
        let count = async |asked: &str| {
            shop.get(&format!("/metrics?{RANGE}&{asked}")).await["metrics"].as_array().map(Vec::len)
        };
        assert_eq!(count("text=HTTP.").await, Some(2));
        assert_eq!(count("type=summary").await, Some(1));
        assert_eq!(count("service=nobody").await, Some(0));
        refused(shop, "/metrics?type=counter", "expected gauge").await;
    });
}

#[test]
fn labels_are_told_with_their_values() {
    Shop::visit(async |shop| {
        let told = shop.get(&format!("/metrics/http.requests?{RANGE}")).await;

        assert_eq!((&told["cardinality"], &told["series_read"]), (&json!(2), &json!(2)), "{told}");
        let label = |key: &str| {
            let labels = told["labels"].as_array().expect("labels");
            labels.iter().find(|label| label["key"] == key).unwrap_or_else(|| panic!("{key}: {told}"))
        };
        assert_eq!(told["labels"][0]["key"], "service.instance.id", "what tells most apart comes first");
        assert_eq!(
            label("service.instance.id")["top"],
            json!([
                {"value": "billing-1", "series": 1}, {"value": "billing-2", "series": 1}
            ])
        );
        assert_eq!((&label("http.route")["of"], &label("http.route")["values"]), (&json!("point"), &json!(1)));
        assert_eq!(label("pool")["top"], json!([{"value": "it's", "series": 2}]));
        assert_eq!(label("host.name")["of"], "resource");
        let one = "filter=%7B%22service.instance.id%22:%22billing-1%22%7D";
        assert_eq!(shop.get(&format!("/metrics/http.requests?{RANGE}&{one}")).await["cardinality"], 1);
        let (status, told) = shop.ask(&format!("/metrics/http.request?{RANGE}")).await;
        assert_eq!(status, 404);
        assert!(told["error"]["hint"].as_str().is_some_and(|hint| hint.contains("http.requests")), "{told}");
        assert_eq!(shop.ask("/metrics/hidden.metric").await.0, 404, "it is another tenant's");
    });
}

#[test]
fn gauges_and_sums_that_can_fall_are_values() {
    Shop::visit(async |shop| {
        let memory = async |asked, expected: [f64; 2]| {
            check(shop, "memory.usage", asked, &[Some(expected[0]), Some(expected[1]), None]).await;
        };

        memory("", [57.5, 67.5]).await;
        memory("function=min", [10.0, 30.0]).await;
        memory("function=max", [100.0, 100.0]).await;
        memory("function=count", [4.0, 4.0]).await;
        memory("function=sum", [120.0, 140.0]).await;
        memory("function=p100", [100.0, 100.0]).await;
        memory("function=last&filter=%7B%22service.instance.id%22:%22billing-1%22%7D", [20.0, 40.0]).await;
        check(shop, "queue.size", "", &[Some(7.0), Some(5.0), None]).await;
        let told = over_time(shop, "memory.usage", "by=service.instance.id,missing").await;
        assert_eq!(told["series"].as_array().map(Vec::len), Some(2), "{told}");
        let labels = json!({"service.instance.id": "billing-2", "missing": null});
        assert_eq!((&told["series"][0]["labels"], &told["points"]), (&labels, &json!(8)), "{told}");
        assert_eq!(told["buckets"][1], "2026-01-31T10:01:00Z");
    });
}

#[test]
fn counters_increase_with_resets_and_from_their_start() {
    Shop::visit(async |shop| {
        let increase = [Some(15.0), Some(18.0), Some(2.0)];
        check(shop, "http.requests", "function=increase", &increase).await;
        check(shop, "http.requests", "function=sum", &increase).await;
        check(shop, "http.requests", "function=count", &[Some(2.0), Some(2.0), Some(1.0)]).await;
        check(shop, "http.requests", "", &increase.map(|value| value.map(|value| value / 60.0))).await;
        let told = over_time(shop, "http.requests", "function=increase&by=service.instance.id").await;
        check_values(&told["series"][0]["values"], &[Some(10.0), Some(15.0), None], &told);
        check_values(&told["series"][1]["values"], &[Some(5.0), Some(3.0), Some(2.0)], &told);
        check(shop, "jobs.done", "function=increase", &[Some(4.0), Some(6.0), None]).await;
        // The beginning of what is counted is not known here: only what was added is.
        let later = "from=2026-01-31T10:30:00Z&to=2026-01-31T10:31:00Z&step=1m";
        let told = shop.get(&format!("/metrics/http.requests/range?{later}")).await;
        assert_eq!((&told["series"], &told["function"]), (&json!([]), &Value::Null), "{told}");
    });
}

#[test]
fn histograms_tell_rates_averages_and_quantiles() {
    Shop::visit(async |shop| {
        check(shop, "http.duration", "function=count", &[Some(8.0), Some(6.0), None]).await;
        check(shop, "http.duration", "function=rate", &[Some(8.0 / 60.0), Some(0.1), None]).await;
        check(shop, "http.duration", "function=sum", &[Some(2.0), Some(3.0), None]).await;
        check(shop, "http.duration", "function=avg", &[Some(0.25), Some(0.5), None]).await;
        check(shop, "http.duration", "function=p50", &[Some(0.1), Some(0.4), None]).await;
        check(shop, "http.duration", "quantile=1&by=http.route", &[Some(0.5), Some(1.0), None]).await;
        check(shop, "payload.size", "function=p50", &[Some(8.0_f64.sqrt()), Some(8.0_f64.sqrt()), None]).await;
        check(shop, "payload.size", "function=increase", &[Some(4.0), Some(4.0), None]).await;
        let told = over_time(shop, "bounds", "function=p50").await;
        // Both have the bound 0.5: nine of ten values are below.
        check_values(&told["series"][0]["values"], &[Some(0.5 * 5.0 / 9.0), None, None], &told);
        assert!(told["warnings"][0].as_str().is_some_and(|warning| warning.contains("different bounds")), "{told}");
    });
}

#[test]
fn summaries_tell_the_quantiles_they_have() {
    Shop::visit(async |shop| {
        check(shop, "gc.pause", "function=p99", &[Some(9.0), Some(5.0), None]).await;
        check(shop, "gc.pause", "function=avg", &[Some(3.0), Some(2.0), None]).await;
        refused(shop, &format!("/metrics/gc.pause/range?{RANGE}&function=p50"), "0.99").await;
    });
}

#[test]
fn what_has_no_meaning_is_refused_with_what_has() {
    Shop::visit(async |shop| {
        for (path, because) in [
            ("memory.usage/range?function=rate", "possible are avg"),
            ("queue.size/range?function=increase", "possible are avg"),
            ("http.requests/range?function=p99", "possible are rate"),
            ("http.duration/range?function=max", "possible are rate"),
            ("mixed/range?function=avg", "choose one with 'type'"),
            ("undecided/range?function=rate", "cumulative or delta"),
            ("memory.usage/range?function=median", "there are rate"),
            ("memory.usage/range?step=soon", "no length of time"),
            ("memory.usage/range?by=a,b,c,d,e", "at most 4"),
            ("memory.usage/range?filter=a", "JSON object"),
            ("memory.usage/heatmap?step=1m", "is no histogram"),
        ] {
            let (name, asked) = path.split_once('?').expect("parameters");
            refused(shop, &format!("/metrics/{name}?{RANGE}&{asked}"), because).await;
        }
        let gauge = over_time(shop, "mixed", "type=gauge").await;
        assert_eq!(gauge["sent"].as_array().map(Vec::len), Some(1), "{gauge}");
    });
}

#[test]
fn a_heatmap_counts_values_by_time_and_bounds() {
    Shop::visit(async |shop| {
        let told = shop.get(&format!("/metrics/http.duration/heatmap?{RANGE}&step=1m")).await;

        assert_eq!(
            told["rows"],
            json!([
                {"lower": null, "upper": 0.1, "counts": [4, 0, 0]},
                {"lower": 0.1, "upper": 0.5, "counts": [4, 4, 0]},
                {"lower": 0.5, "upper": 1.0, "counts": [0, 2, 0]},
                {"lower": 1.0, "upper": null, "counts": [0, 0, 0]},
            ]),
            "{told}"
        );
        let told = shop.get(&format!("/metrics/payload.size/heatmap?{RANGE}&step=1m")).await;
        assert_eq!(told["rows"], json!([{"lower": 2.0, "upper": 4.0, "counts": [4, 4, 0]}]), "{told}");
    });
}

#[test]
fn exemplars_lead_to_traces_and_are_told_once() {
    Shop::visit(async |shop| {
        let exemplars = async |asked: &str| {
            let told = shop.get(&format!("/metrics/http.duration/exemplars?{RANGE}&{asked}")).await;
            told["exemplars"].as_array().expect("exemplars").clone()
        };

        let all = exemplars("").await;

        assert_eq!(
            all,
            [json!({
                "metric": "http.duration", "time": "2026-01-31T10:00:20Z", "value": 0.4, "trace_id": "bb".repeat(16),
                "span_id": "bb".repeat(8), "service": "billing", "labels": {"http.route": "/bill", "customer": "x"},
            })]
        );
        assert_eq!(exemplars("min=0.3&max=0.5").await.len(), 1);
        assert_eq!(exemplars("min=0.5").await.len(), 0);
        assert_eq!(exemplars("filter=%7B%22http.route%22:%22/cart%22%7D").await.len(), 0);
        assert_eq!(exemplars("filter=%7B%22http.route%22:%22/bill%22%7D").await.len(), 1);
    });
}

#[test]
fn a_span_leads_to_its_logs_metrics_and_exemplars() {
    Shop::visit(async |shop| {
        let (trace, span) = ("bb".repeat(16), "bb".repeat(8));
        let told = shop.get(&format!("/correlate?trace_id={trace}&span_id={span}")).await;

        assert_eq!((&told["span"]["name"], &told["resource"]["instance"]), (&json!("POST /bill"), &json!("billing-1")));
        assert_eq!((&told["from"], &told["to"]), (&json!("2026-01-31T09:55:20Z"), &json!("2026-01-31T10:05:21Z")));
        let logs = &told["logs"];
        assert_eq!((&logs["of_span"]["info"], &logs["of_span"]["all"]), (&json!(1), &json!(1)), "{logs}");
        assert_eq!((&logs["of_trace"]["all"], &logs["of_resource"]["error"]), (&json!(1), &json!(1)), "{logs}");
        let metrics = told["metrics"].as_array().expect("metrics");
        let (cpu, memory) = (&metrics[0], &metrics[1]);
        assert_eq!((&cpu["name"], &cpu["sender"]), (&json!("system.cpu.utilization"), &json!("host")), "{told}");
        assert_eq!((&cpu["last"], &cpu["min"], &cpu["max"]), (&json!(0.7), &json!(0.5), &json!(0.7)), "{cpu}");
        assert_eq!((&memory["name"], &memory["sender"]), (&json!("memory.usage"), &json!("itself")), "{told}");
        assert_eq!((&memory["last"], &memory["series"]), (&json!(40.0), &json!(1)), "of this instance alone: {memory}");
        assert!(metrics.iter().any(|metric| metric["name"] == "http.duration" && metric["last"].is_null()), "{told}");
        assert_eq!(told["exemplars"][0]["span_id"], span);
        for link in metrics.iter().map(|metric| &metric["link"]) {
            let path = link.as_str().and_then(|link| link.strip_prefix("/api/v1/apm")).expect("a link");
            // One metric does not say what it is.
            assert!(shop.ask(path).await.0 == 200 || path.contains("undecided"), "{path}");
        }
        let around = told["links"]["around_service"].as_str().expect("a link");
        let around = shop.get(around.strip_prefix("/api/v1/apm").expect("a path")).await;
        assert_eq!((&around["requests"], &around["service"]), (&json!(1), &json!("billing")), "{around}");
        assert_eq!(shop.get(&format!("/correlate?trace_id={trace}")).await["span"]["span_id"], span, "the root");
    });
}

#[test]
fn a_spike_leads_to_errors_slow_requests_logs_and_exemplars() {
    Shop::visit(async |shop| {
        let told = shop.get(&format!("/correlate?service=billing&metric=http.duration&{RANGE}")).await;

        assert_eq!((&told["requests"], &told["errors"]), (&json!(1), &json!(0)), "{told}");
        assert_eq!(told["slowest"][0]["trace_id"], "bb".repeat(16));
        assert_eq!((&told["logs"]["all"], &told["logs"]["error"]), (&json!(2), &json!(1)), "{told}");
        assert_eq!(told["exemplars"].as_array().map(Vec::len), Some(1), "{told}");
        let now = shop.get("/correlate?service=checkout").await;
        assert_eq!((&now["errors"], &now["failed"][0]["trace_id"]), (&json!(1), &json!(shop.trace(3))), "{now}");
        for link in ["metric", "exemplars", "slowest_traces", "errors"] {
            let path = told["links"][link].as_str().and_then(|path| path.strip_prefix("/api/v1/apm"));
            assert_eq!(shop.ask(path.expect("a link")).await.0, 200, "{link}");
        }
        refused(shop, "/correlate", "one of 'trace_id' and 'service'").await;
        refused(shop, "/correlate?trace_id=1", "32 hex digits").await;
        assert_eq!(shop.ask(&format!("/correlate?trace_id={}", "f".repeat(32))).await.0, 404);
    });
}
