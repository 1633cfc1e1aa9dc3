//! What others read without us: the lake's Parquet files, and the Arrow that SQL answers.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use testkit::{Protocol, S3Server, attribute, histogram, logs, metrics, points, python, record, span, spans, until};

use crate::{client_script, external_folder, observatory};

const PATIENCE: Duration = Duration::from_secs(60);

fn run(python: &Path, script: &str, arguments: &[&str]) -> String {
    let output = Command::new(python).arg(client_script(script)).args(arguments).output().expect("Python is there");
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

/// Says the same in DuckDB's SQL and in ours.
const QUESTIONS: [&str; 5] = [
    "select service_name, count(*), sum(duration_ns), count(distinct span_id) from spans group by 1 order by 1",
    "select name, kind, status_code, min(duration_ns), max(duration_ns) from spans group by 1, 2, 3 order by 1, 2, 3",
    "select severity_text, body, count(*) from logs group by 1, 2 order by 1, 2",
    "select name, type, count(*), sum(value) from metrics group by 1, 2 order by 1, 2",
    "select name, count(*), sum(\"count\"), sum(\"sum\") from histograms group by 1 order by 1",
];

#[tokio::test]
async fn duckdb_reads_the_lake_and_counts_what_our_sql_counts() {
    let python = match python(&external_folder()) {
        Ok(python) => python,
        Err(skip) => return skip.tell(),
    };
    let setup = observatory().env("OBSERVATORY_OWN_TELEMETRY__ENABLED", false);
    let server = setup.start().await.expect("a server");
    for (number, protocol) in Protocol::ALL.into_iter().cycle().take(6).enumerate() {
        let client = server.client(protocol);
        let service = format!("service-{}", number % 3);
        let route = || vec![attribute("http.route", Value::StringValue(format!("/route/{number}")))];
        client.deliver(&spans(&service, (0..50).map(|name| span(&format!("work {}", name % 5), route())))).await;
        client.deliver(&logs(&service, (0..50).map(|line| record(&format!("line {}", line % 7), route())))).await;
        client.deliver(&metrics(&service, [points("gauge", [route(), vec![]]), histogram("times", [route()])])).await;
    }
    // After a stop all rows are in Parquet, and nowhere else.
    server.stop().await;
    let server = setup.start().await.expect("a server");

    let lake = server.data_path().join("lake/default").display().to_string();
    for question in QUESTIONS {
        let ours = server.sql(question).await;
        assert!(!ours.is_empty(), "{question}");

        let theirs = run(&python, "ask_duckdb.py", &[&lake, question]);

        let theirs: serde_json::Value = serde_json::from_str(&theirs).expect("JSON");
        assert_eq!(theirs, serde_json::json!(ours.0), "{question}");
    }
}

#[tokio::test]
async fn duckdb_reads_the_columns_of_frequent_attributes() {
    let python = match python(&external_folder()) {
        Ok(python) => python,
        Err(skip) => return skip.tell(),
    };
    let setup = observatory()
        .env("OBSERVATORY_OWN_TELEMETRY__ENABLED", false)
        .env("OBSERVATORY_PLANE__SEGMENT_AGE_SECONDS", 1)
        .env("OBSERVATORY_LAKE__MERGE_FILES_MIN", 2)
        .env("OBSERVATORY_LAKE__PROMOTE_ROWS_MIN", 1)
        .env("OBSERVATORY_LAKE__DELETION_GRACE_SECONDS", 3)
        .env("OBSERVATORY_QUERY__TIME_SECONDS_MAX", 2)
        .env("OBSERVATORY_MAINTENANCE__EVERY_SECONDS", 1);
    let server = setup.start().await.expect("a server");
    let client = server.client(Protocol::Grpc);
    for (files, plan) in [(1, Value::StringValue("gold".to_owned())), (2, Value::IntValue(7))] {
        let spans = spans("shop", (0..50).map(|_| span("pay", vec![attribute("shop.plan", plan.clone())])));
        client.deliver(&spans).await;
        until("the spans are in one file", PATIENCE, async || {
            let rows =
                server.sql("select sum(rows) from system.files where table_name = 'spans' and condition = 'kept'");
            let is_of_spans = |path: &&std::path::PathBuf| path.to_string_lossy().contains("/spans/");
            let files_there = server.parquet_files().iter().filter(is_of_spans).count();
            (files_there == 1 && rows.await.text() == (files * 50).to_string()).then_some(())
        })
        .await;
    }

    let lake = server.data_path().join("lake/default").display().to_string();
    let question = "select \"attributes.shop.plan\", count(*) from spans group by 1 order by 1";
    let theirs = run(&python, "ask_duckdb.py", &[&lake, question]);

    let theirs: serde_json::Value = serde_json::from_str(&theirs).expect("JSON");
    assert_eq!(theirs, serde_json::json!([["\"gold\"", 50], ["7", 50]]));
    let ours = server.sql("select attributes->>'shop.plan', count(*) from spans group by 1 order by 1").await;
    assert_eq!(serde_json::json!(ours.0), serde_json::json!([["7", 50], ["gold", 50]]));
}

#[tokio::test]
async fn pyarrow_reads_what_sql_answers_as_arrow() {
    let python = match python(&external_folder()) {
        Ok(python) => python,
        Err(skip) => return skip.tell(),
    };
    let server = observatory().start().await.expect("a server");
    let client = server.client(Protocol::Grpc);
    client.deliver(&spans("shop", (0..3000).map(|number| span(&format!("work {}", number % 3), vec![])))).await;

    let question = "select name, count(*) as spans, min(start_time) as first, max(duration_ns) as longest from spans group by 1 order by 1";
    let told = run(&python, "read_arrow.py", &[&server.api_url(), question]);

    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    let ours = server.sql(question).await;
    let names_and_counts: Vec<_> = ours.0.iter().map(|row| serde_json::json!([row[0], row[1]])).collect();
    assert_eq!(told["rows"], serde_json::json!(names_and_counts));
    assert_eq!(told["types"]["first"], "timestamp[ns, tz=UTC]");
    assert_eq!(told["types"]["spans"], "int64");

    let all =
        run(&python, "read_arrow.py", &[&server.api_url(), "select name, count(*) from spans group by 1, span_id"]);
    let all: serde_json::Value = serde_json::from_str(&all).expect("JSON");
    assert_eq!(all["rows"].as_array().map(Vec::len), Some(3000));
}

#[tokio::test]
async fn telemetry_rests_on_s3_and_nowhere_else() {
    let s3 = match S3Server::start(&external_folder()).await {
        Ok(server) => server,
        Err(skip) => return skip.tell(),
    };
    let setup = observatory().env("OBSERVATORY_STORAGE__LAKE_URL", format!("{}/lake", s3.bucket_url()));
    let setup = s3.environment().into_iter().fold(setup, |setup, (name, value)| setup.env(name, value));
    let server = setup.start().await.expect("a server");
    let client = server.client(Protocol::Grpc);
    client.deliver(&spans("shop", (0..100).map(|_| span("work", vec![])))).await;
    server.stop().await;

    let server = setup.start().await.expect("a server");

    assert_eq!(server.sql("select count(*) from spans").await.number(), 100);
    assert!(server.parquet_files().is_empty(), "nothing lies in the data directory");
}
