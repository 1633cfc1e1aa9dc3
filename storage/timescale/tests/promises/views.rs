//! Hourly views say what the rows say, and go on saying it when the rows are gone.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array, StringViewArray, TimestampNanosecondArray};
use model::{Batch, Signal, Table, Timestamp};
use store::Store;
use testkit::Skip;
use timescale::{Config, Timescale};
use tokio_postgres::Client;

use crate::support::{Hypertables, array, client, now, open, postgres, segment_of, tenant};

const HOUR: i64 = 3_600_000_000_000;
const MINUTE: i64 = HOUR / 60;

const METRICS_BY_HAND: &str = "SELECT tenant, date_trunc('hour', time, 'UTC'), name, service_name, unit, type, temporality, \
     count(*), min(v), max(v), sum(v), (array_agg(v ORDER BY time DESC, time_rest_ns DESC, v DESC))[1] \
     FROM (SELECT *, coalesce(value, value_int) AS v FROM {schema}.metrics) points WHERE v IS NOT NULL GROUP BY 1, 2, 3, 4, 5, 6, 7";
const LOGS_BY_HAND: &str = "SELECT tenant, date_trunc('hour', time, 'UTC'), service_name, \
     (ARRAY['trace', 'debug', 'info', 'warn', 'error', 'fatal'])[(severity_number + 3) / 4], count(*) \
     FROM {schema}.logs GROUP BY 1, 2, 3, 4";

/// A database with the views, and a store in it.
struct Fixture {
    store: Timescale,
    settings: Config,
    client: Client,
    _database: Hypertables,
}

impl Fixture {
    async fn start() -> Result<Self, ()> {
        let database = Hypertables::start().await.map_err(Skip::tell)?;
        let settings = database.config();
        let store = Timescale::open(settings.clone()).await.expect("the store opens");
        let client = client(&settings).await;
        Ok(Self { store, settings, client, _database: database })
    }

    async fn keep(&self, batch: Batch) {
        self.store.keep(&segment_of(batch)).await.expect("kept");
    }

    async fn number(&self, sql: &str) -> i64 {
        let sql = sql.replace("{schema}", &self.settings.schema);
        self.client.query_one(&sql, &[]).await.unwrap_or_else(|cause| panic!("{sql}: {cause}")).get(0)
    }

    /// Hours that the view and its rows say different things of.
    async fn differences(&self, view: &str, by_hand: &str) -> i64 {
        let view = format!("SELECT * FROM {{schema}}.{view}");
        self.number(&format!(
            "SELECT count(*) FROM ((({by_hand}) EXCEPT ({view})) UNION ALL (({view}) EXCEPT ({by_hand}))) different"
        ))
        .await
    }

    async fn refresh(&self, view: &str) {
        let refresh = "CALL refresh_continuous_aggregate('{schema}.{view}', NULL, now() - interval '2 hours')";
        let refresh = refresh.replace("{schema}", &self.settings.schema).replace("{view}", view);
        self.client.batch_execute(&refresh).await.expect("refreshed");
    }

    /// Does what the policy does every hour, as no worker does it where this runs.
    async fn refresh_by_policy(&self, view: &str) {
        let job = self.number(&format!("SELECT job_id::bigint FROM ({}) job", policies(view, "refresh%"))).await;
        self.client.batch_execute(&format!("CALL run_job({job})")).await.expect("the job runs");
    }

    /// How far refreshes reach, in hours; 0 when there are none.
    async fn reach(&self, view: &str) -> i64 {
        let hours = "coalesce(max(extract(epoch FROM (config->>'start_offset')::interval) / 3600), 0)::bigint";
        self.number(&format!("SELECT {hours} FROM ({}) job", policies(view, "refresh%"))).await
    }

    async fn policies(&self, view: &str, name: &str) -> i64 {
        self.number(&format!("SELECT count(*) FROM ({}) job", policies(view, name))).await
    }
}

fn policies(view: &str, name: &str) -> String {
    format!(
        "SELECT * FROM timescaledb_information.jobs WHERE proc_name LIKE 'policy_{name}' \
         AND hypertable_schema = '{{schema}}' AND hypertable_name = '{view}'"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_of_metrics_are_those_of_the_rows() -> Result<(), ()> {
    let fixture = Fixture::start().await?;
    let hour = now() / HOUR * HOUR;
    let twenty_hours: Vec<(i64, f64)> =
        (0..600).map(|n| (hour - 20 * HOUR + n * 2 * MINUTE, (n * 7 % 101) as f64)).collect();
    let of_one_microsecond = [(hour - 9 * HOUR, 9.0), (hour - 9 * HOUR + 1, 8.0), (hour - 9 * HOUR + 2, 5.0)];

    fixture.keep(points("cpu", &twenty_hours)).await;
    fixture.keep(points("queue", &of_one_microsecond)).await;
    fixture.keep(integers("requests", &[(hour - 3 * HOUR, Some(7)), (hour - 3 * HOUR + 1, None)])).await;

    assert_eq!(fixture.differences("metrics_hourly", METRICS_BY_HAND).await, 0, "before the first refresh");
    fixture.refresh("metrics_hourly").await;
    assert_eq!(fixture.differences("metrics_hourly", METRICS_BY_HAND).await, 0, "after it");
    assert_eq!(fixture.number("SELECT last::bigint FROM {schema}.metrics_hourly WHERE name = 'queue'").await, 5);
    assert_eq!(fixture.number("SELECT count FROM {schema}.metrics_hourly WHERE name = 'requests'").await, 1);

    fixture.keep(points("cpu", &[(now(), 1000.0)])).await;
    assert_eq!(fixture.differences("metrics_hourly", METRICS_BY_HAND).await, 0, "the newest rows show at once");

    fixture.keep(points("cpu", &[(hour - 10 * HOUR, 2000.0)])).await;
    assert_eq!(fixture.differences("metrics_hourly", METRICS_BY_HAND).await, 2, "an hour of late rows waits");
    fixture.refresh_by_policy("metrics_hourly").await;
    assert_eq!(fixture.differences("metrics_hourly", METRICS_BY_HAND).await, 0, "for the next refresh");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn hours_of_logs_are_those_of_the_rows() -> Result<(), ()> {
    let fixture = Fixture::start().await?;
    let hour = now() / HOUR * HOUR;
    let severities: Vec<(i64, i32)> =
        (0..240).map(|n| (hour - 8 * HOUR + n * 2 * MINUTE, (n % 24 + 1) as i32)).collect();
    fixture.keep(records(&severities)).await;
    fixture.keep(records(&[(now(), 17)])).await;

    fixture.refresh("logs_hourly").await;

    assert_eq!(fixture.differences("logs_hourly", LOGS_BY_HAND).await, 0);
    fixture.keep(records(&[(now(), 0), (now(), 25), (now(), -1)])).await;
    assert_eq!(
        fixture.number("SELECT sum(count)::bigint FROM {schema}.logs_hourly WHERE severity = 'unspecified'").await,
        3
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_summed_stays_when_its_rows_expire() -> Result<(), ()> {
    let fixture = Fixture::start().await?;
    let (hour, view) = (now() / HOUR * HOUR, "metrics_hourly");
    let points_of_view = "SELECT coalesce(sum(count), 0)::bigint FROM {schema}.metrics_hourly";
    fixture.keep(points("cpu", &[(hour - 30 * HOUR, 1.0), (hour - 20 * HOUR, 2.0), (now(), 3.0)])).await;
    fixture.refresh_by_policy(view).await;
    assert_eq!(fixture.reach(view).await, 31 * 24, "as far as rows come late");

    let horizon = Timestamp(now() - 25 * HOUR);
    fixture.store.expire(&tenant(), Signal::Metrics.into(), horizon).await.expect("expired");
    fixture.keep(points("cpu", &[(hour - 19 * HOUR, 4.0)])).await;
    fixture.refresh_by_policy(view).await;

    assert_eq!(fixture.number("SELECT count(*) FROM {schema}.metrics").await, 3);
    assert_eq!(fixture.number(points_of_view).await, 4, "three rows, and the hour that outlives its row");
    assert!((20..=24).contains(&fixture.reach(view).await), "never to what has expired");
    assert_eq!(fixture.reach("logs_hourly").await, 31 * 24, "no log record has expired");

    fixture.store.expire(&tenant(), Signal::Metrics.into(), Timestamp(now() - 2 * HOUR)).await.expect("expired");
    assert_eq!(fixture.reach(view).await, 0, "what is left is too short for refreshes");
    assert_eq!(fixture.number(points_of_view).await, 4);

    fixture.number("WITH gone AS (DELETE FROM {schema}.expired RETURNING 1) SELECT count(*) FROM gone").await;
    fixture.store.maintain().await.expect("maintained");
    assert_eq!(fixture.reach(view).await, 31 * 24, "as if that had been long ago");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_as_configured_however_often_a_program_starts() -> Result<(), ()> {
    let fixture = Fixture::start().await?;
    let again = |settings: Config| async move { drop(Timescale::open(settings).await.expect("the store opens")) };
    let settings = &fixture.settings;
    let jobs = "SELECT count(*) FROM timescaledb_information.jobs \
                WHERE hypertable_schema = '{schema}' AND hypertable_name LIKE '%_hourly'";

    again(settings.clone()).await;
    assert_eq!(fixture.number(jobs).await, 6, "refresh, compression and retention of two views");
    tokio::join!(again(settings.clone()), again(settings.clone()));
    assert_eq!(fixture.number(jobs).await, 6);

    again(Config { past_days_max: 7, hourly_days: 0, ..settings.clone() }).await;
    assert_eq!(fixture.reach("logs_hourly").await, 7 * 24);
    assert_eq!(fixture.policies("logs_hourly", "retention").await, 0, "for ever");
    assert_eq!(fixture.policies("logs_hourly", "compression").await, 1);

    again(settings.clone()).await;
    assert_eq!(fixture.reach("logs_hourly").await, 31 * 24);
    assert_eq!(fixture.policies("logs_hourly", "retention").await, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_start_at_once_make_each_view_once() -> Result<(), ()> {
    let fixture = Fixture::start().await?;
    for view in ["metrics_hourly", "logs_hourly"] {
        let drop = format!("DROP MATERIALIZED VIEW {}.{view}", fixture.settings.schema);
        fixture.client.batch_execute(&drop).await.expect("dropped");
    }

    let settings = &fixture.settings;
    let (one, other) = tokio::join!(Timescale::open(settings.clone()), Timescale::open(settings.clone()));

    let (_one, _other) = (one.expect("opens"), other.expect("opens"));
    for view in ["metrics_hourly", "logs_hourly"] {
        assert_eq!(fixture.policies(view, "%").await, 3, "{view}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn telemetry_is_kept_where_views_cannot_be() -> Result<(), ()> {
    let database = Hypertables::start().await.map_err(Skip::tell)?;
    let settings = database.config();
    let plain = client(&settings).await;
    let schema = &settings.schema;
    let in_the_way = format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.metrics_hourly (mine text)");
    plain.batch_execute(&in_the_way).await.expect("a table");

    let store = Timescale::open(settings.clone()).await.expect("the store opens");

    store.keep(&segment_of(points("cpu", &[(now(), 1.0)]))).await.expect("kept");
    store.expire(&tenant(), Signal::Metrics.into(), Timestamp(now() - HOUR)).await.expect("expired");
    let without = Config { hourly_views: false, ..database.config() };
    Timescale::open(without.clone()).await.expect("the store opens");
    let views = "SELECT count(*) FROM timescaledb_information.continuous_aggregates WHERE view_schema = $1";
    let views: i64 = plain.query_one(views, &[&without.schema]).await.expect("a number").get(0);
    assert_eq!(views, 0, "not wanted");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_alone_has_no_views() -> Result<(), ()> {
    let server = postgres().await.map_err(Skip::tell)?;
    let store = open(&server.url()).await;

    store.keep(&segment_of(points("cpu", &[(now(), 1.0)]))).await.expect("kept");
    store.expire(&tenant(), Signal::Metrics.into(), Timestamp(now() - HOUR)).await.expect("expired");
    store.maintain().await.expect("maintained");

    assert_eq!(server.psql("select count(*) from pg_class where relname like '%hourly%'"), "0");
    Ok(())
}

/// Gauges of one name.
fn points(name: &str, points: &[(i64, f64)]) -> Batch {
    let values = array(Float64Array::from_iter_values(points.iter().map(|(_, value)| *value)));
    metrics(name, points.iter().map(|(time, _)| *time), ("value", values))
}

/// The same with whole numbers, or without one.
fn integers(name: &str, points: &[(i64, Option<i64>)]) -> Batch {
    let values = array(points.iter().map(|(_, value)| *value).collect::<Int64Array>());
    metrics(name, points.iter().map(|(time, _)| *time), ("value_int", values))
}

fn metrics(name: &str, times: impl ExactSizeIterator<Item = i64>, values: (&str, ArrayRef)) -> Batch {
    let rows = times.len();
    let text = |text: &str| array(StringViewArray::from_iter_values(std::iter::repeat_n(text, rows)));
    let columns = [
        ("name", text(name)),
        ("type", text("gauge")),
        ("unit", text("1")),
        ("service_name", text("shop")),
        ("series_id", array(Int64Array::from(vec![1; rows]))),
        values,
    ];
    batch(Signal::Metrics, times, &columns)
}

/// Log records of these severities.
fn records(records: &[(i64, i32)]) -> Batch {
    let severities = array(Int32Array::from_iter_values(records.iter().map(|(_, severity)| *severity)));
    batch(Signal::Logs, records.iter().map(|(time, _)| *time), &[("severity_number", severities)])
}

fn batch(signal: Signal, times: impl ExactSizeIterator<Item = i64>, said: &[(&str, ArrayRef)]) -> Batch {
    let rows = times.len();
    let times = array(TimestampNanosecondArray::from_iter_values(times).with_timezone("UTC"));
    let columns = Table::of(signal).columns.iter().map(|column| match column.name {
        "time" => Some(Arc::clone(&times)),
        name => said.iter().find(|(said, _)| *said == name).map(|(_, values)| Arc::clone(values)),
    });
    Batch::new(signal, rows, columns.collect()).expect("columns of the signal")
}
