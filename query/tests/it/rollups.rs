//! Rollups say what spans say, whoever asks and however.

use model::{Signal, Tenant};
use query::Statement;
use serde_json::{Value, json};

use crate::support::{Fixture, acme, text};

/// Questions that rollups answer. Values are small enough that sums of doubles are exact.
const ANSWERED: [&str; 23] = [
    // RED, as a services page asks for it.
    "SELECT service_name, count(*), count(*) FILTER (WHERE status_code = 'error'), quantile(duration_ns, 0.95) FROM spans GROUP BY 1",
    "SELECT time_bucket('1 minute', start_time), service_name, count(*) FROM spans WHERE kind = 'server' GROUP BY 1, 2",
    "SELECT date_trunc('hour', start_time) AS hour, sum(duration_ns), min(duration_ns), max(duration_ns), avg(duration_ns) FROM spans GROUP BY hour",
    "SELECT date_bin(interval '5 minutes', start_time) AS t, avg(CASE WHEN status_code = 'error' THEN 1.0 ELSE 0.0 END) AS error_rate FROM spans GROUP BY t HAVING count(*) > 1",
    "SELECT name, kind, sum(CASE WHEN status_code = 'error' THEN 1 ELSE 0 END) FROM spans WHERE service_name = 'shop' GROUP BY name, kind",
    "SELECT http_response_status_code / 100 AS class, count(*), quantile(duration_ns, 0.5), quantile(duration_ns, 1) FROM spans GROUP BY class",
    "SELECT deployment_environment_name, service_version, count(1) FROM spans s WHERE s.service_name IN ('shop', 'payment') GROUP BY 1, 2",
    "SELECT DISTINCT service_name FROM spans",
    "SELECT count(http_response_status_code), count(duration_ns), count(*) FILTER (WHERE service_name LIKE 's%') FROM spans",
    "SELECT sum(http_response_status_code), avg(http_response_status_code / 100) FILTER (WHERE kind = 'server') FROM spans WHERE true",
    // Whole minutes and hours.
    "SELECT count(*), sum(duration_ns) FROM spans WHERE start_time >= '2026-01-02T01:00:00Z' AND start_time < '2026-01-02T03:00:00Z'",
    "SELECT count(*), quantile(duration_ns, 0.9) FROM spans WHERE start_time >= '2026-01-02T01:07:00Z' AND start_time < '2026-01-02T01:31:00Z'",
    // Ragged ends.
    "SELECT service_name, count(*), quantile(duration_ns, 0.99) FROM spans WHERE start_time > '2026-01-02T00:40:31.5Z' AND start_time <= '2026-01-02T03:20:59.999999999Z' GROUP BY 1",
    "SELECT count(*), max(duration_ns) FROM spans WHERE start_time BETWEEN '2026-01-02T00:00:01Z' AND '2026-01-02T00:02:59Z'",
    "SELECT kind, count(*) FROM spans WHERE start_time > now() - interval '100 years' GROUP BY 1",
    "SELECT time_bucket('1 hour', start_time) AS t, count(*) FROM spans WHERE '2026-01-02T02:30:30Z' > start_time AND start_time >= '2026-01-02T00:00:00Z' GROUP BY t ORDER BY t",
    "SELECT count(*) FROM spans WHERE start_time >= '2026-01-02T01:00:00Z' AND start_time >= '2026-01-02T01:30:00.5Z'",
    // Beside others.
    "SELECT a.n, b.n FROM (SELECT count(*) AS n FROM spans WHERE kind = 'server') a, (SELECT max(duration_ns) AS n FROM spans WHERE status_code = 'error') b",
    "WITH minutes AS (SELECT date_trunc('minute', start_time) AS t, count(*) AS n FROM spans GROUP BY t) SELECT max(n), count(*) FROM minutes",
    "SELECT service_name FROM spans GROUP BY service_name ORDER BY count(*) DESC, 1 LIMIT 1",
    "SELECT kind, quantile(duration_ns, 0.5) AS p50, quantile(duration_ns, 0.95), max(duration_ns), quantile(duration_ns, 0.95) FILTER (WHERE status_code = 'error') FROM spans GROUP BY 1 HAVING quantile(duration_ns, 0.99) > 0",
    "SELECT quantile(duration_ns, 0.5) - quantile(duration_ns, 0.1) FROM spans WHERE status_code <> 'error' AND name = 'GET /cart'",
    "SELECT service_name, quantile(sketch, 0.95) FROM (SELECT service_name, kind, sketch(duration_ns) AS sketch FROM spans GROUP BY 1, 2) GROUP BY 1",
];

/// Questions that they cannot answer, or not better.
const NOT_ANSWERED: [&str; 14] = [
    "SELECT count(*) FROM spans",
    "SELECT count(*) FROM spans WHERE duration_ns > 500",
    "SELECT http_route, count(*) FROM spans GROUP BY 1",
    "SELECT service_name, count(DISTINCT trace_id) FROM spans GROUP BY 1",
    "SELECT service_name, max(start_time) FROM spans GROUP BY 1",
    "SELECT time_bucket('30 seconds', start_time), count(*) FROM spans GROUP BY 1",
    "SELECT date_bin(interval '1 minute', start_time, timestamp '2026-01-01 00:00:30'), count(*) FROM spans GROUP BY 1",
    "SELECT count(*) FROM spans WHERE start_time >= '2026-01-02T01:00:00.5Z' AND start_time < '2026-01-02T01:01:59Z' AND kind = 'server'",
    "SELECT service_name, approx_percentile_cont(0.5) WITHIN GROUP (ORDER BY duration_ns) FROM spans GROUP BY 1",
    "SELECT service_name, sum(duration_ns * 2) FROM spans GROUP BY 1",
    "SELECT service_name, count(*) FROM spans WHERE attributes->>'user.id' = 'x' GROUP BY 1",
    "SELECT service_name, count(*) FROM (SELECT * FROM spans LIMIT 5) GROUP BY 1",
    "SELECT service_name, avg(DISTINCT duration_ns) FROM spans GROUP BY 1",
    "SELECT service_name, count(*) FROM spans JOIN logs USING (service_name) GROUP BY 1",
];

/// Numbers that look like chance and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u64) as usize]
    }

    /// Some time of the first four hours of 2026-01-02, often at the start of a minute.
    fn span(&mut self) -> Value {
        let nanos = self.one_of(&[0, 0, 500_000_000, 999_999_999]);
        let seconds = 1_767_312_000 + self.below(4 * 60) * 60 + self.one_of(&[0, 0, 1, 30, 31, 59]);
        let start = seconds * 1_000_000_000 + nanos;
        json!({
            "start_time": start, "duration_ns": self.below(1_000_000),
            "service_name": self.one_of(&[Some("shop"), Some("payment"), None]),
            "service_version": self.one_of(&[Some("1.0.0"), Some("1.0.1"), None]),
            "deployment_environment_name": self.one_of(&[Some("production"), None]),
            "name": self.one_of(&["GET /cart", "POST /orders/of/some/length", "SELECT"]),
            "kind": self.one_of(&["server", "client", "internal"]),
            "status_code": self.one_of(&["unset", "ok", "error"]),
            "http_response_status_code": self.one_of(&[Some(200), Some(404), Some(503), None]),
        })
    }
}

/// Spans in the store, late ones among them, and live ones; another tenant's beside them.
async fn fixture(seed: u64) -> Fixture {
    let (fixture, mut dice) = (Fixture::new().await, Dice(seed));
    let globex = Tenant::new("globex").expect("a valid name");
    for part in 0..6 {
        let spans: Vec<Value> = (0..40).map(|_| dice.span()).collect();
        fixture.spans(&spans).await;
        fixture.append(&globex, Signal::Spans, &[dice.span()]).await;
        if part % 2 == 1 && part < 5 {
            fixture.flush().await;
        }
    }
    fixture
}

async fn both_ways(fixture: &Fixture, sql: &str) -> [Vec<String>; 2] {
    let mut answers = Vec::new();
    for raw in [true, false] {
        let statement = Statement { raw, ..Statement::new(sql) };
        let rows = fixture.ask(&acme(), statement).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let mut lines: Vec<String> = text(&rows).lines().map(str::to_owned).collect();
        lines.sort_unstable();
        answers.push(lines);
    }
    answers.try_into().expect("two answers")
}

fn reads_rollups(plan: &str) -> bool {
    plan.contains("TableScan: service_")
}

#[tokio::test]
async fn rollups_answer_as_the_spans_do() {
    for seed in [1, 2] {
        let fixture = fixture(seed).await;
        for sql in ANSWERED {
            let [from_spans, from_rollups] = both_ways(&fixture, sql).await;

            assert_eq!(from_rollups, from_spans, "{sql}");
            assert!(!from_spans.is_empty(), "{sql}");
            assert!(reads_rollups(&fixture.explain(sql).await), "{sql}: {}", fixture.explain(sql).await);
        }
    }
}

#[tokio::test]
async fn what_rollups_cannot_answer_is_asked_of_the_spans() {
    let fixture = fixture(3).await;

    for sql in NOT_ANSWERED {
        let plan = fixture.explain(sql).await;
        assert!(!reads_rollups(&plan), "{sql}: {plan}");
        let [from_spans, answer] = both_ways(&fixture, sql).await;
        assert_eq!(answer, from_spans, "{sql}");
    }
}

#[tokio::test]
async fn a_statement_can_insist_on_the_spans() {
    let fixture = fixture(4).await;
    let explain = "EXPLAIN SELECT kind, count(*) FROM spans GROUP BY kind";

    let plan = fixture.ask(&acme(), Statement { raw: true, ..Statement::new(explain) }).await.expect("a plan");

    assert!(!text(&plan).contains("service_hours"), "{}", text(&plan));
}

#[tokio::test]
async fn whole_hours_minutes_and_the_rest_come_from_tables_of_their_own() {
    let fixture = fixture(5).await;
    let range = "start_time >= '2026-01-02T00:58:59.5Z' AND start_time < '2026-01-02T02:00:00Z'";

    let plan = fixture.explain(&format!("SELECT kind, count(*) FROM spans WHERE {range} GROUP BY kind")).await;

    for part in ["TableScan: service_hours", "TableScan: service_minutes", "TableScan: spans"] {
        assert_eq!(plan.matches(part).count(), 1, "{part}: {plan}");
    }
}

#[tokio::test]
async fn names_that_were_summed_together_are_asked_of_the_spans() {
    let fixture = fixture(6).await;
    let spans: Vec<Value> = (0..1100)
        .map(|id| json!({"name": format!("GET /users/{id}"), "service_name": "users", "kind": "client"}))
        .collect();
    fixture.spans(&spans).await;
    let (by_name, by_service) = (
        "SELECT name, count(*) FROM spans GROUP BY name",
        "SELECT service_name, count(*) FROM spans GROUP BY service_name",
    );

    for _ in 0..2 {
        let later = "SELECT name, count(*) FROM spans WHERE start_time >= '2026-01-01' GROUP BY name";
        assert!(!reads_rollups(&fixture.explain(by_name).await), "{by_name}");
        for answered in [later, by_service] {
            assert!(reads_rollups(&fixture.explain(answered).await), "{answered}");
        }
        for sql in [by_name, by_service, later] {
            let [from_spans, answer] = both_ways(&fixture, sql).await;
            assert_eq!(answer, from_spans, "{sql}");
        }
        assert_eq!(fixture.rows("SELECT sum(requests) FROM service_minutes WHERE name = '(other)'").await, "100");
        fixture.flush().await;
    }
}

#[tokio::test]
async fn views_of_rollups_have_one_row_a_key_and_say_what_spans_say() {
    let fixture = fixture(7).await;
    let keys = "service_name, service_namespace, service_version, deployment_environment_name, name, kind, status_code, http_response_status_code";

    for (view, time, unit) in
        [("service_minutes", "minute", "minute"), ("service_hours", "hour", "hour"), ("service_days", "day", "day")]
    {
        let rolled = format!(
            "SELECT {time}, {keys}, requests, errors, duration_sum_ns, duration_min_ns, duration_max_ns, count(*) OVER () FROM {view} ORDER BY {time}, {keys}"
        );
        let raw = format!(
            "SELECT date_trunc('{unit}', start_time) AS t, {keys}, count(*), count(*) FILTER (WHERE status_code = 'error'), sum(duration_ns), min(duration_ns), max(duration_ns), count(*) OVER () FROM spans GROUP BY t, {keys} ORDER BY t, {keys}"
        );
        let raw = fixture.ask(&acme(), Statement { raw: true, ..Statement::new(raw) }).await.expect("an answer");
        assert_eq!(fixture.rows(&rolled).await, text(&raw), "{view}");

        let rolled = format!(
            "SELECT {time}, kind, sum(requests), sum(errors), max(duration_max_ns), quantile(duration_sketch, 0.9) FROM {view} WHERE status_code <> 'ok' GROUP BY 1, 2 ORDER BY 1, 2"
        );
        let raw = format!(
            "SELECT date_trunc('{unit}', start_time), kind, count(*), count(*) FILTER (WHERE status_code = 'error'), max(duration_ns), quantile(duration_ns, 0.9) FROM spans WHERE status_code <> 'ok' GROUP BY 1, 2 ORDER BY 1, 2"
        );
        let raw = fixture.ask(&acme(), Statement { raw: true, ..Statement::new(raw) }).await.expect("an answer");
        assert_eq!(fixture.rows(&rolled).await, text(&raw), "{view}");
        let plan = fixture.explain(&rolled).await;
        assert_eq!(plan.matches("Aggregate: ").count(), 1, "partial rows are added up once: {plan}");
    }
    for more_than_sums in
        ["SELECT count(*) FROM service_minutes", "SELECT kind, avg(requests) FROM service_minutes GROUP BY 1"]
    {
        let plan = fixture.explain(more_than_sums).await;
        assert_eq!(plan.matches("Aggregate: ").count(), 2, "rows of the view are counted, not partial ones: {plan}");
    }
}

#[tokio::test]
async fn a_quantile_is_within_its_error_and_says_what_it_does_not_take() {
    let fixture = Fixture::new().await;
    let spans: Vec<Value> = (1..=1000).map(|number| json!({"duration_ns": number * 1_000_003})).collect();
    fixture.spans(&spans).await;

    let estimates = fixture.rows("SELECT quantile(duration_ns, 0), quantile(duration_ns, 0.5), quantile(duration_ns, 1), quantile(duration_ns, 0.5) FILTER (WHERE false) FROM spans").await;

    let estimates: Vec<&str> = estimates.split('|').collect();
    for (estimate, exact) in estimates.iter().zip([1, 500, 1000]) {
        let (estimate, exact): (f64, f64) = (estimate.parse().expect("a number"), f64::from(exact) * 1_000_003.0);
        assert!((estimate - exact).abs() <= exact / 128.0, "{estimate} for {exact}");
    }
    assert_eq!(estimates[3], "NULL");
    for (sql, says) in [
        ("SELECT quantile(duration_ns, 1.5) FROM spans", "expected a number from 0.0 to 1.0"),
        (
            "SELECT quantile(duration_ns, 0.5), quantile(duration_ns, 1.5) FROM spans",
            "expected a number from 0.0 to 1.0",
        ),
        ("SELECT quantile(name, 0.5) FROM spans", "takes integers or sketches"),
        ("SELECT quantile(duration_ns) FROM spans", "quantile takes values and a share"),
        ("SELECT quantile(trace_id::bytea, 0.5) FROM spans", "sketches come from duration_sketch"),
    ] {
        let error = fixture.error(sql).await;
        assert!(error.to_string().contains(says), "{sql}: {error}");
    }
}

/// The definition that people read.
fn edges_by_hand() -> &'static str {
    let document = include_str!("../../../docs/sql.md");
    let (_, from) = document.split_once("-- service_edges by hand\n").expect("the definition is in the document");
    from.split_once(";\n```").expect("it ends with its block").0
}

impl Dice {
    /// A caller, its callee or both, or a call of a database or queue; now and then a span of another kind.
    fn call(&mut self, number: u64) -> Vec<Value> {
        let trace = format!("{:016x}{number:016x}", self.below(1 << 30));
        let (caller, callee) = (format!("{:016x}", 2 * number + 1), format!("{:016x}", 2 * number + 2));
        let services = [Some("web"), Some("shop"), Some("payment"), None];
        let with = |mut span: Value, more: Value| {
            span.as_object_mut().expect("a span").extend(more.as_object().expect("fields").clone());
            span
        };
        let messaging = self.one_of(&[Some("kafka"), None]);
        let destination = self.one_of(&[Some("orders"), None]);
        let client = with(
            self.span(),
            json!({
                "trace_id": trace, "span_id": caller, "service_name": self.one_of(&services), "kind": "client",
                "peer_service": self.one_of(&[Some("partner"), None]), "server_address": self.one_of(&[Some("10.0.0.1"), None]),
            }),
        );
        let server = with(
            self.span(),
            json!({
                "trace_id": trace, "span_id": callee, "parent_span_id": caller, "service_name": self.one_of(&services), "kind": "server",
            }),
        );
        let queue = json!({"messaging_system": messaging, "messaging_destination_name": destination});
        let (producer, consumer) = (json!({"kind": "producer"}), json!({"kind": "consumer"}));
        match self.below(9) {
            0 => vec![with(client, json!({"db_system_name": "postgresql", "db_namespace": destination}))],
            1 => vec![with(with(client, producer), queue.clone()), with(with(server, consumer), queue)],
            2 => vec![with(client, queue)],
            3 => vec![with(client, json!({"kind": "internal"})), server],
            4 => vec![client],
            5 => vec![server],
            // Two answers to one call.
            6 => vec![client, server.clone(), with(server, json!({"span_id": format!("{:016x}", number + (1 << 40))}))],
            7 => vec![with(server, json!({"parent_span_id": null}))],
            _ => vec![client, server],
        }
    }
}

#[tokio::test]
async fn edges_are_what_the_spans_joined_by_hand_say() {
    for seed in [1, 2, 3] {
        let (fixture, mut dice) = (Fixture::new().await, Dice(seed));
        let mut waiting: Vec<Value> = (0..80).flat_map(|number| dice.call(number)).collect();
        let columns = "minute, source, target, target_kind, system, kind, deployment_environment_name, calls, errors, duration_sum_ns, duration_min_ns, duration_max_ns, duration_sketch";
        while !waiting.is_empty() {
            // In any order, so that halves of a call are in different requests and segments.
            let request: Vec<Value> = (0..10.min(waiting.len()))
                .map(|_| waiting.swap_remove(dice.below(waiting.len() as u64) as usize))
                .collect();
            fixture.spans(&request).await;
            if dice.below(3) == 0 {
                fixture.flush().await;
            }

            let [by_hand, _] = both_ways(&fixture, edges_by_hand()).await;
            let [kept, _] = both_ways(&fixture, &format!("SELECT {columns} FROM service_edges")).await;
            assert_eq!(kept, by_hand);
        }
        assert_eq!(fixture.rows("SELECT count(DISTINCT target_kind) FROM service_edges").await, "4");
    }
}
