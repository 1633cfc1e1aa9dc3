//! J8: what is not JSON, or not a request.

use serde_json::{Value, json};

use super::super::matrix::Level;
use super::super::sample::Marker;
use super::super::target::Signal;
use super::super::trial::{Expected, Trial};
use super::json::{metric_request, record_request, span_request};
use super::{Case, JSON};

pub(super) const CASES: &[Case] = &[Case {
    id: "J8",
    level: Level::Must,
    on: JSON,
    promise: "refuses what is not JSON or has the wrong shape",
    check: |trial| Box::pin(wrong_shapes(trial)),
}];

async fn wrong_shapes(trial: &mut Trial) -> anyhow::Result<()> {
    for signal in Signal::ALL {
        let root = signal.root_key();
        for body in [
            "",
            " ",
            "{",
            "[]",
            "\"text\"",
            "123",
            "true",
            "{\"a\":1} trailing",
            "{} {}",
            "{'a':1}",
            "{\"a\":1,}",
            "{\"a\":NaN}",
        ] {
            trial.refuse(format!("{body:?}"), signal, body).await;
        }
        for value in [json!({}), json!("text"), json!(1), json!(true), json!([[]]), json!([1]), json!(["text"])] {
            let body = json!({ root: value }).to_string();
            trial.refuse(&body, signal, body.clone()).await;
        }
        trial.refuse("bytes that are not UTF-8", signal, b"{\"\xff\":1}".to_vec()).await;
        trial.refuse("protobuf called JSON", signal, b"\x0a\x02\x0a\x00".to_vec()).await;
    }
    for (signal, body) in wrong_fields(&trial.client.marker()) {
        trial
            .refuse(body.to_string().split_once("\"scope").map_or("", |(_, rest)| rest), signal, body.to_string())
            .await;
    }
    nothing_stored(trial).await
}

fn wrong_fields(marker: &Marker) -> Vec<(Signal, Value)> {
    let spans = [
        json!({ "startTimeUnixNano": "abc" }),
        json!({ "startTimeUnixNano": true }),
        json!({ "startTimeUnixNano": "18446744073709551616" }),
        json!({ "startTimeUnixNano": -1 }),
        json!({ "startTimeUnixNano": "" }),
        json!({ "kind": {} }),
        json!({ "kind": 1.5 }),
        json!({ "kind": 4_294_967_296_u64 }),
        json!({ "name": 5 }),
        json!({ "traceId": 5 }),
        json!({ "attributes": { "key": "value" } }),
        json!({ "attributes": ["text"] }),
        json!({ "attributes": [{ "key": 1 }] }),
        json!({ "attributes": [{ "key": "k", "value": "text" }] }),
        json!({ "attributes": [{ "key": "k", "value": { "stringValue": 1 } }] }),
        json!({ "attributes": [{ "key": "k", "value": { "boolValue": "true" } }] }),
        json!({ "attributes": [{ "key": "k", "value": { "intValue": "1.5" } }] }),
        json!({ "attributes": [{ "key": "k", "value": { "intValue": "9223372036854775808" } }] }),
        json!({ "attributes": [{ "key": "k", "value": { "doubleValue": "not a number" } }] }),
        json!({ "attributes": [{ "key": "k", "value": { "bytesValue": "!!" } }] }),
        json!({ "attributes": [{ "key": "k", "value": { "arrayValue": [] } }] }),
        json!({ "events": {} }),
        json!({ "status": 2 }),
    ];
    let records = [
        json!({ "body": "text" }),
        json!({ "severityNumber": [] }),
        json!({ "timeUnixNano": {} }),
        json!({ "severityText": 1 }),
    ];
    let metrics = [
        json!({ "gauge": [] }),
        json!({ "gauge": { "dataPoints": {} } }),
        json!({ "gauge": { "dataPoints": [{ "asDouble": "text" }] } }),
        json!({ "gauge": { "dataPoints": [{ "asInt": 1.5 }] } }),
        json!({ "histogram": { "dataPoints": [{ "bucketCounts": [-1] }] } }),
        json!({ "histogram": { "dataPoints": [{ "bucketCounts": "1" }] } }),
        json!({ "sum": { "isMonotonic": 1 } }),
    ];
    let spans = spans.into_iter().map(|span| (Signal::Traces, span_request(marker, span)));
    let records = records.into_iter().map(|record| (Signal::Logs, record_request(marker, record)));
    let metrics = metrics.into_iter().map(|metric| (Signal::Metrics, metric_request(marker, metric)));
    spans.chain(records).chain(metrics).collect()
}

/// A good span in front of a broken one: the request is refused as a whole.
async fn nothing_stored(trial: &mut Trial) -> anyhow::Result<()> {
    let marker = trial.client.marker();
    let good = span_request(&marker, json!({}));
    let broken = span_request(&marker, json!({ "name": 5 }));
    let request = json!({ "resourceSpans": [good["resourceSpans"][0], broken["resourceSpans"][0]] });
    let answer = trial.export(Signal::Traces, request.to_string()).await;
    trial.expect(Expected::Malformed, "a good span and one whose name is a number", &answer);
    trial.found("a request that was refused", Signal::Traces, &marker, 0).await
}
