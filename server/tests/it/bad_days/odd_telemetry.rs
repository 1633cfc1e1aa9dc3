//! Requests that no SDK should send and that some client will.

use std::io::{Read, Write};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue};
use testkit::{Protocol, attribute, logs, record, span, spans, until};
use tonic::Code;

use crate::observatory;

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");

#[tokio::test]
async fn a_zip_bomb_is_refused_in_little_memory() {
    const INFLATED: u64 = 10 << 30;
    const GROWTH_MAX: u64 = 256 << 20;
    let server = observatory().start().await.expect("a server");
    // Members of a gzip file may follow each other: one, again and again.
    const MEMBER: u64 = 1 << 20;
    let mut member = GzEncoder::new(Vec::new(), Compression::best());
    member.write_all(&[0; MEMBER as usize]).expect("memory takes it");
    let bomb = member.finish().expect("memory takes it").repeat((INFLATED / MEMBER) as usize);
    let before = server.memory_bytes();

    let refused = server.otlp_http().post("/v1/logs", &[PROTOBUF, ("content-encoding", "gzip")], bomb).await;

    let refused = refused.expect("an answer");
    assert_eq!(refused.status, 413, "{}", refused.text());
    let growth = server.memory_bytes().saturating_sub(before);
    assert!(growth < GROWTH_MAX, "{growth} bytes for a bomb of {INFLATED}");
    server.client(Protocol::Http).deliver(&logs("shop", [record("still here", vec![])])).await;
}

#[tokio::test]
async fn a_request_just_under_64_mib_is_taken_and_one_over_it_is_not() {
    let server = observatory().start().await.expect("a server");
    let text = |bytes: usize| "x".repeat(bytes);
    let large = logs("large", (0..63).map(|_| record(&text(1 << 20), vec![])));
    let too_large = logs("too large", (0..65).map(|_| record(&text(1 << 20), vec![])));

    for protocol in Protocol::ALL {
        let client = server.client(protocol);
        until("memory has room again", Duration::from_secs(60), async || {
            client.send(&large).await.is_acknowledged().then_some(())
        })
        .await;
        let refused = client.send(&too_large).await.refused();
        assert_eq!(refused.code, Code::ResourceExhausted, "{refused:?}");
        assert!(matches!(refused.http, None | Some(413)), "{refused:?}");
        assert_eq!(refused.retry_after, None, "it would be too large again");
    }

    let stored = server.sql("select service_name, count(*), max(length(body)) from logs group by 1").await.text();
    assert_eq!(stored, format!("large|126|{}", 1 << 20));
}

#[tokio::test]
async fn a_hundred_thousand_attribute_keys_are_kept_and_found() {
    const REQUESTS: u64 = 100;
    const KEYS: u64 = 1000;
    const GROWTH_MAX: u64 = 512 << 20;
    let server = observatory().env("OBSERVATORY_PLANE__SEGMENT_BYTES", 4_000_000).start().await.expect("a server");
    let before = server.memory_bytes();
    let client = server.client(Protocol::Grpc);
    for request in 0..REQUESTS {
        let keys = (0..KEYS).map(|key| format!("key.{}", request * KEYS + key));
        let records = keys.map(|key| record("a line", vec![attribute(&key, Value::StringValue(format!("of {key}")))]));

        client.deliver(&logs("shop", records)).await;
    }

    assert_eq!(server.sql("select count(*), count(distinct attributes) from logs").await.text(), "100000|100000");
    for key in ["key.0", "key.54321", "key.99999"] {
        let sql =
            format!("select count(*), max(attributes->>'{key}') from logs where attributes->>'{key}' is not null");
        assert_eq!(server.sql(&sql).await.text(), format!("1|of {key}"));
    }
    let growth = server.memory_bytes().saturating_sub(before);
    assert!(growth < GROWTH_MAX, "{growth} bytes");
}

#[tokio::test]
async fn one_key_may_have_five_types() {
    let setup = observatory();
    let server = setup.start().await.expect("a server");
    let list = ArrayValue { values: vec![AnyValue { value: Some(Value::IntValue(1)) }] };
    let values = [
        ("text", Value::StringValue("7".to_owned()), "7"),
        ("integer", Value::IntValue(7), "7"),
        ("double", Value::DoubleValue(7.5), "7.5"),
        ("bool", Value::BoolValue(true), "true"),
        ("list", Value::ArrayValue(list), "[1]"),
    ];
    // A key without a column of its own, and one with a column of integers.
    for key in ["size", "http.response.status_code"] {
        let sent = values.clone().map(|(name, value, _)| record(name, vec![attribute(key, value)]));
        server.client(Protocol::Grpc).deliver(&logs(key, sent)).await;
    }

    let mut expected: Vec<_> = values.iter().map(|(name, _, text)| format!("{name}|{text}")).collect();
    expected.sort();
    let check = async |server: &testkit::Server| {
        for key in ["size", "http.response.status_code"] {
            let sql = format!("select body, attributes->>'{key}' from logs where service_name = '{key}' order by body");
            assert_eq!(server.sql(&sql).await.text(), expected.join("\n"), "{key}");
        }
    };
    check(&server).await;
    server.stop().await;
    check(&setup.start().await.expect("a server")).await;
}

#[tokio::test]
async fn times_at_both_ends_of_time_are_kept() {
    let setup = observatory();
    let server = setup.start().await.expect("a server");
    let times = [0, 1, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX];
    let odd_spans = times.iter().flat_map(|start| {
        times.map(|end| {
            let mut odd = span("odd", vec![]);
            (odd.start_time_unix_nano, odd.end_time_unix_nano) = (*start, end);
            odd
        })
    });
    let odd_logs = times.map(|time| {
        let mut odd = record("odd", vec![]);
        (odd.time_unix_nano, odd.observed_time_unix_nano) = (time, time);
        odd
    });

    for protocol in Protocol::ALL {
        server.client(protocol).deliver(&spans("odd", odd_spans.clone())).await;
        server.client(protocol).deliver(&logs("odd", odd_logs.clone())).await;
    }

    let check = async |server: &testkit::Server| {
        let spans = server.sql("select count(*), sum(case when duration_ns < 0 then 1 else 0 end) from spans").await;
        assert_eq!(spans.text(), "50|0");
        assert_eq!(server.sql("select count(*) from logs").await.number(), 10);
        server.sql("select * from spans").await;
        server.sql("select * from traces").await;
    };
    check(&server).await;
    server.stop().await;
    check(&setup.start().await.expect("a server")).await;
}

#[tokio::test]
async fn bytes_that_mean_nothing_are_refused_and_hurt_nobody() {
    let server = observatory().start().await.expect("a server");
    let http = server.otlp_http();
    let mut noise = vec![0; 100_000];
    std::fs::File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut noise)).expect("noise");

    for path in ["/v1/traces", "/v1/logs", "/v1/metrics"] {
        for headers in
            [&[PROTOBUF][..], &[("content-type", "application/json")], &[PROTOBUF, ("content-encoding", "zstd")]]
        {
            let refused = http.post(path, headers, noise.clone()).await.expect("an answer");
            assert_eq!(refused.status, 400, "{path} {headers:?}: {}", refused.text());
        }
    }

    assert!(server.is_ready().await);
}
