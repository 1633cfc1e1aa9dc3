//! Attributes are reached the same way, whether they have a column or not.

use query::Statement;
use serde_json::json;

use crate::support::{Fixture, acme, text};

/// Three spans: attributes as text and integer, the same attributes with other types, and none.
async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    fixture
        .spans(&[
            json!({
                "start_time": 1, "http_route": "/cart", "http_response_status_code": 200, "service_name": "shop",
                "attributes": r#"{"shop.items":3,"shop.vip":true}"#, "resource_attributes": r#"{"cloud.zone":"b"}"#,
            }),
            json!({
                "start_time": 2, "http_route": "42",
                "attributes": r#"{"http.route":42,"http.response.status_code":"teapot","shop.items":4.5}"#,
            }),
            json!({"start_time": 3}),
        ])
        .await;
    fixture
}

async fn check(expression: &str, expected: &str) {
    let fixture = fixture().await;
    let sql = format!("SELECT {expression} FROM spans ORDER BY start_time");
    assert_eq!(fixture.rows(&sql).await.replace('\n', " "), expected, "live, {expression}");

    fixture.flush().await;
    assert_eq!(fixture.rows(&sql).await.replace('\n', " "), expected, "stored, {expression}");
}

async fn check_where(condition: &str, expected: &str) {
    let fixture = fixture().await;
    let sql = format!("SELECT start_time::bigint AS t FROM spans WHERE {condition} ORDER BY start_time");
    assert_eq!(fixture.rows(&sql).await.replace('\n', " "), expected, "{condition}");
}

#[tokio::test]
async fn attributes_reach_promoted_columns_and_json_alike() {
    check("attributes->>'http.route'", "/cart 42 NULL").await;
    check("attributes->>'shop.items'", "3 4.5 NULL").await;
    check("attributes->>'http.response.status_code'", "200 teapot NULL").await;
    check("resource_attributes->>'service.name'", "shop NULL NULL").await;
    check("resource_attributes->>'cloud.zone'", "b NULL NULL").await;
    check("json_as_text(attributes, 'http.route')", "/cart 42 NULL").await;
    check("upper(attributes->>'http.route')", "/CART 42 NULL").await;
}

#[tokio::test]
async fn every_accessor_gives_the_value_that_was_sent() {
    check("attributes->'http.route'", r#""/cart" 42 NULL"#).await;
    check("attributes->'http.response.status_code'", r#"200 "teapot" NULL"#).await;
    check("json_get_str(attributes, 'http.route')", "/cart NULL NULL").await;
    check("json_get_int(attributes, 'http.route')", "NULL 42 NULL").await;
    check("json_get_int(attributes, 'http.response.status_code')", "200 NULL NULL").await;
    check("json_get_float(attributes, 'http.response.status_code')", "200.0 NULL NULL").await;
    check("json_get_str(attributes, 'http.response.status_code')", "NULL teapot NULL").await;
    check("json_get_json(attributes, 'http.route')", r#""/cart" 42 NULL"#).await;
    check("json_get_bool(attributes, 'shop.vip')", "true NULL NULL").await;
    check("attributes ? 'http.route'", "true true false").await;
    check("attributes ? 'http.response.status_code'", "true true false").await;
    check("(attributes->'http.response.status_code')::int", "200 NULL NULL").await;
    check("(attributes->'shop.items')::double", "3.0 4.5 NULL").await;
}

#[tokio::test]
async fn a_cast_of_a_promoted_integer_is_its_column() {
    check("(attributes->>'http.response.status_code')::int", "200 NULL NULL").await;
    check("CAST(attributes->>'http.response.status_code' AS BIGINT) + 1", "201 NULL NULL").await;
    check("try_cast(attributes->>'http.response.status_code' AS BIGINT)", "200 NULL NULL").await;
}

#[tokio::test]
async fn conditions_on_attributes_mean_the_same_with_and_without_a_column() {
    check_where("attributes->>'http.response.status_code' = '200'", "1").await;
    check_where("'200' = attributes->>'http.response.status_code'", "1").await;
    check_where("attributes->>'http.response.status_code' = 'teapot'", "2").await;
    check_where("attributes->>'http.response.status_code' <> '200'", "2").await;
    check_where("attributes->>'http.response.status_code' IN ('200', '500')", "1").await;
    check_where("attributes->>'http.response.status_code' IN ('200', 'teapot')", "1 2").await;
    check_where("attributes->>'http.response.status_code' = 200", "1").await;
    check_where("attributes->>'http.response.status_code' >= 100", "1").await;
    check_where("attributes->>'http.response.status_code' BETWEEN 200 AND 299", "1").await;
    check_where("attributes->>'http.response.status_code' IN (200, 500)", "1").await;
    check_where("attributes->>'http.response.status_code' = '0200'", "").await;
    check_where("attributes->>'http.route' = '42'", "2").await;
    check_where("attributes->>'http.route' LIKE '/c%'", "1").await;
    check_where("attributes ? 'http.route'", "1 2").await;
    check_where("NOT attributes->>'http.route' IS NULL", "1 2").await;
}

#[tokio::test]
async fn attributes_group_join_and_correlate() {
    let fixture = fixture().await;

    let grouped = "SELECT attributes->>'http.route', count(*) FROM spans GROUP BY attributes->>'http.route' ORDER BY 1";
    assert_eq!(fixture.rows(grouped).await, "/cart|1\n42|1\nNULL|1");
    let joined = "SELECT a.attributes->>'http.route' FROM spans a JOIN spans b ON a.attributes->>'http.route' = b.attributes->>'http.route' ORDER BY 1";
    assert_eq!(fixture.rows(joined).await, "/cart\n42");
    let correlated = "SELECT name FROM spans a WHERE EXISTS (SELECT 1 FROM spans b WHERE b.http_route = a.attributes->>'http.route' AND a.attributes->>'shop.vip' = 'true')";
    assert_eq!(fixture.rows(correlated).await, "some");
    let sorted = "SELECT start_time::bigint AS t FROM spans ORDER BY attributes->>'http.route' DESC NULLS LAST LIMIT 1";
    assert_eq!(fixture.rows(sorted).await, "2");
}

#[tokio::test]
async fn a_subquery_keeps_the_attributes_it_selects() {
    let fixture = fixture().await;

    for from in [
        "(SELECT * FROM spans WHERE start_time::bigint = 1)",
        "(SELECT attributes, http_route FROM spans ORDER BY start_time LIMIT 1)",
        "(SELECT attributes, http_route FROM spans WHERE start_time::bigint = 1 UNION ALL SELECT attributes, http_route FROM spans WHERE false)",
        "(SELECT attributes FROM spans WHERE start_time::bigint = 1)",
        "(SELECT attributes, name AS http_route FROM spans WHERE start_time::bigint = 1)",
        "(SELECT a.attributes, b.http_route FROM spans a CROSS JOIN spans b WHERE a.start_time::bigint = 1 LIMIT 1)",
        "(SELECT i.attributes FROM (SELECT attributes, start_time FROM spans) AS i WHERE i.start_time::bigint = 1 ORDER BY i.start_time)",
        "(SELECT DISTINCT attributes, http_route AS route FROM spans WHERE start_time::bigint = 1)",
        "(SELECT s.* FROM spans s JOIN (SELECT 1 AS one) o ON s.start_time::bigint = o.one)",
        "(SELECT * FROM spans WHERE start_time::bigint IN (SELECT 1))",
    ] {
        let rows = fixture.rows(&format!("SELECT t.attributes->>'http.route' FROM {from} AS t")).await;
        assert_eq!(rows, "/cart", "{from}");
    }
    let grouped =
        "SELECT t.attributes->>'http.route', count(*) FROM (SELECT attributes FROM spans) AS t GROUP BY 1 ORDER BY 1";
    assert_eq!(fixture.rows(grouped).await, "/cart|1\n42|1\nNULL|1");
    let whole = "SELECT count(*) FROM (SELECT t.* FROM (SELECT attributes FROM spans) AS t WHERE t.attributes->>'http.route' IS NOT NULL) UNION ALL SELECT 1 ORDER BY 1 DESC";
    assert_eq!(fixture.rows(whole).await, "2\n1");
    let with = "WITH s AS (SELECT * FROM spans) SELECT count(*) FROM s WHERE attributes->>'http.route' = '/cart'";
    assert_eq!(fixture.rows(with).await, "1");
}

#[tokio::test]
async fn a_promoted_key_lost_in_a_subquery_is_an_error_not_null() {
    let fixture = fixture().await;

    for from in [
        "(SELECT DISTINCT attributes FROM spans)",
        "(SELECT attributes FROM spans UNION ALL SELECT attributes FROM spans)",
        "(SELECT attributes FROM spans GROUP BY attributes)",
        "(SELECT attributes FROM spans EXCEPT SELECT '{}')",
        "(SELECT coalesce(attributes, '{}') AS attributes FROM spans INTERSECT SELECT attributes FROM spans)",
        "(SELECT coalesce(attributes, '{}') AS attributes FROM spans)",
        "(SELECT max(attributes) AS attributes FROM spans)",
        "(SELECT attributes FROM spans UNION ALL SELECT attributes FROM logs)",
        "(SELECT (SELECT max(attributes) FROM spans) AS attributes)",
    ] {
        let error = fixture.error(&format!("SELECT t.attributes->>'http.route' FROM {from} AS t")).await;
        assert_eq!(error.code(), "plan", "{from}: {error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("http_route")), "{from}: {error:?}");
    }
    let other = "SELECT t.attributes->>'shop.vip' FROM (SELECT attributes FROM spans ORDER BY start_time LIMIT 1) AS t";
    assert_eq!(fixture.rows(other).await, "true");
}

#[tokio::test]
async fn a_key_that_is_not_a_literal_is_an_error() {
    let fixture = fixture().await;

    let error = fixture.error("SELECT attributes->>name FROM spans").await;

    assert_eq!(error.code(), "plan");
    assert_eq!(error.to_string(), "the key of an attribute is not a text literal");
}

#[tokio::test]
async fn the_key_of_an_attribute_may_be_a_parameter_that_is_called_text() {
    let fixture = fixture().await;
    let ask = async |key: &str, value: &str| {
        let statement = Statement {
            params: vec![json!(key), json!(value)],
            ..Statement::new("SELECT start_time::bigint FROM spans WHERE (attributes->>cast($1 AS text)) = $2")
        };
        text(&fixture.ask(&acme(), statement).await.expect("an answer"))
    };

    assert_eq!(ask("http.route", "/cart").await, "1");
    assert_eq!(ask("http.response.status_code", "200").await, "1");
    assert_eq!(ask("shop.items", "4.5").await, "2");
    assert_eq!(ask("it's", "4.5").await, "");
}
