//! What is refused, and how the error says it.

use query::{Config, Position, Statement};
use serde_json::json;

use crate::support::{Fixture, acme, text};

#[tokio::test]
async fn writes_are_refused() {
    let fixture = Fixture::new().await;

    for sql in [
        "INSERT INTO spans SELECT * FROM spans",
        "DELETE FROM logs",
        "UPDATE spans SET name = 'x'",
        "DROP TABLE spans",
        "CREATE TABLE t AS SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '/etc'",
        "COPY spans TO '/tmp/spans.parquet'",
        "COPY (SELECT 1) TO '/tmp/one.csv'",
        "SET datafusion.execution.batch_size = 1",
        "RESET datafusion.execution.batch_size",
        "EXPLAIN INSERT INTO spans SELECT * FROM spans",
        "EXPLAIN ANALYZE COPY spans TO '/tmp/spans.parquet'",
        "PREPARE p AS SELECT 1",
        "BEGIN",
        "ALTER TABLE spans ADD COLUMN x INT",
        "TRUNCATE TABLE spans",
        "SELECT 1 INTO t",
        "WITH d AS (DELETE FROM logs) SELECT 1",
    ] {
        let error = fixture.error(sql).await;
        assert!(["read_only", "syntax", "plan"].contains(&error.code()), "{sql}: {error:?}");
        assert!(
            sql.starts_with("SELECT") || sql.starts_with("WITH") || error.code() == "read_only",
            "{sql}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_request_is_one_statement() {
    let fixture = Fixture::new().await;

    for sql in ["", "  ;", "SELECT 1; SELECT 2", "SELECT 1; DROP TABLE spans"] {
        assert_eq!(fixture.error(sql).await.code(), "syntax", "{sql}");
    }
    assert_eq!(fixture.rows("SELECT 1;").await, "1");
}

#[tokio::test]
async fn files_and_functions_that_read_them_cannot_be_named() {
    let fixture = Fixture::new().await;

    for sql in ["SELECT * FROM '/etc/passwd'", "SELECT * FROM \"/etc/passwd\"", "SELECT * FROM read_csv('/etc/passwd')"]
    {
        let error = fixture.error(sql).await;
        assert!(["unknown_table", "plan", "syntax"].contains(&error.code()), "{sql}: {error:?}");
    }
}

#[tokio::test]
async fn errors_name_the_position() {
    let fixture = Fixture::new().await;

    let check = async |sql: &str, code: &str, line: u64, column: u64| {
        let error = fixture.error(sql).await;
        assert_eq!(error.code(), code, "{sql}: {error:?}");
        assert_eq!(error.position(), Some(Position { line, column }), "{sql}: {error:?}");
        for leak in ["DataFusion", "Error during planning", "Schema error", "sql parser error", "Backtrace"] {
            assert!(!error.to_string().contains(leak), "{sql}: {error}");
        }
    };
    check("SELECT name\nFROM spans WHERE", "syntax", 2, 17).await;
    check("SELECT 'open", "syntax", 1, 8).await;
    check("SELECT nme FROM spans", "unknown_column", 1, 8).await;
    check("SELECT s.nme FROM spans s", "unknown_column", 1, 8).await;
    check("SELECT name FROM\n  span", "unknown_table", 2, 3).await;
    check("SELECT nothing(name) FROM spans", "plan", 1, 8).await;
    check("SELECT attributes->>'http.route' FROM\n(SELECT DISTINCT attributes FROM spans) AS s", "plan", 1, 8).await;
    check("SELECT name, count(*) FROM spans", "plan", 1, 8).await;
}

#[tokio::test]
async fn errors_say_what_to_do() {
    let fixture = Fixture::new().await;

    let told = async |sql: &str| {
        let error = fixture.error(sql).await;
        format!("{error}; {}", error.hint().unwrap_or("-"))
    };
    let all = [
        told("SELECT nme FROM spans").await,
        told("SELECT name FROM span").await,
        told("SELEC name FROM spans").await,
        told("DROP TABLE spans").await,
        told("SELECT attributes->>'http.route' FROM (SELECT DISTINCT attributes FROM spans) AS s").await,
        told("EXPLAIN SELECT attributes->>'http.route' FROM (SELECT DISTINCT attributes FROM spans) AS s").await,
        told("SELECT 1 FROM spans WHERE trace_id = 'abc'").await,
        told("SELECT 'x'::int").await,
        told("SELECT name + interval '1 day' FROM spans").await,
        told("SELECT nothing(1)").await,
        told("SELECT $1").await,
        told("SELECT 1/0").await,
        told("SELECT name, count(*) FROM spans").await,
        told("SELECT * FROM a.b.c.d").await,
    ];
    insta::assert_snapshot!(all.join("\n"));
}

#[tokio::test]
async fn parameters_must_fit_the_statement() {
    let fixture = Fixture::new().await;
    let ask = async |sql: &str, params: serde_json::Value| {
        let params = params.as_array().cloned().expect("an array");
        fixture.ask(&acme(), Statement { params, ..Statement::new(sql) }).await
    };

    for (sql, params) in [
        ("SELECT $1", json!([])),
        ("SELECT $2", json!([1])),
        ("SELECT 1", json!([1])),
        ("SELECT $1", json!([[1]])),
        ("SELECT $1", json!([{"a": 1}])),
    ] {
        let error = ask(sql, params).await.expect_err(sql);
        assert_eq!(error.code(), "invalid_parameter", "{sql}: {error}");
    }
    let rows = ask("SELECT $1, $2, $3, $4, $5, $2 AS again", json!([null, true, -3, 1.5, "it's"])).await;
    assert_eq!(text(&rows.expect("an answer")), "NULL|true|-3|1.5|it's|true");
    let rows =
        ask("SELECT count(*) FROM spans WHERE start_time > $1 AND duration_ns > $2", json!(["2026-01-01", 5])).await;
    assert_eq!(text(&rows.expect("an answer")), "0");
    let rows = ask("SELECT * FROM (VALUES (1), (2)) AS t(x) LIMIT $1", json!([1])).await;
    assert_eq!(text(&rows.expect("an answer")), "1");
}

#[tokio::test]
async fn a_statement_longer_than_allowed_is_not_read() {
    let fixture = Fixture::with(Config { statement_bytes_max: 10, ..Config::default() }).await;

    let error = fixture.error("SELECT 1, 2").await;

    assert_eq!(error.code(), "too_large");
    assert_eq!(error.to_string(), "the statement has more than 10 bytes");
}

#[tokio::test]
async fn a_statement_nested_too_deeply_is_an_error() {
    let fixture = Fixture::new().await;
    let chain = |part: &str, operator: &str, parts: usize| format!("SELECT {}", vec![part; parts].join(operator));

    let nested = format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000));
    assert_eq!(fixture.error(&nested).await.code(), "syntax");
    for (part, operator) in [("1", "+"), ("true", " OR "), ("'a'", "||"), ("1", "::int+")] {
        let error = fixture.error(&chain(part, operator, 8_000)).await;
        assert_eq!(error.to_string(), "an expression has more than 500 levels", "{operator}");
        fixture.rows(&chain(part, operator, 250)).await;
    }
}

#[tokio::test]
async fn a_statement_whose_plan_explodes_is_an_error() {
    let fixture = Fixture::new().await;
    let doubled = |times: usize| {
        let steps =
            (1..=times).map(|step| format!("t{step} AS (SELECT a.x FROM t{} a, \"t{}\" b)", step - 1, step - 1));
        format!("WITH t0 AS (SELECT 1 AS x), {} SELECT count(*) FROM t{times}", steps.collect::<Vec<_>>().join(", "))
    };
    let unions = |times: usize| vec!["SELECT 1"; times].join(" UNION ALL ");

    for sql in [doubled(40), unions(3_000)] {
        let error = fixture.error(&sql).await;
        assert_eq!(error.to_string(), "the statement reads more than 100 tables and subqueries in all");
    }
    assert_eq!(fixture.rows(&doubled(4)).await, "1");
    assert_eq!(fixture.rows(&unions(90)).await.lines().count(), 90);
}
