//! Statements of the SQL workbench: saved for all, remembered for each.

use serde_json::json;

use crate::office::Office;

#[test]
fn statements_are_saved_for_the_tenant() {
    Office::open(async |office| {
        office.answer("PUT", "/queries/Slow%20spans", json!({"sql": "SELECT 1", "description": "Try it"})).await;
        office.answer("PUT", "/queries/Slow%20spans", json!({"sql": "SELECT 2"})).await;

        let told = office.get("/queries").await;

        let saved = &told["queries"][0];
        assert_eq!((&saved["name"], &saved["sql"]), (&json!("Slow spans"), &json!("SELECT 2")), "{told}");
        assert_eq!(told["queries"].as_array().map(Vec::len), Some(1));
        assert_eq!(office.send_elsewhere("GET", "/queries", "").await.1["queries"], json!([]));
        office.answer("DELETE", "/queries/Slow%20spans", "").await;
        assert_eq!(office.send("DELETE", "/queries/Slow%20spans", "").await.0, 404);
        assert_eq!(office.send("PUT", "/queries/a", json!({"sql": " "})).await.0, 400);
        assert_eq!(office.send("PUT", "/queries/history", json!({"sql": "SELECT 1"})).await.0, 405);
        let expected =
            ["query.saved query/Slow spans", "query.saved query/Slow spans", "query.deleted query/Slow spans"];
        assert_eq!(office.audited().await, expected);
    });
}

#[test]
fn long_statements_are_saved_as_many_as_short_ones() {
    Office::open(async |office| {
        let sql = format!("SELECT 1 -- {}", "a".repeat(60 * 1024));
        for number in 0..80 {
            office.answer("PUT", &format!("/queries/{number}"), json!({"sql": sql})).await;
        }

        assert_eq!(office.get("/queries").await["queries"].as_array().map(Vec::len), Some(80));
    });
}

#[test]
fn the_last_two_hundred_statements_of_each_are_remembered() {
    Office::open(async |office| {
        for number in 0..203 {
            let asked = json!({"sql": format!("SELECT {number}"), "took_ms": 5, "rows": 1});
            office.answer("POST", "/queries/history", asked).await;
        }

        let told = office.get("/queries/history?limit=200").await;

        let queries = told["queries"].as_array().expect("a list");
        assert_eq!((queries.len(), &told["next"]), (200, &json!(null)));
        assert_eq!((&queries[0]["sql"], &queries[199]["sql"]), (&json!("SELECT 202"), &json!("SELECT 3")));
        let page = office.get("/queries/history?limit=2").await;
        let after = page["next"].as_str().expect("there are more");
        let next = office.get(&format!("/queries/history?limit=1&after={after}")).await;
        assert_eq!(next["queries"][0]["sql"], "SELECT 200");
        assert_eq!(office.send_elsewhere("GET", "/queries/history", "").await.1["queries"], json!([]));
        office.answer("DELETE", "/queries/history", "").await;
        assert_eq!(office.get("/queries/history").await["queries"], json!([]));
    });
}
