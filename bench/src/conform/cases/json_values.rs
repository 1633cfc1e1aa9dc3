//! J5 to J7: how JSON writes numbers, bytes and what is not there.

use serde_json::{Value, json};

use super::super::items;
use super::super::matrix::Level;
use super::super::sample::Export;
use super::super::target::Signal;
use super::super::trial::{Expected, Trial};
use super::json::{metric_request, record_request, span_request};
use super::{Case, JSON};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "J5",
        level: Level::Must,
        on: JSON,
        promise: "takes 64-bit integers as strings and as numbers, writes strings",
        check: |trial| Box::pin(long_integers(trial)),
    },
    Case {
        id: "J6",
        level: Level::Must,
        on: JSON,
        promise: "takes bytes as base64, and NaN and infinities as strings",
        check: |trial| Box::pin(bytes_and_doubles(trial)),
    },
    Case {
        id: "J7",
        level: Level::Must,
        on: JSON,
        promise: "keeps what is absent absent",
        check: |trial| Box::pin(absent_values(trial)),
    },
];

async fn long_integers(trial: &mut Trial) -> anyhow::Result<()> {
    times(trial).await?;
    attribute_integers(trial).await?;
    point_integers(trial).await?;
    rejected_count_is_a_string(trial).await
}

/// The two times are one nanosecond apart, which a double cannot tell.
async fn times(trial: &mut Trial) -> anyhow::Result<()> {
    for (sent, start, end) in [
        ("times as strings", json!("1700000000123456789"), json!("1700000000123456790")),
        ("times as numbers", json!(1_700_000_000_123_456_789_u64), json!(1_700_000_000_123_456_790_u64)),
        ("a time as number, one as string", json!(1_700_000_000_123_456_789_u64), json!("1700000000123456790")),
    ] {
        let marker = trial.client.marker();
        let event = json!({ "timeUnixNano": start, "name": "event" });
        let times = json!({ "startTimeUnixNano": start, "endTimeUnixNano": end, "events": [event] });
        trial.accept(sent, Signal::Traces, span_request(&marker, times).to_string()).await;
        trial
            .stored(sent, &format!("select duration_ns from spans where service_name = '{}'", marker.service), "1")
            .await?;
        trial
            .accept(
                sent,
                Signal::Logs,
                record_request(&marker, json!({ "timeUnixNano": start, "observedTimeUnixNano": end })).to_string(),
            )
            .await;
        trial.found(sent, Signal::Logs, &marker, 1).await?;
    }
    Ok(())
}

async fn attribute_integers(trial: &mut Trial) -> anyhow::Result<()> {
    let (least, most) = (i64::MIN, i64::MAX);
    for (sent, value, text) in [
        ("the greatest integer as string", json!(most.to_string()), most),
        ("the greatest integer as number", json!(most), most),
        ("the least integer as string", json!(least.to_string()), least),
        ("the least integer as number", json!(least), least),
        ("2^53+1 as number", json!(9_007_199_254_740_993_i64), 9_007_199_254_740_993),
        ("-1 as string", json!("-1"), -1),
        ("0 as string", json!("0"), 0),
    ] {
        let marker = trial.client.marker();
        let attributes = json!([{ "key": "conform.integer", "value": { "intValue": value } }]);
        trial
            .accept(sent, Signal::Traces, span_request(&marker, json!({ "attributes": attributes })).to_string())
            .await;
        let sql = format!("select attributes->>'conform.integer' from spans where service_name = '{}'", marker.service);
        trial.stored(sent, &sql, &text.to_string()).await?;
    }
    Ok(())
}

async fn point_integers(trial: &mut Trial) -> anyhow::Result<()> {
    for (sent, value) in
        [("asInt as string", json!("9007199254740993")), ("asInt as number", json!(9_007_199_254_740_993_i64))]
    {
        let marker = trial.client.marker();
        let gauge = json!({ "gauge": { "dataPoints": [{ "timeUnixNano": marker.now_nanos, "asInt": value }] } });
        trial.accept(sent, Signal::Metrics, metric_request(&marker, gauge).to_string()).await;
        trial
            .stored(
                sent,
                &format!("select value_int from metrics where service_name = '{}'", marker.service),
                "9007199254740993",
            )
            .await?;
    }
    for (sent, count, buckets) in [
        ("counts as strings", json!("3"), json!(["1", "2"])),
        ("counts as numbers", json!(3), json!([1, 2])),
        ("counts mixed", json!("3"), json!([1, "2"])),
    ] {
        let marker = trial.client.marker();
        let point = json!({ "timeUnixNano": marker.now_nanos, "count": count, "sum": 4.5, "bucketCounts": buckets, "explicitBounds": [1] });
        let histogram = json!({ "histogram": { "aggregationTemporality": 2, "dataPoints": [point] } });
        trial.accept(sent, Signal::Metrics, metric_request(&marker, histogram).to_string()).await;
        trial
            .stored(
                sent,
                &format!("select count, sum from histograms where service_name = '{}'", marker.service),
                "3|4.5",
            )
            .await?;
    }
    Ok(())
}

/// What the receiver writes follows the same mapping; there is only one integer of 64 bits it may write.
async fn rejected_count_is_a_string(trial: &mut Trial) -> anyhow::Result<()> {
    let marker = trial.client.marker();
    let export = Export::spans(&marker, vec![items::span(&marker, 0), items::span(&marker, 1)]);
    let answer = trial.export(Signal::Traces, export.to_json().to_string()).await;
    let sent = "a good span and one without a span id";
    trial.expect(Expected::Success, sent, &answer);
    if let Ok(Some(partial)) = answer.partial()
        && partial.rejected > 0
    {
        let body: Value = serde_json::from_slice(&answer.body)?;
        trial.check(body["partialSuccess"]["rejectedSpans"].is_string(), sent, "rejectedSpans as a string", &answer);
    }
    Ok(())
}

async fn bytes_and_doubles(trial: &mut Trial) -> anyhow::Result<()> {
    for (sent, text) in [
        ("bytes in base64", "AAH+/w=="),
        ("bytes in base64 for URLs", "AAH-_w=="),
        ("bytes in base64 without padding", "AAH+/w"),
    ] {
        let marker = trial.client.marker();
        let attributes = json!([{ "key": "conform.bytes", "value": { "bytesValue": text } }]);
        let record = json!({ "attributes": attributes, "body": { "bytesValue": text } });
        trial.accept(sent, Signal::Logs, record_request(&marker, record).to_string()).await;
        // Whatever wraps the bytes in SQL, their standard base64 must be in it.
        let sql = format!(
            "select (attributes->>'conform.bytes') like '%AAH+/w==%' from logs where service_name = '{}'",
            marker.service
        );
        trial.stored(sent, &sql, "true").await?;
    }
    for (value, wanted) in [
        (json!("NaN"), "nan"),
        (json!("Infinity"), "infinity"),
        (json!("-Infinity"), "-infinity"),
        (json!("1.5"), "1.5"),
        (json!(1.5), "1.5"),
        (json!(2), "2"),
        (json!("-2e-3"), "-0.002"),
    ] {
        double(trial, value, wanted).await?;
    }
    Ok(())
}

async fn double(trial: &mut Trial, value: Value, wanted: &str) -> anyhow::Result<()> {
    let marker = trial.client.marker();
    let sent = format!("the double {value}");
    let gauge =
        json!({ "gauge": { "dataPoints": [{ "timeUnixNano": marker.now_nanos.to_string(), "asDouble": value }] } });
    trial.accept(&sent, Signal::Metrics, metric_request(&marker, gauge).to_string()).await;
    let sql = format!(
        "select value = cast('{wanted}' as double precision) from metrics where service_name = '{}'",
        marker.service
    );
    let sql = if wanted == "nan" {
        format!("select isnan(value) from metrics where service_name = '{}'", marker.service)
    } else {
        sql
    };
    trial.stored(&sent, &sql, "true").await?;

    let attributes = json!([{ "key": "conform.double", "value": { "doubleValue": value } }]);
    trial.accept(&sent, Signal::Traces, span_request(&marker, json!({ "attributes": attributes })).to_string()).await;
    let sql =
        format!("select lower(attributes->>'conform.double') from spans where service_name = '{}'", marker.service);
    if let Some(text) = trial.client.sql(&sql).await? {
        // Whatever wraps the doubles that JSON has no number for, their names must be in it.
        let unwrapped = text.rsplit(':').next().unwrap_or_default();
        let unwrapped = unwrapped.trim_matches(['"', '}', ' ']);
        let (got, wanted) = (unwrapped.parse::<f64>().ok(), wanted.parse::<f64>().ok());
        let is_same = got == wanted || got.is_some_and(f64::is_nan) && wanted.is_some_and(f64::is_nan);
        trial.check(is_same, format_args!("{sent}, then {sql}"), format_args!("{wanted:?}"), text);
    }
    Ok(())
}

async fn absent_values(trial: &mut Trial) -> anyhow::Result<()> {
    empty_values(trial).await?;
    absent_numbers(trial).await?;
    let marker = trial.client.marker();
    let nulls = json!({ "attributes": null, "events": null, "status": null, "traceState": null, "parentSpanId": null, "droppedAttributesCount": null, "flags": null });
    trial.accept("null for every optional field", Signal::Traces, span_request(&marker, nulls).to_string()).await;
    trial.found("null for every optional field", Signal::Traces, &marker, 1).await?;
    let point = json!({ "dataPoints": [{ "timeUnixNano": marker.now_nanos.to_string(), "flags": 1 }] });
    trial
        .accept(
            "a point without a value",
            Signal::Metrics,
            metric_request(&marker, json!({ "gauge": point })).to_string(),
        )
        .await;
    let sql =
        format!("select value is null and value_int is null from metrics where service_name = '{}'", marker.service);
    trial.stored("a point without a value", &sql, "true").await
}

async fn empty_values(trial: &mut Trial) -> anyhow::Result<()> {
    for (sent, value) in
        [("an attribute with the value {}", json!({})), ("an attribute with the value null", Value::Null)]
    {
        let marker = trial.client.marker();
        let attributes = json!([{ "key": "conform.empty", "value": value }, { "key": "conform.none" }, { "key": "conform.text", "value": { "stringValue": "" } }]);
        trial
            .accept(sent, Signal::Traces, span_request(&marker, json!({ "attributes": attributes })).to_string())
            .await;
        let sql = format!(
            "select attributes->>'conform.empty' is null, attributes->>'conform.none' is null, attributes->>'conform.text' from spans where service_name = '{}'",
            marker.service
        );
        trial.stored(sent, &sql, "true|true|").await?;
    }
    let marker = trial.client.marker();
    trial
        .accept("a body with the value {}", Signal::Logs, record_request(&marker, json!({ "body": {} })).to_string())
        .await;
    trial
        .stored(
            "a body with the value {}",
            &format!("select coalesce(body, '') from logs where service_name = '{}'", marker.service),
            "",
        )
        .await
}

async fn absent_numbers(trial: &mut Trial) -> anyhow::Result<()> {
    for (sent, fields, wanted) in [
        ("a histogram without sum, min and max", json!({}), "null|null|null"),
        ("a histogram with sum, min and max 0", json!({ "sum": 0, "min": 0, "max": 0 }), "true|true|true"),
    ] {
        let marker = trial.client.marker();
        let mut point = json!({ "timeUnixNano": marker.now_nanos.to_string(), "count": "1", "bucketCounts": ["1"] });
        if let (Value::Object(point), Value::Object(fields)) = (&mut point, fields) {
            point.extend(fields);
        }
        let histogram = json!({ "histogram": { "aggregationTemporality": 1, "dataPoints": [point] } });
        trial.accept(sent, Signal::Metrics, metric_request(&marker, histogram).to_string()).await;
        // A comparison with null is null, so the row tells absent and 0 apart however zeros are printed.
        trial
            .stored(
                sent,
                &format!("select sum = 0, min = 0, max = 0 from histograms where service_name = '{}'", marker.service),
                wanted,
            )
            .await?;
    }
    Ok(())
}
