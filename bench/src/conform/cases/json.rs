//! J1 to J4: how JSON names things.

use serde_json::{Value, json};

use super::super::matrix::Level;
use super::super::sample::Marker;
use super::super::target::Signal;
use super::super::trial::Trial;
use super::{Case, JSON};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "J1",
        level: Level::Must,
        on: JSON,
        promise: "reads ids as hex of either case, never as base64",
        check: |trial| Box::pin(hex_ids(trial)),
    },
    Case {
        id: "J2",
        level: Level::Must,
        on: JSON,
        promise: "takes enums as integers and keeps those it does not know",
        check: |trial| Box::pin(enum_integers(trial)),
    },
    Case {
        id: "J2-names",
        level: Level::Ours,
        on: JSON,
        promise: "refuses enum names with 400",
        check: |trial| Box::pin(enum_names(trial)),
    },
    Case {
        id: "J3",
        level: Level::Must,
        on: JSON,
        promise: "ignores unknown fields at every level",
        check: |trial| Box::pin(unknown_fields(trial)),
    },
    Case {
        id: "J4",
        level: Level::Must,
        on: JSON,
        promise: "reads lowerCamelCase keys only",
        check: |trial| Box::pin(camel_case(trial)),
    },
];

/// A request with one span; `span` is laid over a valid one.
pub(super) fn span_request(marker: &Marker, span: Value) -> Value {
    let valid = json!({
        "traceId": marker.trace_hex(), "spanId": "00000000000000a1", "name": "conform.json", "kind": 1,
        "startTimeUnixNano": marker.now_nanos.to_string(), "endTimeUnixNano": marker.now_nanos.to_string(),
    });
    json!({ "resourceSpans": [{ "resource": resource(marker), "scopeSpans": [{ "spans": [laid_over(valid, span)] }] }] })
}

/// A request with one log record; `record` is laid over a valid one.
pub(super) fn record_request(marker: &Marker, record: Value) -> Value {
    let valid = json!({ "timeUnixNano": marker.now_nanos.to_string(), "severityNumber": 9, "body": { "stringValue": "conform.json" } });
    json!({ "resourceLogs": [{ "resource": resource(marker), "scopeLogs": [{ "logRecords": [laid_over(valid, record)] }] }] })
}

/// A request with one metric, such as `{"gauge": …}`.
pub(super) fn metric_request(marker: &Marker, metric: Value) -> Value {
    let metric = laid_over(json!({ "name": "conform.json" }), metric);
    json!({ "resourceMetrics": [{ "resource": resource(marker), "scopeMetrics": [{ "metrics": [metric] }] }] })
}

fn resource(marker: &Marker) -> Value {
    json!({ "attributes": [{ "key": "service.name", "value": { "stringValue": marker.service } }] })
}

fn laid_over(mut valid: Value, over: Value) -> Value {
    if let (Value::Object(valid), Value::Object(over)) = (&mut valid, over) {
        valid.extend(over);
    }
    valid
}

async fn hex_ids(trial: &mut Trial) -> anyhow::Result<()> {
    for (sent, is_upper) in [("ids in lower case", false), ("ids in upper case", true)] {
        let marker = trial.client.marker();
        let cased = |hex: &str| {
            if is_upper { hex.to_uppercase() } else { hex.to_owned() }
        };
        let link = json!({ "traceId": cased("abcdefabcdefabcdefabcdefabcdefab"), "spanId": cased("abcdefabcdefabcd") });
        let ids = json!({ "traceId": cased(&marker.trace_hex()), "spanId": cased("00000000000000ab"), "parentSpanId": cased("00000000000000cd"), "links": [link] });
        trial.accept(sent, Signal::Traces, span_request(&marker, ids.clone()).to_string()).await;
        let sql = format!(
            "select service_name, span_id, parent_span_id from spans where trace_id = '{}'",
            marker.trace_hex()
        );
        trial.stored(sent, &sql, &format!("{}|00000000000000ab|00000000000000cd", marker.service)).await?;

        let ids = json!({ "traceId": ids["traceId"], "spanId": ids["spanId"] });
        trial.accept(sent, Signal::Logs, record_request(&marker, ids.clone()).to_string()).await;
        let sql = format!("select service_name, span_id from logs where trace_id = '{}'", marker.trace_hex());
        trial.stored(sent, &sql, &format!("{}|00000000000000ab", marker.service)).await?;

        let exemplar = laid_over(json!({ "timeUnixNano": "1", "asDouble": 1 }), ids);
        let point = json!({ "timeUnixNano": marker.now_nanos.to_string(), "asInt": "1", "exemplars": [exemplar] });
        trial
            .accept(
                sent,
                Signal::Metrics,
                metric_request(&marker, json!({ "gauge": { "dataPoints": [point] } })).to_string(),
            )
            .await;
        trial.found(sent, Signal::Metrics, &marker, 1).await?;
    }
    for (sent, id) in [
        ("a trace id in base64", "W47/95A7dRgKOa7XcF6d2w=="),
        ("a trace id that is no hex", "zz7b3efb8aa3ce929d0e0e4736zzzzzz"),
        ("a trace id of 31 digits", "1234567890abcdef1234567890abcde"),
    ] {
        bad_trace_id(trial, sent, id).await?;
    }
    Ok(())
}

/// Refused as a request, or counted as a rejected span: both tell the client; nothing may be stored.
async fn bad_trace_id(trial: &mut Trial, sent: &str, id: &str) -> anyhow::Result<()> {
    let marker = trial.client.marker();
    let answer = trial.export(Signal::Traces, span_request(&marker, json!({ "traceId": id })).to_string()).await;
    let is_rejected = answer.is_success()
        && answer.partial().is_ok_and(|partial| partial.is_some_and(|partial| partial.rejected == 1));
    trial.check(is_rejected || answer.status == 400, sent, "HTTP 400, or 200 with one rejected span", &answer);
    trial.found(sent, Signal::Traces, &marker, 0).await
}

async fn enum_integers(trial: &mut Trial) -> anyhow::Result<()> {
    for (kind, kind_text) in [(0, "unspecified"), (2, "server"), (5, "consumer"), (42, "42")] {
        let marker = trial.client.marker();
        trial
            .accept(format!("kind {kind}"), Signal::Traces, span_request(&marker, json!({ "kind": kind })).to_string())
            .await;
        trial
            .stored(
                format!("kind {kind}"),
                &format!("select kind from spans where service_name = '{}'", marker.service),
                kind_text,
            )
            .await?;
    }
    for (code, code_text) in [(0, "unset"), (1, "ok"), (2, "error"), (7, "7")] {
        let marker = trial.client.marker();
        trial
            .accept(
                format!("status {code}"),
                Signal::Traces,
                span_request(&marker, json!({ "status": { "code": code } })).to_string(),
            )
            .await;
        trial
            .stored(
                format!("status {code}"),
                &format!("select status_code from spans where service_name = '{}'", marker.service),
                code_text,
            )
            .await?;
    }
    for severity in [0, 24, 99] {
        let marker = trial.client.marker();
        trial
            .accept(
                format!("severity {severity}"),
                Signal::Logs,
                record_request(&marker, json!({ "severityNumber": severity })).to_string(),
            )
            .await;
        let sql = format!("select coalesce(severity_number, 0) from logs where service_name = '{}'", marker.service);
        trial.stored(format!("severity {severity}"), &sql, &severity.to_string()).await?;
    }
    Ok(())
}

async fn enum_names(trial: &mut Trial) -> anyhow::Result<()> {
    let marker = trial.client.marker();
    let sum = json!({ "sum": { "aggregationTemporality": "AGGREGATION_TEMPORALITY_DELTA", "dataPoints": [{ "timeUnixNano": "1", "asInt": "1" }] } });
    for (sent, signal, request) in [
        ("SPAN_KIND_SERVER", Signal::Traces, span_request(&marker, json!({ "kind": "SPAN_KIND_SERVER" }))),
        (
            "STATUS_CODE_ERROR",
            Signal::Traces,
            span_request(&marker, json!({ "status": { "code": "STATUS_CODE_ERROR" } })),
        ),
        (
            "SEVERITY_NUMBER_INFO",
            Signal::Logs,
            record_request(&marker, json!({ "severityNumber": "SEVERITY_NUMBER_INFO" })),
        ),
        ("AGGREGATION_TEMPORALITY_DELTA", Signal::Metrics, metric_request(&marker, sum)),
        ("2 in a string", Signal::Traces, span_request(&marker, json!({ "kind": "2" }))),
    ] {
        trial.refuse(sent, signal, request.to_string()).await;
    }
    Ok(())
}

async fn unknown_fields(trial: &mut Trial) -> anyhow::Result<()> {
    for signal in Signal::ALL {
        let (marker, export) = trial.sample(signal);
        let mut request = export.to_json();
        add_unknown_fields(&mut request);
        let sent = format!("{signal} with unknown fields in every object");
        trial.accept(&sent, signal, request.to_string()).await;
        trial.found(&sent, signal, &marker, export.items()).await?;
    }
    let marker = trial.client.marker();
    let attributes = json!([{ "key": "conform.key", "aaUnknown": [1], "value": { "aaUnknown": { "stringValue": "wrong" }, "stringValue": "right", "zzUnknown": null } }]);
    trial
        .accept(
            "unknown fields in an attribute",
            Signal::Traces,
            span_request(&marker, json!({ "attributes": attributes })).to_string(),
        )
        .await;
    let sql = format!("select attributes->>'conform.key' from spans where service_name = '{}'", marker.service);
    trial.stored("unknown fields in an attribute", &sql, "right").await
}

/// In front of and behind the known keys, with values of every type.
fn add_unknown_fields(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(add_unknown_fields);
            fields.insert("aaUnknownList".into(), json!([{ "deep": [[], {}, null, 1.5e300] }]));
            fields.insert("aaUnknownNull".into(), Value::Null);
            fields.insert("zzUnknownObject".into(), json!({ "stringValue": "x", "": true }));
            fields.insert("zzUnknownText".into(), json!("\u{1f980} \" \\ \n"));
        }
        Value::Array(items) => items.iter_mut().for_each(add_unknown_fields),
        _ => {}
    }
}

async fn camel_case(trial: &mut Trial) -> anyhow::Result<()> {
    for (signal, key) in
        [(Signal::Traces, "resource_spans"), (Signal::Logs, "resource_logs"), (Signal::Metrics, "resource_metrics")]
    {
        trial.accept(format!("{key} with a text in it"), signal, json!({ key: "not a list" }).to_string()).await;
        let (marker, export) = trial.sample(signal);
        let camel = export.to_json();
        trial
            .accept(
                format!("{key} with a good list in it"),
                signal,
                json!({ key: camel[signal.root_key()] }).to_string(),
            )
            .await;
        trial.found(format!("{key}, which is unknown"), signal, &marker, 0).await?;
    }
    let marker = trial.client.marker();
    let severity = json!({ "severity_number": 17, "severityNumber": 9, "trace_id": 5, "observed_time_unix_nano": {} });
    trial.accept("snake_case beside lowerCamelCase", Signal::Logs, record_request(&marker, severity).to_string()).await;
    let sql = format!("select severity_number from logs where service_name = '{}'", marker.service);
    trial.stored("snake_case beside lowerCamelCase", &sql, "9").await?;
    let marker = trial.client.marker();
    let point = json!({ "time_unix_nano": [], "timeUnixNano": "1", "asDouble": 1.5, "as_double": 2.5, "as_int": "3" });
    trial
        .accept(
            "as_double beside asDouble",
            Signal::Metrics,
            metric_request(&marker, json!({ "gauge": { "dataPoints": [point], "data_points": 1 } })).to_string(),
        )
        .await;
    trial
        .stored(
            "as_double beside asDouble",
            &format!("select value from metrics where service_name = '{}'", marker.service),
            "1.5",
        )
        .await
}
