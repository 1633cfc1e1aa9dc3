//! The request that docs/architecture.md opens with: from the socket to SQL, to Parquet, and back after a restart.

use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use testkit::{Protocol, attribute, span, spans, until};

use crate::observatory;

#[tokio::test]
async fn a_span_goes_from_the_socket_to_parquet_and_is_the_same_row_all_the_way() {
    const ASK: &str = "select trace_id, span_id, name, kind, duration_ns, attributes->>'http.route', attributes->>'basket' \
                       from spans where service_name = 'shop'";
    let setup = observatory().env("OBSERVATORY_PLANE__SEGMENT_AGE_SECONDS", 1);
    let server = setup.start().await.expect("a server");
    let route = attribute("http.route", Value::StringValue("/cart/{id}".to_owned()));
    let basket = attribute("basket", Value::IntValue(7));
    let mut sent = span("GET /cart/{id}", vec![route, basket]);
    sent.trace_id = vec![0xab; 16];
    sent.span_id = vec![0xcd; 8];
    let expected = format!("{}|{}|GET /cart/{{id}}|server|1000000|/cart/{{id}}|7", "ab".repeat(16), "cd".repeat(8));

    server.client(Protocol::Grpc).deliver(&spans("shop", [sent])).await;

    let live = server.sql(ASK).await.text();
    assert_eq!(live, expected, "in memory, right after the answer");
    until("the span is in a Parquet file", Duration::from_secs(30), async || {
        let files = server.parquet_files();
        files.iter().any(|file| file.to_string_lossy().contains("/default/spans/")).then_some(())
    })
    .await;
    let stored = server.sql(ASK).await.text();
    assert_eq!(stored, expected, "in Parquet");
    server.kill();
    let server = setup.start().await.expect("a server");
    let kept = server.sql(ASK).await.text();
    assert_eq!(kept, expected, "after a restart");
    server.stop().await;
}
