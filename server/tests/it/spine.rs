//! The request that `docs/architecture.md` opens with.

use testkit::{Protocol, attribute, span, spans};

use crate::observatory;

#[tokio::test]
async fn a_span_goes_in_as_otlp_and_comes_out_as_sql_live_stored_and_after_a_restart() {
    let setup = observatory();
    let route = attribute("http.route", opentelemetry_value("/cart/{id}"));
    let own = attribute("shop.basket", opentelemetry_value("blue"));
    let mut sent = span("GET /cart/{id}", vec![route, own]);
    sent.trace_id = (1..=16).collect();
    let question = "select service_name, name, http_route, attributes->>'http.route', attributes->>'shop.basket', duration_ns \
                    from spans where trace_id = '0102030405060708090a0b0c0d0e0f10'";
    let expected = "shop|GET /cart/{id}|/cart/{id}|/cart/{id}|blue|1000000";

    let server = setup.start().await.expect("a start");
    server.client(Protocol::Grpc).deliver(&spans("shop", [sent])).await;
    let live = server.sql(question).await;
    server.stop().await;
    let server = setup.start().await.expect("a second start");
    let stored = server.sql(question).await;

    assert_eq!(live.text(), expected);
    assert_eq!(stored.text(), expected);
    assert_eq!(server.parquet_files().len(), 1, "the row rests in a file");
}

fn opentelemetry_value(text: &str) -> opentelemetry_proto::tonic::common::v1::any_value::Value {
    opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue(text.to_owned())
}
